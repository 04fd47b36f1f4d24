// Every family against logits that Transformers computed in f32 (tests/data/families,
// tests/data/gguf_models).
#include <gtest/gtest.h>

#include "generate/score.h"
#include "models/model.h"
#include "support/golden.h"

namespace peft {
namespace {

using test::Golden;

// Rounding of two layers of f32 on logits of size 1 to 10.
constexpr double logit_tolerance = 1e-4;

// Negative log-likelihood of ids[1..], in double precision from the golden logits.
double likelihood(const std::vector<float>& logits, const std::vector<int32_t>& ids) {
  const size_t vocabulary = logits.size() / ids.size();
  double nll = 0;
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    const float* row = logits.data() + i * vocabulary;
    double sum = 0;
    for (size_t c = 0; c < vocabulary; ++c) sum += std::exp(static_cast<double>(row[c]));
    nll += std::log(sum) - row[ids[i + 1]];
  }
  return nll;
}

void expect_logits(const std::string& model_path, const std::string& golden_path, double tolerance) {
  const auto context = test::test_context();
  const auto model = Model::load(test::data_path(model_path), *context);
  Workspace workspace(*context);
  const Golden golden(golden_path);
  for (const std::string row : {"0", "1"}) {
    const std::vector<int32_t> ids = golden.ids("token_ids_" + row);
    const auto logits =
        token_logits(model->transformer(), workspace, ids, {}, 0, static_cast<int64_t>(ids.size()));
    EXPECT_LE(test::largest_difference(logits, golden.read<float>("logits_" + row)), tolerance)
        << "row " << row;
    double nll = 0;
    for (const float value : token_log_probabilities(model->transformer(), workspace, ids, {})) nll -= value;
    const double expected = likelihood(golden.read<float>("logits_" + row), ids);
    EXPECT_NEAR(nll, expected, 1e-5 * expected) << "row " << row;
  }
}

class FamilyFolder : public testing::TestWithParam<std::string> {};

TEST_P(FamilyFolder, logits_equal_transformers) {
  expect_logits("families/" + GetParam(), "families/" + GetParam() + ".golden.safetensors", logit_tolerance);
}

INSTANTIATE_TEST_SUITE_P(Folders, FamilyFolder,
                         testing::Values("llama", "llama_sharded", "llama_rope_llama3", "llama_old_spelling",
                                         "llama_rope_linear", "llama_linear_old_spelling", "qwen2",
                                         "qwen2_bfloat16", "qwen3", "mistral", "gpt2"));

class FamilyGguf : public testing::TestWithParam<std::string> {};

TEST_P(FamilyGguf, logits_equal_transformers) {
  expect_logits("gguf_models/" + GetParam() + ".gguf", "gguf_models/" + GetParam() + ".golden.safetensors",
                logit_tolerance);
}

INSTANTIATE_TEST_SUITE_P(Files, FamilyGguf,
                         testing::Values("llama-F32", "llama-F16", "llama-Q8_0", "llama_rope_linear-F32",
                                         "llama_rope_llama3-F32", "mistral-F32", "qwen2-F32", "qwen2-BF16",
                                         "qwen3-F32", "gpt2-F32", "gpt2-F16"));

}  // namespace
}  // namespace peft
