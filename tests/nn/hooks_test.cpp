// Hooks see the groups of layers that the house promises, the rows they are active for, and nothing else.
#include "nn/hooks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "nn/low_rank_hook.h"
#include "nn/small_models.h"
#include "nn/transformer.h"
#include "support/expect_error.h"
#include "support/golden.h"

namespace peft::test {
namespace {

struct Call {
  std::vector<std::string> members;
  int64_t rows = 0;
  bool operator==(const Call&) const = default;
};

// Notes every group that it is called for and multiplies the outputs of covered layers.
class Scaling final : public HookTable, public LinearHook {
 public:
  explicit Scaling(float factor, std::string covered = "") : factor_(factor), covered_(std::move(covered)) {}

  const LinearHook* linear(int32_t) const override { return this; }
  const PromptHook* prompt() const override { return nullptr; }
  Tensor parameter(ParameterId) const override { return {}; }
  int32_t lowest_trained_layer() const override { return INT32_MAX; }

  std::vector<Tensor> forward(Pass& pass, const Tensor& x, const LinearBase& base) const override {
    std::vector<Tensor> outputs = base.forward(pass, x);
    Call call{{}, x.rows()};
    EXPECT_EQ(outputs.size(), static_cast<size_t>(base.members()));
    EXPECT_EQ(pass.placement.row_ids.rows(), x.rows());
    for (int i = 0; i < base.members(); ++i) {
      const Module& module = base.module(i);
      call.members.push_back(module.name);
      EXPECT_EQ(outputs[static_cast<size_t>(i)].columns(), module.out_features);
      EXPECT_EQ(x.columns(), module.in_features);
      if (!covered_.empty() && module.name.find(covered_) == std::string::npos) continue;
      std::vector<float> values = pass.context().to_host(outputs[static_cast<size_t>(i)]);
      for (float& value : values) value *= factor_;
      outputs[static_cast<size_t>(i)] =
          pass.context().from_host(values, outputs[static_cast<size_t>(i)].shape());
    }
    calls.push_back(call);
    return outputs;
  }
  bool covers(int) const override { return true; }
  DenseLinear merged(Context&, int, const Module&, DenseLinear base) const override { return base; }

  mutable std::vector<Call> calls;

 private:
  float factor_;
  std::string covered_;
};

// Virtual tokens that are the embeddings of real ones.
class Prompt final : public HookTable, public PromptHook {
 public:
  Prompt(const Weights& weights, std::vector<int32_t> ids, int64_t width)
      : ids_(std::move(ids)), width_(width) {
    for (const int32_t id : ids_)
      for (int64_t c = 0; c < width; ++c)
        values_.push_back(
            static_cast<float>(weights.at("embedding.weight")[static_cast<size_t>(id * width + c)]));
  }
  const LinearHook* linear(int32_t) const override { return nullptr; }
  const PromptHook* prompt() const override { return this; }
  Tensor parameter(ParameterId) const override { return {}; }
  int32_t lowest_trained_layer() const override { return -1; }
  int32_t length() const override { return static_cast<int32_t>(ids_.size()); }
  Tensor embeddings(Pass& pass) const override {
    return pass.context().from_host(values_, {length(), width_});
  }

 private:
  std::vector<int32_t> ids_;
  int64_t width_;
  std::vector<float> values_;
};

class Hooks : public testing::Test {
 protected:
  Hooks() : spec(small_models()[0].spec), context(test_context()), workspace(*context) {
    model = make_transformer(spec, *context, weights);
  }

  // Logits of three rows of 3, 2 and 4 tokens.
  std::vector<float> logits(std::vector<ActiveAdapters> adapters) {
    Pass pass(workspace, ids, RowMap({{0, 3, 0, 0}, {3, 2, 0, 1}, {5, 4, 0, 2}}), std::move(adapters));
    std::vector<int32_t> wanted(ids.size());
    std::iota(wanted.begin(), wanted.end(), 0);
    return context->to_host(model->logits(pass, model->forward(pass, wanted)));
  }

  std::vector<float> rows_of(const std::vector<float>& values, int64_t begin, int64_t count) const {
    const auto from = values.begin() + begin * spec.vocabulary;
    return {from, from + count * spec.vocabulary};
  }

