// Which modules a configuration chooses, against PEFT (tests/data/targets).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "adapters/adapter.h"
#include "models/model.h"
#include "support/golden.h"

namespace peft {
namespace {

TEST(Targets, equal_peft) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(
      std::fopen(test::data_path("targets/targets.json").c_str(), "rb"), std::fclose);
  ASSERT_TRUE(file);
  std::string text(1 << 20, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  const Json golden = Json::parse(text);
  const auto context = test::cpu_context();
  std::map<std::string, std::shared_ptr<Model>> models;
  int missing = 0;
  for (const Json& entry : golden["cases"]) {
    const std::string family = entry["family"], method = entry["method"];
    auto& model = models[family];
    if (!model) model = Model::load(test::data_path("families/" + family), *context);
    Json config = Json::object();
    config["peft_type"] = method;
    for (const char* key : {"target_modules", "exclude_modules", "layers_to_transform", "layers_pattern",
                            "modules_to_save", "feedforward_modules"})
      if (entry.contains(key)) config[key] = entry[key];
    const std::string what = dump_json(entry);
    const PlanInput input{model->transformer(), config, "test", {}, false, 0};
    if (entry.contains("refused")) {
      EXPECT_THROW(plan_adapter(input), Error) << what;
      continue;
    }
    try {
      const auto plan = plan_adapter(input);
      auto expected = entry["resolved"].get<std::vector<std::string>>();
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(plan->target_paths(), expected) << what;
      if (!entry.contains("feedforward")) continue;
      // An (IA)^3 vector scales the input of a feed-forward layer, else the output: its shape in the file
      // tells.
      const auto feed_forward = entry["feedforward"].get<std::vector<std::string>>();
      for (const PlannedTensor& tensor : plan->tensors()) {
        if (tensor.key.find(".ia3_l") == std::string::npos) continue;
        const std::string path =
            tensor.key.substr(std::string("base_model.model.").size(), tensor.key.find(".ia3_l") - 17);
        const bool scales_input =
            std::find(feed_forward.begin(), feed_forward.end(), path) != feed_forward.end();
        EXPECT_EQ(tensor.shape[0] == 1, scales_input) << path << " " << what;
      }
    } catch (const Error& error) {
      // What we do not have and say so: adapters on embeddings, modules_to_save of a whole sublayer.
      const std::string message = error.what();
      const bool embedding =
          error.code() == Code::unsupported && message.find("which is no linear layer") != std::string::npos;
      const bool sublayer =
          error.code() == Code::mismatch && message.find("modules_to_save: 'mlp'") != std::string::npos;
      EXPECT_TRUE(embedding || sublayer) << message << " " << what;
      ++missing;
    }
  }
  EXPECT_EQ(missing, 3);
}

}  // namespace
}  // namespace peft
