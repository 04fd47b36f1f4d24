// Any spec computes its equation, whatever rows share a pass and whatever a cache holds; its gradients are
// those of the equation.
#include "nn/transformer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "autograd/tape.h"
#include "nn/small_models.h"
#include "support/expect_error.h"
#include "support/golden.h"

namespace peft::test {
namespace {

// f32 rounds to 6e-8; some hundred roundings in a row, of logits of size 10 or less.
constexpr double logit_bound = 2e-5;

const std::vector<int32_t> first_row = {3, 14, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7};
const std::vector<int32_t> second_row = {2, 7, 18};
const std::vector<int32_t> third_row = {11};

std::vector<int32_t> joined(const std::vector<std::vector<int32_t>>& rows) {
  std::vector<int32_t> ids;
  for (const auto& row : rows) ids.insert(ids.end(), row.begin(), row.end());
  return ids;
}

RowMap map_of(const std::vector<std::vector<int32_t>>& rows) {
  std::vector<Row> result;
  int32_t begin = 0;
  for (const auto& row : rows) {
    const auto length = static_cast<int32_t>(row.size());
    result.push_back({begin, length, 0, static_cast<int32_t>(result.size())});
    begin += length;
  }
  return RowMap(result);
}

std::vector<int32_t> all_of(size_t count) {
  std::vector<int32_t> wanted(count);
  std::iota(wanted.begin(), wanted.end(), 0);
  return wanted;
}

class Models : public testing::TestWithParam<SmallModel> {
 protected:
  void SetUp() override {
    context = test_context();
    model = make_transformer(GetParam().spec, *context, weights);
    workspace = std::make_unique<Workspace>(*context);
  }

  std::vector<float> logits(const std::vector<std::vector<int32_t>>& rows,
                            std::vector<ActiveAdapters> adapters = {}) {
    const std::vector<int32_t> ids = joined(rows);
    Pass pass(*workspace, ids, map_of(rows), std::move(adapters));
    return context->to_host(model->logits(pass, model->forward(pass, all_of(ids.size()))));
  }

  void expect_near(const std::vector<float>& found, const Numbers& expected, const char* what) const {
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      ASSERT_NEAR(static_cast<double>(found[i]), expected[i], logit_bound) << what << ", number " << i;
  }

  std::unique_ptr<Context> context;
  Weights weights;
  std::unique_ptr<Transformer> model;
  std::unique_ptr<Workspace> workspace;
};

INSTANTIATE_TEST_SUITE_P(Specs, Models, testing::ValuesIn(small_models()),
                         [](const auto& each) { return each.param.name; });

// Tokens that see what comes after them are not decoded one by one.
class Decoders : public Models {};

std::vector<SmallModel> causal_models() {
  std::vector<SmallModel> models = small_models();
  std::erase_if(models, [](const SmallModel& each) { return !is_causal(each.spec); });
  return models;
}

INSTANTIATE_TEST_SUITE_P(Specs, Decoders, testing::ValuesIn(causal_models()),
                         [](const auto& each) { return each.param.name; });

TEST_P(Models, ComputeTheirEquation) {
  expect_near(logits({first_row}), reference_logits(GetParam().spec, weights, first_row), "a row");
  expect_near(logits({third_row}), reference_logits(GetParam().spec, weights, third_row), "one token");
}

TEST_P(Models, RowsOfAPassDoNotSeeEachOther) {
  Numbers expected;
  for (const auto& row : {second_row, first_row, third_row}) {
    const Numbers part = reference_logits(GetParam().spec, weights, row);
    expected.insert(expected.end(), part.begin(), part.end());
  }
  expect_near(logits({second_row, first_row, third_row}), expected, "packed");
}

TEST_P(Models, WantedTokensAlone) {
  Pass pass(*workspace, joined({second_row, first_row}), map_of({second_row, first_row}));
  const std::vector<int32_t> wanted = {2, 3, 15};
  const std::vector<float> found = context->to_host(model->logits(pass, model->forward(pass, wanted)));
  const std::vector<float> all = logits({second_row, first_row});
  const auto vocabulary = static_cast<size_t>(GetParam().spec.vocabulary);
  ASSERT_EQ(found.size(), wanted.size() * vocabulary);
  for (size_t i = 0; i < wanted.size(); ++i)
    for (size_t c = 0; c < vocabulary; ++c)
      EXPECT_NEAR(found[i * vocabulary + c], all[static_cast<size_t>(wanted[i]) * vocabulary + c],
                  logit_bound);
}

// Decoding token by token, in pieces, after a rewind and in a fork: always the logits of one pass.
TEST_P(Decoders, CacheHoldsWhatAPassComputes) {
  const ModelSpec& spec = GetParam().spec;
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 38; ++i) ids.push_back((i * 7 + 3) % 19);  // more than a page
  const Numbers expected = reference_logits(spec, weights, ids);
  const auto vocabulary = static_cast<size_t>(spec.vocabulary);
  const auto push = [&](KvSequence& cache, int32_t count) {
    const int32_t begin = cache.length();
    Pass pass(*workspace, std::span(ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(count)),
              RowMap({{0, count, begin, 0}}), {}, {&cache});
    const std::vector<float> found =
        context->to_host(model->logits(pass, model->forward(pass, all_of(static_cast<size_t>(count)))));
    const auto from = expected.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(begin) * vocabulary);
    expect_near(found, Numbers(from, from + static_cast<std::ptrdiff_t>(found.size())), "cached");
  };
  KvSequence cache(spec, *context);
  for (const int32_t count : {5, 1, 1, 11, 1}) push(cache, count);
  KvSequence other = cache.fork(*context);
  while (cache.length() < 36) push(cache, 1);
  for (const int32_t count : {1, 13, 1}) push(other, count);
  cache.rewind(9);
  push(cache, 20);
  push(other, 1);
}

