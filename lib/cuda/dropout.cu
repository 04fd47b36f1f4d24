// dropout: Philox4x32-10 gives the bits of four columns at a time.
#include <cmath>

#include "base/random.h"
#include "cuda/cuda_backend.h"
#include "cuda/floats.cuh"
#include "cuda/spans.cuh"

namespace peft::cuda {
namespace {

// An element is kept when the top 24 of its bits reach `threshold`.
template <typename T>
struct Dropout {
  uint64_t key;
  uint32_t step, threshold;
  float factor;
  bool accumulate, aligned;
  Matrix<const int32_t> row_ids;
  Matrix<const T> x;
  Matrix<T> y;

  __device__ std::array<uint32_t, 4> words(int64_t row, int64_t column) const {
    const int32_t* const id = row_ids.row(row);
    const uint64_t high = static_cast<uint32_t>(id[0]) | static_cast<uint64_t>(step) << 32;
    const uint64_t low = static_cast<uint32_t>(column / 4) | static_cast<uint64_t>(static_cast<uint32_t>(id[1])) << 32;
    return Philox::generate(key, high, low);
  }
  __device__ float kept(uint32_t bits, float whole) const {
    return (bits >> 8) < threshold ? 0.0f : __fmul_rn(whole, factor);
  }
  template <int width>
  __device__ Floats<width> read(const T* from) const {
    if (aligned) return load_floats<width>(from);
    Floats<width> values;
#pragma unroll
    for (int i = 0; i < width; ++i) values.v[i] = to_float(from[i]);
    return values;
  }

  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    T* const to = y.row(row) + column;
    Floats<width> out = read<width>(x.row(row) + column);
    if constexpr (width == 1) {
      const std::array<uint32_t, 4> bits = words(row, column);
      const unsigned place = static_cast<unsigned>(column % 4);
      out.v[0] = kept(place == 0 ? bits[0] : place == 1 ? bits[1] : place == 2 ? bits[2] : bits[3], out.v[0]);
    } else {
#pragma unroll
      for (int four = 0; four < width; four += 4) {
        const std::array<uint32_t, 4> bits = words(row, column + four);
#pragma unroll
        for (int i = 0; i < 4; ++i) out.v[four + i] = kept(bits[static_cast<size_t>(i)], out.v[four + i]);
      }
    }
    if (accumulate) {
      const Floats<width> before = read<width>(to);
#pragma unroll
      for (int i = 0; i < width; ++i) out.v[i] = before.v[i] + out.v[i];
    }
    if (aligned) return store_floats(out, to);
#pragma unroll
    for (int i = 0; i < width; ++i) to[i] = from_float<T>(out.v[i]);
  }
};

template <typename T>
void drop(cudaStream_t stream, const DropoutOptions& options, const ConstView& x, const ConstView& row_ids,
          bool accumulate, const View& y) {
  constexpr int width = wide_pack<T>;
  Dropout<T> body;
  body.key = options.seed ^ (options.module * 0x9E3779B9u);
  body.step = options.step;
  // bits * 2^-24 >= probability, in integers
  body.threshold = static_cast<uint32_t>(std::ceil(static_cast<double>(options.probability) * 0x1.0p24));
  body.factor = options.probability < 1 ? 1.0f / (1.0f - options.probability) : 0.0f;
  body.accumulate = accumulate;
  body.row_ids = matrix<const int32_t>(row_ids);
  body.x = matrix<const T>(x);
  body.y = matrix<T>(y);
  body.aligned = rows_aligned<width>(body.x) && rows_aligned<width>(body.y);
  for_spans<width>(stream, /*dense=*/false, x.rows(), x.columns(), body);
}

}  // namespace

void CudaBackend::dropout(const DropoutOptions& options, ConstView x, ConstView row_ids, bool accumulate, View y) {
  run("dropout", [&] {
    with_activation_type({x.dtype, y.dtype}, [&](auto zero) {
      drop<decltype(zero)>(stream(), options, x, row_ids, accumulate, y);
    });
  });
}

}  // namespace peft::cuda
