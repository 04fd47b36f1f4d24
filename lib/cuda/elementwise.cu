// scale, binary, unary and gated: one pass over memory each.
#include "cuda/activation.cuh"
#include "cuda/cuda_backend.h"
#include "cuda/floats.cuh"
#include "cuda/spans.cuh"

namespace peft::cuda {
namespace {

template <typename T>
using Input = Matrix<const T>;
template <typename T>
using Output = Matrix<T>;

template <typename T>
struct Scale {
  float alpha;
  bool accumulate;
  Input<T> x;
  Output<T> y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    T* const to = y.row(row) + column;
    const Floats<width> in = load_floats<width>(x.row(row) + column);
    Floats<width> out;
    if (accumulate) {
      out = load_floats<width>(to);
#pragma unroll
      for (int i = 0; i < width; ++i) out.v[i] = fmaf(alpha, in.v[i], out.v[i]);
    } else {
#pragma unroll
      for (int i = 0; i < width; ++i) out.v[i] = alpha * in.v[i];
    }
    store_floats(out, to);
  }
};

// A vector b may be f32 beside a of bf16.
template <BinaryKind kind, typename T, typename B>
struct Binary {
  Input<T> a;
  Input<B> b;
  Output<T> y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    const Floats<width> first = load_floats<width>(a.row(row) + column);
    const Floats<width> second = load_floats<width>(b.row(row) + column);
    Floats<width> out;
#pragma unroll
    for (int i = 0; i < width; ++i) {
      if constexpr (kind == BinaryKind::add) out.v[i] = first.v[i] + second.v[i];
      if constexpr (kind == BinaryKind::subtract) out.v[i] = first.v[i] - second.v[i];
      if constexpr (kind == BinaryKind::multiply) out.v[i] = first.v[i] * second.v[i];
    }
    store_floats(out, y.row(row) + column);
  }
};

template <UnaryKind kind, typename T>
struct Unary {
  Input<T> x;
  Output<T> y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    Floats<width> values = load_floats<width>(x.row(row) + column);
#pragma unroll
    for (int i = 0; i < width; ++i) values.v[i] = activation<kind>(values.v[i]);
    store_floats(values, y.row(row) + column);
  }
};

template <UnaryKind kind, typename T>
struct UnaryBackward {
  bool accumulate;
  Input<T> x, dy;
  Output<T> dx;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    T* const to = dx.row(row) + column;
    const Floats<width> in = load_floats<width>(x.row(row) + column);
    const Floats<width> upstream = load_floats<width>(dy.row(row) + column);
    Floats<width> out;
#pragma unroll
    for (int i = 0; i < width; ++i) out.v[i] = activation_slope<kind>(in.v[i]).slope * upstream.v[i];
    if (accumulate) {
      const Floats<width> before = load_floats<width>(to);
#pragma unroll
      for (int i = 0; i < width; ++i) out.v[i] += before.v[i];
    }
    store_floats(out, to);
  }
};

template <UnaryKind kind, typename T>
struct Gated {
  Input<T> gate, up;
  Output<T> y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    Floats<width> values = load_floats<width>(gate.row(row) + column);
    const Floats<width> factor = load_floats<width>(up.row(row) + column);
#pragma unroll
    for (int i = 0; i < width; ++i) values.v[i] = activation<kind>(values.v[i]) * factor.v[i];
    store_floats(values, y.row(row) + column);
  }
};

// dgate may be gate and dup may be up: everything is read before anything is written.
template <UnaryKind kind, typename T>
struct GatedBackward {
  Input<T> gate, up, dy;
  Output<T> dgate, dup;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    Floats<width> first = load_floats<width>(gate.row(row) + column), second = load_floats<width>(up.row(row) + column);
    const Floats<width> upstream = load_floats<width>(dy.row(row) + column);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      const ValueAndSlope f = activation_slope<kind>(first.v[i]);
      first.v[i] = f.slope * second.v[i] * upstream.v[i];
      second.v[i] = f.value * upstream.v[i];
    }
    store_floats(first, dgate.row(row) + column);
    store_floats(second, dup.row(row) + column);
  }
};

template <typename T, typename... Matrices>
bool wide(const Matrices&... all) {
  return (rows_aligned<wide_pack<T>>(all) && ...);
}

