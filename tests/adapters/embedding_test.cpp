// LoRA on embeddings: gradients, rows of a batch with and without it, a tied head, weights filed beside it.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "adapters/files.h"
#include "adapters/merge.h"
#include "autograd/tape.h"
#include "formats/adapter_folder.h"
#include "generate/score.h"
#include "models/model.h"
#include "models/save.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

class EmbeddingAdapter : public testing::Test {
 protected:
  void open(const std::string& base, const std::string& name) {
    model = Model::load(test::data_path("families/" + base), *context);
    adapter = load_adapter("default", test::data_path("adapters/" + name), model->transformer(), *context,
                           "tiny-" + base)
                  .adapter;
  }
  std::vector<float> logits(std::span<const int32_t> tokens, RowMap rows,
                            std::vector<ActiveAdapters> active) {
    Workspace workspace(*context);
    Pass pass(workspace, tokens, std::move(rows), std::move(active));
    return context->to_host(run(pass));
  }
  Tensor run(Pass& pass) {
    std::vector<int32_t> wanted(pass.ids().size());
    std::iota(wanted.begin(), wanted.end(), 0);
    return model->transformer().logits(pass, model->transformer().forward(pass, wanted));
  }
  // The logits of two rows times fixed weights, summed.
  double value(std::shared_ptr<const HookTable> hooks, const std::function<void(Tensor&)>& backward = {}) {
    Workspace workspace(*context);
    Pass pass(workspace, ids, RowMap({{0, 5, 0, 0}, {5, 4, 0, 1}}), {{0, 2, {std::move(hooks)}}});
    Tensor y = run(pass);
    const std::vector<float> found = context->to_host(y);
    double sum = 0;
    for (size_t i = 0; i < found.size(); ++i) sum += static_cast<double>(weight(i)) * found[i];
    if (backward) backward(y);
    return sum;
  }
  void write(Tensor& buffer, const std::vector<float>& values) {
    context->backend().copy_from_host(reinterpret_cast<const std::byte*>(values.data()), buffer.view().data,
                                      static_cast<int64_t>(values.size() * sizeof(float)));
  }
  static float weight(size_t i) { return static_cast<float>(std::sin(0.7 * static_cast<double>(i))); }

  std::unique_ptr<Context> context = test::test_context();
  std::shared_ptr<Model> model;
  std::shared_ptr<Adapter> adapter;
  const std::vector<int32_t> ids = {53, 4, 76, 0, 4, 38, 86, 4, 20};
};

// Every buffer of the adapter along the signs of its gradient, where the slope is |g|_1.
TEST_F(EmbeddingAdapter, gradients_equal_differences) {
  for (const auto& [base, name] :
       {std::pair{"llama", "llama_lora_embedding"}, std::pair{"gpt2", "gpt2_lora_embedding"},
        std::pair{"gpt2", "gpt2_lora_mlp"}, std::pair{"llama", "llama_lora_mlp"}}) {
    open(base, name);
    const auto training = Adapter::begin_training(adapter, *context);
    for (Tensor& buffer : training->buffers()) {
      Tensor gradient = context->empty(buffer.shape());
      context->backend().fill(gradient.view(), 0.0f);
      make_leaf(buffer, gradient);
    }
    Tape tape;
    {
      const TapeScope scope(*context, &tape);
      value(training->hooks(), [&](Tensor& y) {
        std::vector<float> weights(static_cast<size_t>(y.elements()));
        for (size_t i = 0; i < weights.size(); ++i) weights[i] = weight(i);
        tape.backward(*context, y, context->from_host(std::span<const float>(weights), y.shape()));
      });
    }
    for (size_t b = 0; b < training->buffers().size(); ++b) {
      Tensor& buffer = training->buffers()[b];
      const std::vector<float> gradient = context->to_host(buffer.grad()->gradient);
      const std::vector<float> before = context->to_host(buffer);
      const double step = 2e-3;
      double slope = 0, sides[2];
      for (const float g : gradient) slope += std::abs(static_cast<double>(g));
      for (const int side : {-1, 1}) {
        std::vector<float> moved = before;
        for (size_t i = 0; i < moved.size(); ++i)
          moved[i] += static_cast<float>(side * step * (gradient[i] > 0 ? 1 : gradient[i] < 0 ? -1 : 0));
        write(buffer, moved);
        sides[side > 0] = value(training->hooks());
      }
      write(buffer, before);
      // Rounding of the logits' sum, and the third derivative.
      EXPECT_NEAR((sides[1] - sides[0]) / (2 * step), slope, 0.01 * slope + 0.05) << name << " buffer " << b;
      EXPECT_GT(slope, 1) << name << " buffer " << b;
    }
  }
}

