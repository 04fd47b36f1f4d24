#include "cublaslt_product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "queue.h"

namespace cuda_emulator {
namespace {

float from_bfloat16(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

// To nearest, ties to even.
uint16_t to_bfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float element(const void* data, cudaDataType_t type, int64_t index) {
  return type == CUDA_R_32F ? static_cast<const float*>(data)[index]
                            : from_bfloat16(static_cast<const uint16_t*>(data)[index]);
}
void set_element(void* data, cudaDataType_t type, int64_t index, float value) {
  if (type == CUDA_R_32F)
    static_cast<float*>(data)[index] = value;
  else
    static_cast<uint16_t*>(data)[index] = to_bfloat16(value);
}

// outer vectors of `depth` numbers, one after another.
std::vector<float> pack(const void* data, const LtLayout& layout, bool depth_is_columns, int64_t outer,
                        int64_t depth) {
  std::vector<float> packed(static_cast<size_t>(outer * depth));
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t d = 0; d < depth; ++d)
      packed[static_cast<size_t>(o * depth + d)] =
          element(data, layout.type, depth_is_columns ? d * layout.leading + o : o * layout.leading + d);
  return packed;
}

float dot(const float* x, const float* y, int64_t count) {
  constexpr int64_t lanes = 16;
  float sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane) sums[lane] += x[i + lane] * y[i + lane];
  float total = 0;
  for (const float sum : sums) total += sum;
  for (; i < count; ++i) total += x[i] * y[i];
  return total;
}

}  // namespace

const char* Product::problem() const {
  if ((desc.a == CUBLAS_OP_N ? a.rows : a.columns) != m()) return "rows of op(a)";
  if ((desc.b == CUBLAS_OP_N ? b.columns : b.rows) != n()) return "columns of op(b)";
  if ((desc.b == CUBLAS_OP_N ? b.rows : b.columns) != k()) return "the summed dimension";
  if (c.rows != m() || c.columns != n()) return "c";
  if (a.type != b.type) return "types of a and b";
  if (c.type != d.type || (a.type == CUDA_R_32F && d.type != CUDA_R_32F)) return "type of the result";
  for (const LtLayout* layout : {&a, &b, &c, &d})
    if (layout->rows < 1 || layout->columns < 1 || layout->leading < layout->rows) return "a leading dimension";
  return nullptr;
}

void Product::run() const {
  const std::vector<float> left = pack(a_data, a, desc.a == CUBLAS_OP_N, m(), k());
  const std::vector<float> right = pack(b_data, b, desc.b == CUBLAS_OP_T, n(), k());
  const int64_t part = (k() + algorithm->parts - 1) / algorithm->parts;
  const bool rounds_parts = algorithm->reduction == CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE && d.type == CUDA_R_16BF;
  for (int64_t j = 0; j < n(); ++j) {
    for (int64_t i = 0; i < m(); ++i) {
      const float *x = &left[static_cast<size_t>(i * k())], *y = &right[static_cast<size_t>(j * k())];
      float sum = 0;
      for (int64_t begin = 0; begin < k(); begin += part) {
        sum += dot(x + begin, y + begin, std::min(part, k() - begin));
        if (rounds_parts) sum = from_bfloat16(to_bfloat16(sum));
      }
      const float old = beta == 0 ? 0 : beta * element(c_data, c.type, j * c.leading + i);
      set_element(d_data, d.type, j * d.leading + i, beta == 0 ? alpha * sum : alpha * sum + old);
    }
  }
  pass_time(static_cast<double>(m() * n() * k()) * 1e-12 * static_cast<double>(algorithm->nanoseconds_a_million));
}

}  // namespace cuda_emulator