  const std::vector<int32_t> ids = {3, 1, 4, 1, 5, 9, 2, 6, 5};
  ModelSpec spec;
  std::unique_ptr<Context> context;
  Weights weights;
  std::unique_ptr<Transformer> model;
  Workspace workspace;
};

TEST_F(Hooks, AreCalledForGroupsInTheOrderOfExecution) {
  const auto hook = std::make_shared<Scaling>(1.0f);
  const std::vector<float> found = logits({{0, 3, {hook}}});
  std::vector<Call> expected;
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    const auto named = [&](std::vector<std::string> members) {
      for (std::string& member : members) member = block + member;
      expected.push_back({members, 9});
    };
    named({"attention.query", "attention.key", "attention.value"});
    named({"attention.output"});
    named({"feed_forward.gate", "feed_forward.up"});
    named({"feed_forward.down"});
  }
  expected.push_back({{"head"}, 9});
  ASSERT_EQ(hook->calls.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(hook->calls[i].members, expected[i].members);
  EXPECT_EQ(hook->calls, expected);
  EXPECT_EQ(found, logits({}));
}

TEST_F(Hooks, ActOnTheirRowsAlone) {
  const std::vector<float> plain = logits({});
  const auto first = std::make_shared<Scaling>(2.0f),
             last = std::make_shared<Scaling>(0.5f, "feed_forward.down");
  const std::vector<float> mixed = logits({{0, 1, {first}}, {2, 1, {last}}});
  for (const Call& call : first->calls) EXPECT_EQ(call.rows, 3);
  for (const Call& call : last->calls) EXPECT_EQ(call.rows, 4);
  // Products of few rows sum in another order than products of many.
  EXPECT_LE(largest_difference(rows_of(mixed, 3, 2), rows_of(plain, 3, 2)), 2e-5);
  EXPECT_LE(largest_difference(rows_of(mixed, 0, 3), rows_of(logits({{0, 3, {first}}}), 0, 3)), 2e-5);
  EXPECT_LE(largest_difference(rows_of(mixed, 5, 4), rows_of(logits({{0, 3, {last}}}), 5, 4)), 2e-5);
  EXPECT_GT(largest_difference(rows_of(mixed, 0, 3), rows_of(plain, 0, 3)), 1e-2);
  EXPECT_GT(largest_difference(rows_of(mixed, 5, 4), rows_of(plain, 5, 4)), 1e-2);
}

// Adds a low-rank update to every group, which says so or hides it.
class LowRankEverywhere final : public HookTable {
 public:
  LowRankEverywhere(Context& context, const Transformer& model, int seed, bool says_so) {
    const Layout& layout = model.layout();
    for (const LinearGroup& group : layout.groups) {
      const auto out = [&](size_t m) { return layout.modules[static_cast<size_t>(group.modules[m])].out_features; };
      const int64_t in = layout.modules[static_cast<size_t>(group.modules[0])].in_features, rank = 2 + seed % 3;
      auto hook = std::make_unique<Hook>();
      hook->says_so = says_so;
      hook->low.update.a = pattern(context, {rank * static_cast<int64_t>(group.modules.size()), in}, seed);
      for (size_t m = 0; m < group.modules.size(); ++m)
        hook->low.update.parts.push_back({static_cast<int>(m), pattern(context, {out(m), rank}, seed + 7), 0.5f,
                                          rank * static_cast<int64_t>(m)});
      hooks_.push_back(std::move(hook));
    }
  }
  const LinearHook* linear(int32_t group) const override { return hooks_[static_cast<size_t>(group)].get(); }
  const PromptHook* prompt() const override { return nullptr; }
  Tensor parameter(ParameterId) const override { return {}; }
  int32_t lowest_trained_layer() const override { return INT32_MAX; }

