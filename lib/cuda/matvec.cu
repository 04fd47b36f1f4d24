// Which kernel a product of a few rows runs on, and those over f32, f16 and bf16.
#include "cuda/matvec_any.cuh"

namespace peft::cuda {
namespace {

template <DType dtype>
struct PlainWeights {
  using T = PlainType<dtype>;
  static constexpr int pack = 16 / sizeof(T), run = pack;
  template <int M>
  static constexpr bool ahead = true;
  static constexpr bool scaled = false, has_offset = false;
  struct Shared {};
  using Raw = Pack<T, pack>;
  StoredRows<dtype> rows;

  __device__ void prepare(Shared&) const {}
  __device__ Raw fetch(int64_t row, int64_t column) const {
    return load<pack>(reinterpret_cast<const T*>(rows.data + row * rows.row_bytes) + column);
  }
  __device__ static void decode(const Raw& raw, const Shared&, int j, float (&w)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i) w[i] = to_float(raw.v[4 * j + i]);
  }
  __device__ static void exact(const Raw& raw, const Shared& shared, int j, float (&w)[4]) {
    decode(raw, shared, j, w);
  }
};

template <DType dtype>
void start_plain(const DotCall& call, const ConstView& b) {
  using Weights = PlainWeights<dtype>;
  const bool round = call.bfloat16 && dtype != DType::bf16;
  const Weights weights{stored_rows<dtype>(b)};
  if (!packs_aligned<Weights::pack>(b) || b.columns() % Weights::pack != 0) {
    return start_single_dot(call, weights.rows, round);
  }
  if (call.a.rows == 1) return start_dot<Weights, 1, 4>(call, weights, round);
  if (call.a.rows <= 4) return start_dot<Weights, 4, 4>(call, weights, round);
  start_dot<Weights, 8, 2>(call, weights, round);
}

}  // namespace

void dot_plain(const DotCall& call, const ConstView& b) {
  if (b.dtype == DType::f32) return start_plain<DType::f32>(call, b);
  if (b.dtype == DType::f16) return start_plain<DType::f16>(call, b);
  start_plain<DType::bf16>(call, b);
}

bool is_matvec(const MatmulOptions& options, int64_t m, DType b) {
  if (options.kind == MatmulKind::nt) return m <= most_matvec_rows;
  return options.kind == MatmulKind::nn && m <= 1 && is_floating(b);
}

bool matvec(CudaBackend& backend, const MatmulOptions& options, ConstView a, ConstView b, View y) {
  const int64_t rows = a.rows();
  const bool nt = options.kind == MatmulKind::nt;
  if (!is_matvec(options, rows, b.dtype)) return false;
  const int64_t columns = nt ? b.rows() : b.columns();
  PEFT_ASSERT(a.columns() == (nt ? b.columns() : b.rows()) && y.rows() == rows && y.columns() == columns);
  if (rows == 0 || columns == 0) return true;
  const DotCall call{backend,       float_rows(a),      float_rows(y),
                     columns,       options.alpha,      options.accumulate,
                     options.arithmetic == Arithmetic::bfloat16};
  if (!nt) {
    dot_columns(call, b);
  } else if (is_nf4(b.dtype)) {
    dot_nf4(call, b);
  } else if (is_floating(b.dtype)) {
    dot_plain(call, b);
  } else {
    check(is_quantized(b.dtype), Code::unsupported, "cannot decode {} to f32", name_of(b.dtype));
    traits(b.dtype).block_elements == 32 ? dot_blocks(call, b) : dot_k_blocks(call, b);
  }
  return true;
}

}  // namespace peft::cuda