template <typename T, typename B>
void binary_of(cudaStream_t stream, BinaryKind kind, const ConstView& a, const ConstView& b, const View& y) {
  const bool repeat = b.rows() == 1 && a.rows() > 1;
  const bool dense = a.dense() && b.dense() && y.dense() && !repeat;
  const auto start = [&](auto body) {
    body.a = matrix<const T>(a);
    body.b = matrix<const B>(b);
    body.y = matrix<T>(y);
    if (repeat) body.b.stride = 0;
    for_packs<wide_pack<T>>(stream, wide<T>(body.a, body.b, body.y), dense, a.rows(), a.columns(), body);
  };
  switch (kind) {
    case BinaryKind::add:
      return start(Binary<BinaryKind::add, T, B>());
    case BinaryKind::subtract:
      return start(Binary<BinaryKind::subtract, T, B>());
    case BinaryKind::multiply:
      return start(Binary<BinaryKind::multiply, T, B>());
  }
}

// body(T(), kind as a constant)
template <typename Body>
void with_type_and_kind(std::initializer_list<DType> types, UnaryKind kind, const Body& body) {
  with_activation_type(types, [&](auto zero) { with_kind(kind, [&](auto constant) { body(zero, constant); }); });
}

}  // namespace

void CudaBackend::scale(float alpha, ConstView x, bool accumulate, View y) {
  run("scale", [&] {
    with_activation_type({x.dtype, y.dtype}, [&](auto zero) {
      using T = decltype(zero);
      const Scale<T> body{alpha, accumulate, matrix<const T>(x), matrix<T>(y)};
      for_packs<wide_pack<T>>(stream(), wide<T>(body.x, body.y), x.dense() && y.dense(), x.rows(), x.columns(), body);
    });
  });
}

void CudaBackend::binary(BinaryKind kind, ConstView a, ConstView b, View y) {
  run("binary", [&] {
    if (a.dtype == DType::bf16 && b.dtype == DType::f32 && b.rows() == 1) {
      PEFT_ASSERT(y.dtype == DType::bf16);
      return binary_of<BFloat16, float>(stream(), kind, a, b, y);
    }
    with_activation_type({a.dtype, b.dtype, y.dtype}, [&](auto zero) {
      binary_of<decltype(zero), decltype(zero)>(stream(), kind, a, b, y);
    });
  });
}

void CudaBackend::unary(UnaryKind kind, ConstView x, View y) {
  run("unary", [&] {
    with_type_and_kind({x.dtype, y.dtype}, kind, [&](auto zero, auto constant) {
      using T = decltype(zero);
      const Unary<decltype(constant)::value, T> body{matrix<const T>(x), matrix<T>(y)};
      for_packs<wide_pack<T>>(stream(), wide<T>(body.x, body.y), x.dense() && y.dense(), x.rows(), x.columns(), body);
    });
  });
}

void CudaBackend::unary_backward(UnaryKind kind, ConstView x, ConstView dy, bool accumulate, View dx) {
  run("unary_backward", [&] {
    const bool dense = x.dense() && dy.dense() && dx.dense();
    with_type_and_kind({x.dtype, dy.dtype, dx.dtype}, kind, [&](auto zero, auto constant) {
      using T = decltype(zero);
      const UnaryBackward<decltype(constant)::value, T> body{accumulate, matrix<const T>(x), matrix<const T>(dy),
                                                             matrix<T>(dx)};
      for_packs<wide_pack<T>>(stream(), wide<T>(body.x, body.dy, body.dx), dense, x.rows(), x.columns(), body);
    });
  });
}

void CudaBackend::gated(UnaryKind kind, ConstView gate, ConstView up, View y) {
  run("gated", [&] {
    const bool dense = gate.dense() && up.dense() && y.dense();
    with_type_and_kind({gate.dtype, up.dtype, y.dtype}, kind, [&](auto zero, auto constant) {
      using T = decltype(zero);
      const Gated<decltype(constant)::value, T> body{matrix<const T>(gate), matrix<const T>(up), matrix<T>(y)};
      for_packs<wide_pack<T>>(stream(), wide<T>(body.gate, body.up, body.y), dense, gate.rows(), gate.columns(), body);
    });
  });
}

void CudaBackend::gated_backward(UnaryKind kind, ConstView gate, ConstView up, ConstView dy, View dgate, View dup) {
  run("gated_backward", [&] {
    const bool dense = gate.dense() && up.dense() && dy.dense() && dgate.dense() && dup.dense();
    const auto types = {gate.dtype, up.dtype, dy.dtype, dgate.dtype, dup.dtype};
    with_type_and_kind(types, kind, [&](auto zero, auto constant) {
      using T = decltype(zero);
      const GatedBackward<decltype(constant)::value, T> body{matrix<const T>(gate), matrix<const T>(up),
                                                             matrix<const T>(dy), matrix<T>(dgate), matrix<T>(dup)};
      const bool packs = wide<T>(body.gate, body.up, body.dy, body.dgate, body.dup);
      for_packs<wide_pack<T>>(stream(), packs, dense, gate.rows(), gate.columns(), body);
    });
  });
}

}  // namespace peft::cuda
