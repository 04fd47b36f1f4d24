// scale, binary, unary and gated: one pass over memory each.
#include "cuda/activation.cuh"
#include "cuda/cuda_backend.h"
#include "cuda/spans.cuh"
#include "cuda/vector.cuh"

namespace peft::cuda {
namespace {

using Input = Matrix<const float>;
using Output = Matrix<float>;

struct Scale {
  float alpha;
  bool accumulate;
  Input x;
  Output y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    float* const to = y.row(row) + column;
    const Floats<width> in = load<width>(x.row(row) + column);
    Floats<width> out;
    if (accumulate) {
      out = load<width>(static_cast<const float*>(to));
      for (int i = 0; i < width; ++i) out.v[i] = fmaf(alpha, in.v[i], out.v[i]);
    } else {
      for (int i = 0; i < width; ++i) out.v[i] = alpha * in.v[i];
    }
    store(out, to);
  }
};

template <BinaryKind kind>
struct Binary {
  Input a, b;
  Output y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    const Floats<width> first = load<width>(a.row(row) + column), second = load<width>(b.row(row) + column);
    Floats<width> out;
    for (int i = 0; i < width; ++i) {
      if constexpr (kind == BinaryKind::add) out.v[i] = first.v[i] + second.v[i];
      if constexpr (kind == BinaryKind::subtract) out.v[i] = first.v[i] - second.v[i];
      if constexpr (kind == BinaryKind::multiply) out.v[i] = first.v[i] * second.v[i];
    }
    store(out, y.row(row) + column);
  }
};

template <UnaryKind kind>
struct Unary {
  Input x;
  Output y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    Floats<width> values = load<width>(x.row(row) + column);
    for (int i = 0; i < width; ++i) values.v[i] = activation<kind>(values.v[i]);
    store(values, y.row(row) + column);
  }
};

template <UnaryKind kind>
struct UnaryBackward {
  bool accumulate;
  Input x, dy;
  Output dx;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    float* const to = dx.row(row) + column;
    const Floats<width> in = load<width>(x.row(row) + column), upstream = load<width>(dy.row(row) + column);
    Floats<width> out;
    for (int i = 0; i < width; ++i) out.v[i] = activation_slope<kind>(in.v[i]).slope * upstream.v[i];
    if (accumulate) {
      const Floats<width> before = load<width>(static_cast<const float*>(to));
      for (int i = 0; i < width; ++i) out.v[i] += before.v[i];
    }
    store(out, to);
  }
};

template <UnaryKind kind>
struct Gated {
  Input gate, up;
  Output y;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    Floats<width> values = load<width>(gate.row(row) + column);
    const Floats<width> factor = load<width>(up.row(row) + column);
    for (int i = 0; i < width; ++i) values.v[i] = activation<kind>(values.v[i]) * factor.v[i];
    store(values, y.row(row) + column);
  }
};

// dgate may be gate and dup may be up: everything is read before anything is written.
template <UnaryKind kind>
struct GatedBackward {
  Input gate, up, dy;
  Output dgate, dup;
  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    Floats<width> first = load<width>(gate.row(row) + column), second = load<width>(up.row(row) + column);
    const Floats<width> upstream = load<width>(dy.row(row) + column);
    for (int i = 0; i < width; ++i) {
      const ValueAndSlope f = activation_slope<kind>(first.v[i]);
      first.v[i] = f.slope * second.v[i] * upstream.v[i];
      second.v[i] = f.value * upstream.v[i];
    }
    store(first, dgate.row(row) + column);
    store(second, dup.row(row) + column);
  }
};

template <typename... Matrices>
bool wide(const Matrices&... all) {
  return (rows_aligned<4>(all) && ...);
}

}  // namespace

void CudaBackend::scale(float alpha, ConstView x, bool accumulate, View y) {
  run("scale", [&] {
    const Scale body{alpha, accumulate, matrix<const float>(x), matrix<float>(y)};
    for_floats(stream(), wide(body.x, body.y), x.dense() && y.dense(), x.rows(), x.columns(), body);
  });
}

void CudaBackend::binary(BinaryKind kind, ConstView a, ConstView b, View y) {
  run("binary", [&] {
    const bool repeat = b.rows() == 1 && a.rows() > 1;
    const bool dense = a.dense() && b.dense() && y.dense() && !repeat;
    const auto start = [&](auto body) {
      body.a = matrix<const float>(a);
      body.b = matrix<const float>(b);
      body.y = matrix<float>(y);
      if (repeat) body.b.stride = 0;
      for_floats(stream(), wide(body.a, body.b, body.y), dense, a.rows(), a.columns(), body);
    };
    switch (kind) {
      case BinaryKind::add:
        return start(Binary<BinaryKind::add>());
      case BinaryKind::subtract:
        return start(Binary<BinaryKind::subtract>());
      case BinaryKind::multiply:
        return start(Binary<BinaryKind::multiply>());
    }
  });
}

void CudaBackend::unary(UnaryKind kind, ConstView x, View y) {
  run("unary", [&] {
    with_kind(kind, [&](auto constant) {
      const Unary<decltype(constant)::value> body{matrix<const float>(x), matrix<float>(y)};
      for_floats(stream(), wide(body.x, body.y), x.dense() && y.dense(), x.rows(), x.columns(), body);
    });
  });
}

void CudaBackend::unary_backward(UnaryKind kind, ConstView x, ConstView dy, bool accumulate, View dx) {
  run("unary_backward", [&] {
    const bool dense = x.dense() && dy.dense() && dx.dense();
    with_kind(kind, [&](auto constant) {
      const UnaryBackward<decltype(constant)::value> body{accumulate, matrix<const float>(x), matrix<const float>(dy),
                                                          matrix<float>(dx)};
      for_floats(stream(), wide(body.x, body.dy, body.dx), dense, x.rows(), x.columns(), body);
    });
  });
}

void CudaBackend::gated(UnaryKind kind, ConstView gate, ConstView up, View y) {
  run("gated", [&] {
    const bool dense = gate.dense() && up.dense() && y.dense();
    with_kind(kind, [&](auto constant) {
      const Gated<decltype(constant)::value> body{matrix<const float>(gate), matrix<const float>(up), matrix<float>(y)};
      for_floats(stream(), wide(body.gate, body.up, body.y), dense, gate.rows(), gate.columns(), body);
    });
  });
}

void CudaBackend::gated_backward(UnaryKind kind, ConstView gate, ConstView up, ConstView dy, View dgate, View dup) {
  run("gated_backward", [&] {
    const bool dense = gate.dense() && up.dense() && dy.dense() && dgate.dense() && dup.dense();
    with_kind(kind, [&](auto constant) {
      const GatedBackward<decltype(constant)::value> body{matrix<const float>(gate), matrix<const float>(up),
                                                          matrix<const float>(dy), matrix<float>(dgate),
                                                          matrix<float>(dup)};
      const bool four = wide(body.gate, body.up, body.dy, body.dgate, body.dup);
      for_floats(stream(), four, dense, gate.rows(), gate.columns(), body);
    });
  });
}

}  // namespace peft::cuda