 private:
  struct Hook final : LinearHook {
    const LowRankHook* low_rank() const override { return says_so ? &low : nullptr; }
    std::vector<Tensor> forward(Pass& pass, const Tensor& x, const LinearBase& base) const override {
      std::vector<Tensor> outputs = base.forward(pass, x);
      add_low_rank(pass, x, low, {}, outputs);
      return outputs;
    }
    bool covers(int) const override { return true; }
    DenseLinear merged(Context&, int, const Module&, DenseLinear base) const override { return base; }
    LowRankHook low;
    bool says_so = true;
  };
  static Tensor pattern(Context& context, const Shape& shape, int seed) {
    std::vector<float> values(static_cast<size_t>(shape.elements()));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = 0.1f * std::sin(static_cast<float>(i * 31 % 977 + static_cast<size_t>(seed) * 13));
    return context.from_host(values, shape);
  }
  std::vector<std::unique_ptr<Hook>> hooks_;
};

// What rows of several low-rank adapters share (one product of the base, kernels for all updates) changes nothing.
TEST_F(Hooks, ThatAreLowRankUpdatesShareTheBase) {
  const auto table = [&](int seed, bool says_so) {
    return std::make_shared<LowRankEverywhere>(*context, *model, seed, says_so);
  };
  std::vector<std::vector<float>> found;
  for (const bool says_so : {false, true}) {
    const auto a = table(1, says_so), b = table(2, says_so), c = table(3, says_so);
    found.push_back(logits({{0, 1, {a}}, {2, 1, {b, c}}}));
    found.push_back(logits({{0, 1, {a, b}}, {1, 1, {b}}, {2, 1, {c}}}));
  }
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_LE(largest_difference(found[i], found[i + 2]), 2e-5);
    EXPECT_GT(largest_difference(found[i], logits({})), 1e-2);
  }
  EXPECT_GT(largest_difference(found[0], found[1]), 1e-2);
}

TEST_F(Hooks, OfSeveralAdaptersLieAroundEachOther) {
  const auto twice = std::make_shared<Scaling>(2.0f, "output"),
             half = std::make_shared<Scaling>(0.5f, "output");
  EXPECT_EQ(logits({{0, 3, {twice, half}}}), logits({}));  // exact powers of two
  EXPECT_EQ(twice->calls.size(), half->calls.size());
}

TEST_F(Hooks, ScalingALayerIsScalingItsWeight) {
  const auto hook = std::make_shared<Scaling>(3.0f, "blocks.1.attention.value");
  Weights scaled = weights;
  for (double& value : scaled["blocks.1.attention.value.weight"]) value *= 3;
  const std::vector<float> found = logits({{0, 3, {hook}}});
  const Numbers expected = reference_logits(spec, scaled, {ids.begin() + 5, ids.end()});
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(rows_of(found, 5, 4)[i], static_cast<float>(expected[i]), 2e-5f);
}

TEST_F(Hooks, PromptsComeBeforeTheirRows) {
  const auto prompt = std::make_shared<Prompt>(weights, std::vector<int32_t>{7, 8}, spec.width);
  const std::vector<float> found = logits({{1, 1, {prompt}}});
  const std::vector<float> plain = logits({});
  EXPECT_LE(largest_difference(rows_of(found, 0, 3), rows_of(plain, 0, 3)), 2e-5);
  EXPECT_LE(largest_difference(rows_of(found, 5, 4), rows_of(plain, 5, 4)), 2e-5);
  const Numbers whole = reference_logits(spec, weights, {7, 8, 1, 5});
  for (int64_t i = 0; i < 2 * spec.vocabulary; ++i)
    EXPECT_NEAR(rows_of(found, 3, 2)[static_cast<size_t>(i)],
                static_cast<float>(whole[static_cast<size_t>(i + 2 * spec.vocabulary)]), 2e-5f);
}

TEST_F(Hooks, TwoPromptsAreRefused) {
  const auto prompt = std::make_shared<Prompt>(weights, std::vector<int32_t>{7}, spec.width);
  EXPECT_ERROR(Code::unsupported, "both put a prompt", logits({{0, 3, {prompt, prompt}}}));
}

// Places of a copied parameter: for the whole pass or not at all.
class Copy final : public HookTable {
 public:
  Copy(ParameterId id, Tensor value) : id_(id), value_(std::move(value)) {}
  const LinearHook* linear(int32_t) const override { return nullptr; }
  const PromptHook* prompt() const override { return nullptr; }
  Tensor parameter(ParameterId id) const override { return id == id_ ? value_ : Tensor(); }
  int32_t lowest_trained_layer() const override { return -1; }

 private:
  ParameterId id_;
  Tensor value_;
};

TEST_F(Hooks, CopiesOfParametersReplaceThem) {
  const Layout& layout = model->layout();
  const ParameterId head = layout.modules[static_cast<size_t>(layout.module("head"))].weight;
  Weights untied = weights;
  std::vector<float> values;
  for (double& value : untied["head.weight"]) {
    value = static_cast<double>(static_cast<float>(-value));
    values.push_back(static_cast<float>(value));
  }
  const auto copy = std::make_shared<Copy>(head, context->from_host(values, {spec.vocabulary, spec.width}));
  const std::vector<float> found = logits({{0, 3, {copy}}});
  const Numbers expected = reference_logits(spec, untied, {ids.begin(), ids.begin() + 3});
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], static_cast<float>(expected[i]), 2e-5f);
  EXPECT_ERROR(Code::unsupported, "must be active for every row", logits({{0, 2, {copy}}}));
  EXPECT_ERROR(Code::unsupported, "both replace", logits({{0, 3, {copy, copy}}}));
}

}  // namespace
}  // namespace peft::test