TEST_F(EmbeddingAdapter, acts_on_its_own_rows_of_a_batch) {
  open("gpt2", "gpt2_lora_embedding");
  const std::vector<int32_t> a = {53, 4, 76, 0, 4}, b = {38, 86, 4}, c = {9, 4, 20, 53};
  const auto alone = [&](const std::vector<int32_t>& row, bool adapted) {
    return logits(
        row, RowMap({{0, static_cast<int32_t>(row.size()), 0, 0}}),
        adapted ? std::vector<ActiveAdapters>{{0, 1, {adapter->snapshot()}}} : std::vector<ActiveAdapters>{});
  };
  std::vector<int32_t> all = a;
  all.insert(all.end(), b.begin(), b.end());
  all.insert(all.end(), c.begin(), c.end());
  const auto found =
      logits(all, RowMap({{0, 5, 0, 0}, {5, 3, 0, 1}, {8, 4, 0, 2}}), {{1, 1, {adapter->snapshot()}}});
  std::vector<float> expected = alone(a, false);
  for (const auto& part : {alone(b, true), alone(c, false)})
    expected.insert(expected.end(), part.begin(), part.end());
  EXPECT_LE(test::largest_difference(found, expected), 1e-5);
  EXPECT_GT(test::largest_difference(alone(b, true), alone(b, false)), 0.1);
}

// PEFT's merge changes the tied head along with the table; ours leaves the head as it was, in files too.
TEST_F(EmbeddingAdapter, merged_into_a_tied_model_unties_it) {
  for (const std::string name : {"llama_lora_embedding", "llama_lora_adapted_head"}) {
    open("llama", name);
    MergedWeights merged =
        MergedWeights::compute(model->transformer(), *adapter->snapshot(), *context, nullptr);
    merged.apply(model->transformer());
    const test::TemporaryFolder folder;
    save_folder(*model, folder.file("merged"), *context, {});
    const test::Golden golden("adapters/" + name + ".golden.safetensors");
    const auto reloaded = Model::load(folder.file("merged"), *context);
    EXPECT_FALSE(reloaded->transformer().spec().tied_head);
    Workspace workspace(*context);
    const auto row = golden.ids("token_ids_1");
    const auto found =
        token_logits(reloaded->transformer(), workspace, row, {}, 0, static_cast<int64_t>(row.size()));
    EXPECT_LE(test::largest_difference(found, golden.read<float>("logits_1")), 1e-4) << name;
  }
}

TEST_F(EmbeddingAdapter, starts_without_effect) {
  model = Model::load(test::data_path("families/llama"), *context);
  const Json config = Json::parse(R"({"peft_type": "LORA", "r": 4, "target_modules": ["embed_tokens"]})");
  std::shared_ptr<const Plan> plan = plan_adapter({model->transformer(), config, "test", {}, false, 3});
  adapter = Adapter::create("new", plan, model->transformer(), *context, 3);
  ASSERT_EQ(plan->tensors().size(), 2u);
  EXPECT_EQ(plan->tensors()[0].shape, (Shape{4, 96}));
  const std::vector<float> a = context->to_host(adapter->values()[0]),
                           b = context->to_host(adapter->values()[1]);
  EXPECT_EQ(a, std::vector<float>(4 * 96, 0.0f));
  double squares = 0;
  for (const float value : b) squares += static_cast<double>(value) * value;
  EXPECT_NEAR(squares / static_cast<double>(b.size()), 1.0, 0.35);  // N(0, 1), four deviations of 128 draws
  const RowMap row({{0, 9, 0, 0}});
  EXPECT_EQ(logits(ids, row, {{0, 1, {adapter->snapshot()}}}), logits(ids, row, {}));
}

// PEFT files the table beside its adapter and would load it over the model's own.
TEST_F(EmbeddingAdapter, filed_base_weights_must_be_the_models) {
  const std::string path = test::data_path("adapters/llama_lora_embedding");
  open("llama", "llama_lora_embedding");
  const test::TemporaryFolder folder;
  save_adapter(*adapter, folder.path(), *context, {});
  EXPECT_EQ(open_adapter_folder(folder.path()).tensors->entries().size(), adapter->plan().tensors().size());
  EXPECT_EQ(load_adapter("bare", folder.path(), model->transformer(), *context, "tiny-llama").note, "");

  LoadOptions rounded;
  rounded.dtype = DType::bf16;
  const auto coarse = Model::load(test::data_path("families/llama"), *context, rounded);
  EXPECT_EQ(load_adapter("rounded", path, coarse->transformer(), *context, "tiny-llama").note, "");
  const auto blocks = Model::load(test::data_path("gguf_models/llama-Q8_0.gguf"), *context);
  EXPECT_NE(
      load_adapter("blocks", path, blocks->transformer(), *context, "tiny-llama").note.find("left aside"),
      std::string::npos);
  const auto other = Model::load(test::data_path("families/llama_rope_llama3"), *context);
  EXPECT_ERROR(Code::mismatch, "embed_tokens.base_layer.weight' is not the model's own weight",
               load_adapter("other", path, other->transformer(), *context, "tiny-llama"));
}

}  // namespace
}  // namespace peft
