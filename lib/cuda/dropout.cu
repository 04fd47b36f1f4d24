// dropout: Philox4x32-10 gives the bits of four columns at a time.
#include <cmath>

#include "base/random.h"
#include "cuda/cuda_backend.h"
#include "cuda/spans.cuh"
#include "cuda/vector.cuh"

namespace peft::cuda {
namespace {

// An element is kept when the top 24 of its bits reach `threshold`.
struct Dropout {
  uint64_t key;
  uint32_t step, threshold;
  float factor;
  bool accumulate, aligned;
  Matrix<const int32_t> row_ids;
  Matrix<const float> x;
  Matrix<float> y;

  __device__ std::array<uint32_t, 4> words(int64_t row, int64_t column) const {
    const int32_t* const id = row_ids.row(row);
    const uint64_t high = static_cast<uint32_t>(id[0]) | static_cast<uint64_t>(step) << 32;
    const uint64_t low = static_cast<uint32_t>(column / 4) | static_cast<uint64_t>(static_cast<uint32_t>(id[1])) << 32;
    return Philox::generate(key, high, low);
  }
  __device__ float value(uint32_t bits, float whole) const {
    return (bits >> 8) < threshold ? 0.0f : __fmul_rn(whole, factor);
  }

  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    const std::array<uint32_t, 4> bits = words(row, column);
    const float* const from = x.row(row) + column;
    float* const to = y.row(row) + column;
    if constexpr (width == 1) {
      const unsigned place = static_cast<unsigned>(column % 4);
      const float kept = value(place == 0 ? bits[0] : place == 1 ? bits[1] : place == 2 ? bits[2] : bits[3], *from);
      *to = accumulate ? *to + kept : kept;
    } else if (aligned) {
      const Floats<4> in = load<4>(from);
      Floats<4> out;
      for (int i = 0; i < 4; ++i) out.v[i] = value(bits[static_cast<size_t>(i)], in.v[i]);
      if (accumulate) {
        const Floats<4> before = load<4>(static_cast<const float*>(to));
        for (int i = 0; i < 4; ++i) out.v[i] = before.v[i] + out.v[i];
      }
      store(out, to);
    } else {
      for (int i = 0; i < 4; ++i) {
        const float kept = value(bits[static_cast<size_t>(i)], from[i]);
        to[i] = accumulate ? to[i] + kept : kept;
      }
    }
  }
};

}  // namespace

void CudaBackend::dropout(const DropoutOptions& options, ConstView x, ConstView row_ids, bool accumulate, View y) {
  run("dropout", [&] {
    Dropout body;
    body.key = options.seed ^ (options.module * 0x9E3779B9u);
    body.step = options.step;
    // bits * 2^-24 >= probability, in integers
    body.threshold = static_cast<uint32_t>(std::ceil(static_cast<double>(options.probability) * 0x1.0p24));
    body.factor = options.probability < 1 ? 1.0f / (1.0f - options.probability) : 0.0f;
    body.accumulate = accumulate;
    body.row_ids = matrix<const int32_t>(row_ids);
    body.x = matrix<const float>(x);
    body.y = matrix<float>(y);
    body.aligned = rows_aligned<4>(body.x) && rows_aligned<4>(body.y);
    for_spans<4>(stream(), /*dense=*/false, x.rows(), x.columns(), body);
  });
}

}  // namespace peft::cuda
