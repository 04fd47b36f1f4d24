// AdamW and the schedules against torch and Transformers (tests/data/optimizer).
#include <gtest/gtest.h>

#include "autograd/tape.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/support.h"

namespace peft {
namespace {

using Lists = std::vector<std::vector<float>>;

// Both run in f32 with the same formula in another order of rounding.
void expect_near(Context& context, const std::vector<Tensor>& found, const Json& expected,
                 const std::string& what) {
  const auto wanted = expected.get<Lists>();
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::vector<float> values = context.to_host(found[i]);
    ASSERT_EQ(values.size(), wanted[i].size());
    for (size_t k = 0; k < values.size(); ++k)
      EXPECT_NEAR(values[k], wanted[i][k], 4e-6 * std::abs(wanted[i][k]) + 1e-7)
          << what << " " << i << " " << k;
  }
}

TEST(Optimizer, follows_torch) {
  const Json golden = Json::parse(test::text_of_file(test::data_path("optimizer/adamw.json")));
  const auto context = test::test_context();
  for (const Json& entry : golden["cases"]) {
    const Lists start = entry["start"].get<Lists>();
    std::vector<Shape> shapes;
    for (const auto& values : start) shapes.push_back({static_cast<int64_t>(values.size())});
    FlatTensors flat = flat_zeros(*context, shapes);
    std::vector<Tensor>& parameters = flat.parts;
    for (size_t i = 0; i < start.size(); ++i)
      context->backend().copy_from_host(std::as_bytes(std::span(start[i])).data(), parameters[i].view().data,
                                        static_cast<int64_t>(start[i].size()) * 4);
    Optimizer optimizer(*context, flat);
    TrainerOptions options;
    options.weight_decay = entry["weight_decay"];
    options.beta1 = entry.value("beta1", 0.9);
    options.beta2 = entry.value("beta2", 0.999);
    options.epsilon = entry.value("eps", 1e-8);
    const double limit = entry.value("max_grad_norm", 0.0);
    int step = 0;
    for (const Json& expected : entry["steps"]) {
      optimizer.zero_gradients();
      const auto gradients = expected["gradients"].get<Lists>();
      for (size_t i = 0; i < gradients.size(); ++i) {
        Tensor leaf = parameters[i].grad()->gradient;
        context->backend().copy_from_host(std::as_bytes(std::span(gradients[i])).data(), leaf.view().data,
                                          static_cast<int64_t>(gradients[i].size()) * 4);
      }
      double scale = 1;
      if (limit > 0) {
        const double norm = std::sqrt(static_cast<double>(context->to_host(optimizer.squared_norm())[0]));
        EXPECT_NEAR(norm, expected["grad_norm"].get<double>(), 1e-6 * norm);
        scale = std::min(1.0, limit / (norm + 1e-6));
      }
      optimizer.step(options, entry["learning_rate"], scale);
      ++step;
      const std::string what = "step " + std::to_string(step);
      expect_near(*context, parameters, expected["parameters"], what + " parameter");
      expect_near(*context, optimizer.first_moments(), expected["first_moments"], what + " first moment");
      expect_near(*context, optimizer.second_moments(), expected["second_moments"], what + " second moment");
    }
    EXPECT_EQ(optimizer.steps(), 20);
  }
}

TEST(Schedules, equal_transformers) {
  const Json golden = Json::parse(test::text_of_file(test::data_path("optimizer/schedules.json")));
  const std::map<std::string, Schedule> names = {{"constant", Schedule::constant},
                                                 {"constant_with_warmup", Schedule::constant},
                                                 {"linear", Schedule::linear},
                                                 {"cosine", Schedule::cosine}};
  for (const Json& entry : golden["schedules"]) {
    const std::string name = entry["name"];
    ASSERT_TRUE(names.contains(name)) << name;
    // Transformers' plain "constant" ignores a warm-up; ours makes the one that is asked for.
    if (name == "constant" && entry["warmup_steps"] != 0) continue;
    const auto factors = entry["factors"].get<std::vector<double>>();
    for (size_t i = 0; i < factors.size(); ++i)
      EXPECT_NEAR(schedule_factor(names.at(name), static_cast<int64_t>(i), entry["warmup_steps"],
                                  entry["total_steps"]),
                  factors[i], 1e-12)
          << name << " " << i;
  }
}

}  // namespace
}  // namespace peft
