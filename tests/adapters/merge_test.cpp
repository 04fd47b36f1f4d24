// Merging: the merged model alone gives what the adapter gave; the share of an update that storage keeps; the
// way back.
#include "adapters/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "adapters/files.h"
#include "generate/score.h"
#include "models/model.h"
#include "models/quantize.h"
#include "models/save.h"
#include "ops/convert.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::Golden;

std::vector<std::string> mergeable() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::data_path("adapters")))
    if (entry.is_directory() && entry.path().filename().string().find("prompt") == std::string::npos)
      names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::vector<std::byte>> bits_of(const Model& model) {
  std::vector<std::vector<std::byte>> bits;
  for (const Parameter& parameter : model.transformer().layout().parameters)
    bits.push_back(test::bytes_of(parameter.value));
  return bits;
}

class Merge : public testing::TestWithParam<std::string> {
 protected:
  void open(const std::string& name, std::optional<DType> dtype = {}) {
    golden = std::make_unique<Golden>("adapters/" + name + ".golden.safetensors");
    const std::string base = golden->metadata().at("base");
    LoadOptions options;
    options.dtype = dtype;
    model = Model::load(test::data_path("families/" + base), *context, options);
    adapter = load_adapter("default", test::data_path("adapters/" + name), model->transformer(), *context,
                           "tiny-" + base)
                  .adapter;
  }
  std::vector<float> logits(const std::string& row, bool with_adapter) {
    Workspace workspace(*context);
    const auto ids = golden->ids("token_ids_" + row);
    std::vector<std::shared_ptr<const HookTable>> hooks;
    if (with_adapter) hooks = {adapter->snapshot()};
    return token_logits(model->transformer(), workspace, ids, hooks, 0, static_cast<int64_t>(ids.size()));
  }
  std::unique_ptr<Context> context = test::test_context();
  std::unique_ptr<Golden> golden;
  std::shared_ptr<Model> model;
  std::shared_ptr<Adapter> adapter;
};

TEST_P(Merge, gives_the_adapters_logits_and_goes_back_bit_for_bit) {
  open(GetParam());
  const auto bits = bits_of(*model);
  const auto plain = logits("0", false);
  std::vector<ParameterId> ties;
  for (const Parameter& each : model->transformer().layout().parameters) ties.push_back(each.tied_to);
  MergedWeights merged =
      MergedWeights::compute(model->transformer(), *adapter->snapshot(), *context, nullptr);
  EXPECT_EQ(bits_of(*model), bits);
  merged.apply(model->transformer());
  for (const std::string row : {"0", "1"})
    EXPECT_LE(test::largest_difference(logits(row, false), golden->read<float>("logits_" + row)), 1e-4);
  // f32 keeps updates to half an ulp of the weight.
  EXPECT_NEAR(merged.report(0.99).minimum_retained, 1.0, 1e-4);
  EXPECT_EQ(merged.report(0.99).below_minimum, 0);
  merged.restore(model->transformer());
  EXPECT_EQ(bits_of(*model), bits);
  EXPECT_EQ(logits("0", false), plain);
  for (size_t i = 0; i < ties.size(); ++i)
    EXPECT_EQ(model->transformer().layout().parameters[i].tied_to, ties[i]);
}

INSTANTIATE_TEST_SUITE_P(Folders, Merge, testing::ValuesIn(mergeable()),
                         [](const auto& each) { return each.param; });

class MergeInto : public Merge {
 protected:
  // <dW', dW> / |dW|^2 with dW = 2 B A from the adapter's own tensors (r 4, alpha 8).
  void expect_retained(const MergedWeights& merged, const std::vector<std::vector<float>>& before) {
    const auto tensors = adapter->plan().tensors();
    const auto values = adapter->values();
    const MergeReport report = merged.report(0.9);
    ASSERT_EQ(report.tensors.size() * 2, tensors.size());
    double smallest = 1;
    for (const MergeTensor& found : report.tensors) {
      const std::string stem =
          "base_model.model." + found.path.substr(0, found.path.size() - std::string(".weight").size());
      std::vector<float> a, b;
      int64_t rank = 0, in = 0, out = 0;
      for (size_t t = 0; t < tensors.size(); ++t) {
        if (tensors[t].key == stem + ".lora_A.weight") {
          a = context->to_host(values[t]);
          rank = tensors[t].shape[0], in = tensors[t].shape[1];
        }
        if (tensors[t].key == stem + ".lora_B.weight")
          b = context->to_host(values[t]), out = tensors[t].shape[0];
      }
      ASSERT_EQ(rank, 4) << stem;
      const auto& parameters = model->transformer().layout().parameters;
      const auto at =
          static_cast<size_t>(std::find_if(parameters.begin(), parameters.end(),
                                           [&](const Parameter& each) { return each.path == found.path; }) -
                              parameters.begin());
      const std::vector<float> after = context->to_host(dequantized(*context, parameters[at].value));
      double product = 0, squares = 0;
      for (int64_t i = 0; i < out; ++i)
        for (int64_t j = 0; j < in; ++j) {
          double update = 0;
          for (int64_t k = 0; k < rank; ++k)
            update += 2.0 * b[static_cast<size_t>(i * rank + k)] * a[static_cast<size_t>(k * in + j)];
          const auto element = static_cast<size_t>(i * in + j);
          product += (static_cast<double>(after[element]) - before[at][element]) * update;
          squares += update * update;
        }
      EXPECT_NEAR(found.retained, product / squares, 1e-4) << found.path;
      EXPECT_NEAR(found.update_norm, std::sqrt(squares), 1e-5 * std::sqrt(squares)) << found.path;
      smallest = std::min(smallest, found.retained);
    }
    EXPECT_EQ(report.minimum_retained, smallest);
  }
  std::vector<std::vector<float>> dense() {
    std::vector<std::vector<float>> values;
    for (const Parameter& each : model->transformer().layout().parameters)
      values.push_back(context->to_host(dequantized(*context, each.value)));
    return values;
  }
};

