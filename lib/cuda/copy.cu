// fill and copy: constants, bytes between equal plain types, and conversions between f32, f16 and bf16.
#include "base/half.h"
#include "cuda/cuda_backend.h"
#include "cuda/floats.cuh"
#include "cuda/spans.cuh"

namespace peft::cuda {
namespace {

template <typename T>
struct Fill {
  T value;
  Matrix<T> y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    Pack<T, width> pack;
    for (int i = 0; i < width; ++i) pack.v[i] = value;
    store(pack, y.row(row) + column);
  }
};

template <typename T>
struct Move {
  Matrix<const T> x;
  Matrix<T> y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    store(load<width>(x.row(row) + column), y.row(row) + column);
  }
};

template <typename From, typename To>
struct Convert {
  Matrix<const From> x;
  Matrix<To> y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    store_floats(load_floats<width>(x.row(row) + column), y.row(row) + column);
  }
};

// The same bytes as a matrix of T, when rows are whole numbers of T.
template <typename T, typename ViewType>
auto as_words(const ViewType& view) {
  const int64_t bytes = traits(view.dtype).block_bytes;
  using Word = std::conditional_t<std::is_same_v<ViewType, View>, T, const T>;
  constexpr int64_t size = sizeof(T);
  return Matrix<Word>{reinterpret_cast<Word*>(view.data), view.rows(), view.columns() * bytes / size,
                      view.row_stride * bytes / size};
}
template <typename ViewType>
bool whole_words(const ViewType& view, int64_t size) {
  const int64_t bytes = traits(view.dtype).block_bytes;
  return reinterpret_cast<uintptr_t>(view.data) % static_cast<uintptr_t>(size) == 0 &&
         view.columns() * bytes % size == 0 && (view.rows() <= 1 || view.row_stride * bytes % size == 0);
}

// Rows of words, 16 bytes at a time where possible.
template <typename T, typename Body, typename... Matrices>
void for_words(cudaStream_t stream, bool dense, const Body& body, const Matrices&... matrices) {
  constexpr int width = 16 / sizeof(T);
  const int64_t rows = body.y.rows, columns = body.y.columns;
  if ((rows_aligned<width>(matrices) && ...)) {
    for_spans<width>(stream, dense, rows, columns, body);
  } else {
    for_spans<1>(stream, dense, rows, columns, body);
  }
}

template <typename T>
void move_words(cudaStream_t stream, const ConstView& x, const View& y) {
  const Move<T> body{as_words<T>(x), as_words<T>(y)};
  for_words<T>(stream, x.dense() && y.dense(), body, body.x, body.y);
}

template <typename From, typename To>
void convert(cudaStream_t stream, const ConstView& x, const View& y) {
  const Convert<From, To> body{matrix<const From>(x), matrix<To>(y)};
  for_packs<8>(stream, rows_aligned<8>(body.x) && rows_aligned<8>(body.y), x.dense() && y.dense(), x.rows(),
               x.columns(), body);
}

}  // namespace

void CudaBackend::fill(View y, float value) {
  run("fill", [&] {
    if (y.dtype == DType::f32) {
      const Fill<float> body{value, matrix<float>(y)};
      return for_floats(stream(), rows_aligned<4>(body.y), y.dense(), y.rows(), y.columns(), body);
    }
    if (y.dtype == DType::bf16) {
      const Fill<uint16_t> body{float_to_bfloat16(value), matrix<uint16_t>(y)};
      return for_words<uint16_t>(stream(), y.dense(), body, body.y);
    }
    PEFT_ASSERT(value == 0 && !is_quantized(y.dtype));  // zero bytes are zero in every plain type
    if (whole_words(y, 4)) {
      const Fill<uint32_t> body{0, as_words<uint32_t>(y)};
      for_words<uint32_t>(stream(), y.dense(), body, body.y);
    } else {
      const Fill<uint8_t> body{0, as_words<uint8_t>(y)};
      for_words<uint8_t>(stream(), y.dense(), body, body.y);
    }
  });
}

void CudaBackend::copy(ConstView x, View y) {
  run("copy", [&] {
    const DType from = x.dtype, to = y.dtype;
    PEFT_ASSERT(!is_quantized(from) && (from == to || (is_floating(from) && is_floating(to))));
    if (from == to) {
      if (whole_words(x, 4) && whole_words(y, 4)) return move_words<uint32_t>(stream(), x, y);
      if (whole_words(x, 2) && whole_words(y, 2)) return move_words<uint16_t>(stream(), x, y);
      return move_words<uint8_t>(stream(), x, y);
    }
    if (from == DType::f32) {
      return to == DType::bf16 ? convert<float, BFloat16>(stream(), x, y) : convert<float, Half>(stream(), x, y);
    }
    if (to == DType::f32) {
      return from == DType::bf16 ? convert<BFloat16, float>(stream(), x, y) : convert<Half, float>(stream(), x, y);
    }
    return from == DType::bf16 ? convert<BFloat16, Half>(stream(), x, y) : convert<Half, BFloat16>(stream(), x, y);
  });
}

}  // namespace peft::cuda