// Two caches of different length in one pass.
TEST_P(Decoders, CachesOfOnePassAreApart) {
  const ModelSpec& spec = GetParam().spec;
  KvSequence a(spec, *context), b(spec, *context);
  {
    Pass pass(*workspace, std::span(first_row).first(8), RowMap({{0, 8, 0, 0}}), {}, {&a});
    model->forward(pass, {});
  }
  const std::vector<int32_t> ids = {first_row[8], second_row[0], second_row[1], second_row[2]};
  Pass pass(*workspace, ids, RowMap({{0, 1, 8, 0}, {1, 3, 0, 1}}), {}, {&a, &b});
  const std::vector<float> found = context->to_host(model->logits(pass, model->forward(pass, all_of(4))));
  const Numbers first = reference_logits(spec, weights, first_row),
                second = reference_logits(spec, weights, second_row);
  Numbers expected(first.begin() + static_cast<std::ptrdiff_t>(8 * spec.vocabulary),
                   first.begin() + static_cast<std::ptrdiff_t>(9 * spec.vocabulary));
  expected.insert(expected.end(), second.begin(), second.end());
  expect_near(found, expected, "two caches");
}

// All parameters as leaves: what modules_to_save and trained biases hand in.
class AllTrain final : public HookTable {
 public:
  AllTrain(const Transformer& model, Context& context) {
    for (const Parameter& parameter : model.layout().parameters) {
      values.push_back(parameter.value.detached());
      gradients.push_back(context.zeros(parameter.shape));
      make_leaf(values.back(), gradients.back());
    }
  }
  const LinearHook* linear(int32_t) const override { return nullptr; }
  const PromptHook* prompt() const override { return nullptr; }
  Tensor parameter(ParameterId id) const override { return values[static_cast<size_t>(id)]; }
  int32_t lowest_trained_layer() const override { return -1; }

  std::vector<Tensor> values, gradients;
};

TEST_P(Models, GradientsOfEveryParameter) {
  const ModelSpec& spec = GetParam().spec;
  const std::vector<std::vector<int32_t>> rows = {second_row, first_row};
  const std::vector<int32_t> ids = joined(rows);
  std::vector<float> direction(ids.size() * static_cast<size_t>(spec.vocabulary));
  for (size_t i = 0; i < direction.size(); ++i) direction[i] = std::sin(static_cast<float>(i) * 1.7f) / 8;
  const auto loss = [&](const Weights& at) {
    size_t i = 0;
    double sum = 0;
    for (const auto& row : rows)
      for (const double logit : reference_logits(spec, at, row))
        sum += logit * static_cast<double>(direction[i++]);
    return sum;
  };
  std::vector<std::vector<float>> plain;
  for (const bool checkpointing : {false, true}) {
    const auto hooks = std::make_shared<AllTrain>(*model, *context);
    Tape tape;
    PassOptions options;
    options.training = true;
    options.checkpoint_activations = checkpointing;
    Pass pass(*workspace, ids, map_of(rows), {{0, 2, {hooks}}}, {}, options);
    const TapeScope scope(*context, &tape);
    const Tensor found = model->logits(pass, model->forward(pass, all_of(ids.size())));
    tape.backward(*context, found, context->from_host(direction, found.shape()));
    for (size_t p = 0; p < model->layout().parameters.size(); ++p) {
      const std::vector<float> gradient = context->to_host(hooks->gradients[p]);
      if (checkpointing) {
        EXPECT_EQ(gradient, plain[p]) << model->layout().parameters[p].name;
        continue;
      }
      plain.push_back(gradient);
      const std::string& name = model->layout().parameters[p].name;
      for (size_t i = (p * 5) % 7; i < gradient.size(); i += 1 + gradient.size() / 4) {
        Weights moved = weights;
        constexpr double step = 1e-5;
        moved[name][i] = weights[name][i] + step;
        const double above = loss(moved);
        moved[name][i] = weights[name][i] - step;
        const double expected = (above - loss(moved)) / (2 * step);
        EXPECT_NEAR(static_cast<double>(gradient[i]), expected, 1e-4 * std::max(1.0, std::abs(expected)))
            << name << ", number " << i;
      }
    }
  }
}

TEST(Transformer, PositionsBeyondTheTableAreRefused) {
  const auto context = test_context();
  Weights weights;
  const SmallModel turned = small_models()[1];
  const auto model = make_transformer(turned.spec, *context, weights);
  Workspace workspace(*context);
  const std::vector<int32_t> ids(41, 1);
  Pass pass(workspace, ids, RowMap({{0, 41, 0, 0}}));
  EXPECT_ERROR(Code::limit, "40 learned positions", model->forward(pass, {}));
}

TEST(Transformer, CancelStopsBetweenLayers) {
  const auto context = test_context();
  Weights weights;
  const auto model = make_transformer(small_models()[0].spec, *context, weights);
  Workspace workspace(*context);
  CancelToken cancel;
  cancel.signal();
  context->cancel = &cancel;
  Pass pass(workspace, first_row, RowMap({{0, 13, 0, 0}}));
  EXPECT_ERROR(Code::cancelled, "", model->forward(pass, {}));
}

}  // namespace
}  // namespace peft::test
