// Which modules a configuration chooses, against PEFT (tests/data/targets).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "adapters/adapter.h"
#include "models/model.h"
#include "support/expect_error.h"
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
  const auto context = test::test_context();
  std::map<std::string, std::shared_ptr<Model>> models;
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
  }
}

class Refused : public testing::Test {
 protected:
  void expect(const char* family, const std::string& config, Code code, const char* message) {
    const auto model = Model::load(test::data_path(std::string("families/") + family), *context);
    const Json json = Json::parse(config);
    EXPECT_ERROR(code, message, plan_adapter({model->transformer(), json, "test", {}, false, 0}));
  }
  std::unique_ptr<Context> context = test::test_context();
};

TEST_F(Refused, what_no_adapter_fits_or_two_would_change) {
  expect("llama", R"({"peft_type": "LORA", "target_modules": ["norm"]})", Code::unsupported,
         "'model.norm', which is no linear layer and no embedding");
  expect("llama", R"({"peft_type": "IA3", "target_modules": ["embed_tokens"], "feedforward_modules": []})",
         Code::unsupported, "'model.embed_tokens', which is no linear layer");
  // An ending of a name, but no part of it: PEFT would adapt the copy.
  expect("llama", R"({"peft_type": "LORA", "target_modules": ["up_proj"], "modules_to_save": ["lp"]})",
         Code::unsupported, "up_proj', which target_modules names too");
  expect(
      "qwen2",
      R"({"peft_type": "LORA", "target_modules": ["o_proj"], "bias": "all", "modules_to_save": ["q_proj"]})",
      Code::unsupported, "q_proj.bias', which bias names too");
  expect("llama",
         R"({"peft_type": "LORA", "target_modules": ["q_proj"], "modules_to_save": ["mlp", "score"]})",
         Code::mismatch, "'score' matches no module");
}

TEST_F(Refused, a_conv1d_that_is_held_turned_round) {
  const auto model = Model::load(test::data_path("gguf_models/gpt2-F32.gguf"), *context);
  const Json json =
      Json::parse(R"({"peft_type": "LORA", "target_modules": ["c_attn"], "modules_to_save": ["mlp"]})");
  EXPECT_ERROR(Code::unsupported, "load the model from its folder",
               plan_adapter({model->transformer(), json, "test", {}, false, 0}));
}

}  // namespace
}  // namespace peft