TEST_F(MergeInto, bfloat16_measures_what_is_kept) {
  open("llama_lora", DType::bf16);
  const auto before = dense();
  const auto bits = bits_of(*model);
  MergedWeights merged =
      MergedWeights::compute(model->transformer(), *adapter->snapshot(), *context, nullptr);
  merged.apply(model->transformer());
  expect_retained(merged, before);
  merged.restore(model->transformer());
  EXPECT_EQ(bits_of(*model), bits);
}

TEST_F(MergeInto, nf4_measures_what_is_kept) {
  for (const bool nested : {false, true}) {
    open("llama_lora");
    QuantizeOptions options;
    options.double_quantize = nested;
    EXPECT_EQ(quantize_model(*model, *context, options), 14);
    const auto before = dense();
    const auto bits = bits_of(*model);
    MergedWeights merged =
        MergedWeights::compute(model->transformer(), *adapter->snapshot(), *context, nullptr);
    merged.apply(model->transformer());
    expect_retained(merged, before);
    merged.restore(model->transformer());
    EXPECT_EQ(bits_of(*model), bits);
  }
}

// The figures for a file's type are those of the file itself: merged, saved, loaded again and compared.
TEST_F(MergeInto, a_file_is_measured_as_it_will_be) {
  const test::TemporaryFolder folder;
  for (const char* name : {"llama_lora", "gpt2_lora"}) {
    for (const DType file : {DType::f16, DType::bf16, DType::q8_0}) {
      open(name);
      const auto before = dense();
      MergedWeights merged =
          MergedWeights::compute(model->transformer(), *adapter->snapshot(), *context, nullptr, file);
      merged.apply(model->transformer());
      const auto wanted = dense();
      const std::string path = folder.file("merged.gguf");
      SaveOptions options;
      options.dtype = file;
      options.tokenizer = false;
      save_gguf(*model, path, *context, options);
      const auto again = Model::load(path, *context);
      const auto& parameters = model->transformer().layout().parameters;
      const auto& loaded = again->transformer().layout().parameters;
      ASSERT_EQ(parameters.size(), loaded.size());
      for (const MergeTensor& found : merged.report(0.9).tensors) {
        size_t at = 0;
        while (parameters[at].path != found.path) ++at;
        if (parameters[at].shape.rank() == 1) continue;
        std::vector<float> after = context->to_host(dequantized(*context, loaded[at].value));
        // A file's rows are outputs; a Conv1D held the other way round is compared where it lies.
        const int64_t rows = loaded[at].shape[0], columns = loaded[at].shape[1];
        const auto layout_in = [&](const Model& holder) {
          const auto& modules = holder.transformer().layout().modules;
          return std::find_if(modules.begin(), modules.end(), [&](const Module& each) {
                   return each.weight == static_cast<ParameterId>(at);
                 })->layout;
        };
        const bool turned = layout_in(*again) != layout_in(*model);
        double product = 0, squares = 0;
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            const auto here = static_cast<size_t>(turned ? j * rows + i : i * columns + j);
            const double update = static_cast<double>(wanted[at][here]) - before[at][here];
            product += (static_cast<double>(after[static_cast<size_t>(i * columns + j)]) - before[at][here]) * update;
            squares += update * update;
          }
        EXPECT_NEAR(found.retained, product / squares, 1e-6) << name << " " << found.path << " " << name_of(file);
        EXPECT_EQ(found.dtype, file);
      }
      EXPECT_LT(merged.report(0.9).minimum_retained, 1.0);
    }
  }
}

TEST_F(MergeInto, refuses_prompts_and_blocks) {
  open("llama_prompt");
  EXPECT_ERROR(Code::unsupported, "prompt",
               MergedWeights::compute(model->transformer(), *adapter->snapshot(), *context, nullptr));
  model = Model::load(test::data_path("gguf_models/llama-Q8_0.gguf"), *context);
  adapter = load_adapter("default", test::data_path("adapters/llama_lora"), model->transformer(), *context,
                         "tiny-llama")
                .adapter;
  EXPECT_ERROR(Code::unsupported, "q_proj",
               MergedWeights::compute(model->transformer(), *adapter->snapshot(), *context, nullptr));
}

}  // namespace
}  // namespace peft
