#include "ops/embedding.h"

#include "ops/convert.h"
#include "support/gradient_check.h"

namespace peft {
namespace {

class Embedding : public GradientTest {};
INSTANTIATE_TEST_SUITE_P(Devices, Embedding, every_device());

TEST_P(Embedding, RepeatedIdsSumTheirGradients) {
  const std::vector<int32_t> ids = {4, 1, 4, 0, 4, 1};
  const Tensor index = context->from_host(std::span<const int32_t>(ids), {6});
  check_op({.inputs = {{{5, 3}}},
            .op = [&](Context& c, auto& in) { return embedding(c, in[0], index); },
            .reference =
                [&](const auto& in) {
                  DoubleVector y;
                  for (const int32_t id : ids)
                    for (size_t i = 0; i < 3; ++i) y.push_back(in[0][static_cast<size_t>(id) * 3 + i]);
                  return y;
                }});
}

TEST_P(Embedding, ColumnsOfATransposedTable) {
  const std::vector<int32_t> ids = {4, 1, 4, 0, 4, 1, 6};
  check_op({.inputs = {{{3, 7}}},
            .op = [&](Context& c, auto& in) { return embedding_columns(c, in[0], ids); },
            .reference =
                [&](const auto& in) {
                  DoubleVector h;
                  for (const int32_t id : ids)
                    for (size_t k = 0; k < 3; ++k) h.push_back(in[0][k * 7 + static_cast<size_t>(id)]);
                  return h;
                }});
}

TEST_P(Embedding, QuantizedTable) {
  const Tensor table = quantized_nf4(*context, random_tensor({8, 48}), DType::nf4_double);
  const std::vector<float> dense = context->to_host(dequantized(*context, table));
  const std::vector<int32_t> ids = {7, 2, 7};
  const std::vector<float> rows =
      context->to_host(embedding(*context, table, context->from_host(std::span<const int32_t>(ids), {3})));
  for (size_t t = 0; t < 3; ++t)
    for (size_t i = 0; i < 48; ++i) EXPECT_EQ(rows[t * 48 + i], dense[static_cast<size_t>(ids[t]) * 48 + i]);
}

}  // namespace
}  // namespace peft
