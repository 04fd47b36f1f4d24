// matmul: few rows by own kernels, which read every weight once; the rest by cuBLASLt, after the operands were brought
// into its types.
//
// float32: products of f32 operands, exact (no TF32). bfloat16: f32 `a` is rounded into scratch, bf16 `a` and `b` are
// used as they lie, and y is either. Sums are f32; a bf16 y is rounded once. So what else `b` is stored as is decoded
// into scratch in chunks that are columns of y, of every kind: each sum is one product's, and y is touched once.
// Stretches of the summed dimension would have y read and written, and a bf16 one rounded, once a chunk.
#include <algorithm>

#include "base/checked.h"
#include "cuda/cublaslt.h"
#include "cuda/cuda_backend.h"
#include "cuda/decode.h"
#include "cuda/matvec.h"
#include "cuda/multiply_plain.cuh"

namespace peft::cuda {
namespace {

// Of decoded b. Whole matrices of models of 8 billion weights (14336 x 4096: 117 MB of bf16), in one product. Of the
// largest of 70 billion (28672 x 8192: 470 MB) four chunks of 2048 columns, each with 2048 tokens one turn of 128 tiles
// of 128 x 256 over the 132 multiprocessors of an H200; half as much would leave half of them idle. More would cost
// memory that such a model is short of, for at most the rest of that turn. Few rows fill no GPU in any case.
constexpr int64_t most_chunk_bytes = int64_t{128} << 20, most_few_rows_chunk_bytes = int64_t{8} << 20;
constexpr int64_t chunk_unit = 256;  // columns: whole tiles, and whole blocks of every format
constexpr int64_t scratch_unit = 256;

struct Plan {
  int64_t m = 0, n = 0, k = 0;
  DType operands = DType::f32;  // what cuBLASLt multiplies
  int64_t a_stride = 0, a_bytes = 0;  // of rounded a
  int64_t chunk = 0, chunk_stride = 0, chunk_bytes = 0;  // of decoded b; chunk: columns of y
  bool rounds_a() const { return a_bytes > 0; }
  bool decodes_b() const { return chunk_bytes > 0; }
};

Plan plan_matmul(const MatmulOptions& options, const Shape& a, const Shape& b, DType a_dtype, DType b_dtype) {
  const bool nt = options.kind == MatmulKind::nt, tn = options.kind == MatmulKind::tn;
  Plan plan;
  plan.m = tn ? a.columns() : a.rows();
  plan.k = tn ? a.rows() : a.columns();
  plan.n = plan.chunk = nt ? b.rows() : b.columns();
  PEFT_ASSERT(plan.k == (nt ? b.columns() : b.rows()));
  if (plan.m == 0 || plan.n == 0 || plan.k == 0 || is_matvec(options, plan.m, b_dtype)) return plan;
  if (options.arithmetic == Arithmetic::bfloat16) plan.operands = DType::bf16;
  const int64_t size = traits(plan.operands).block_bytes;
  // Rows of scratch are multiples of 16 bytes, or tensor cores are fed by the element.
  if (a_dtype != plan.operands) {
    plan.a_stride = round_up(a.columns(), 8);
    plan.a_bytes = round_up(a.rows() * plan.a_stride * size, scratch_unit);
  }
  if (b_dtype == plan.operands) return plan;
  const int64_t most = plan.m <= most_matvec_rows && !tn ? most_few_rows_chunk_bytes : most_chunk_bytes;
  const int64_t chunks = divide_up(plan.n * round_up(plan.k, 8) * size, most);
  plan.chunk = std::min(plan.n, round_up(divide_up(plan.n, chunks), chunk_unit));  // nearly equal
  plan.chunk_stride = round_up(nt ? plan.k : plan.chunk, 8);
  plan.chunk_bytes = round_up((nt ? plan.chunk : plan.k) * plan.chunk_stride * size, scratch_unit);
  return plan;
}

// bf16 that is not asked for would be rounded silently: float32 is exact.
void check_types(const MatmulOptions& options, DType a, DType y) {
  const auto fits = [&](DType dtype) {
    return dtype == DType::f32 || (dtype == DType::bf16 && options.arithmetic == Arithmetic::bfloat16);
  };
  check(fits(a) && fits(y), Code::unsupported, "a is {} and y is {}, expected {} for each", name_of(a), name_of(y),
        options.arithmetic == Arithmetic::bfloat16 ? "f32 or bf16" : "f32 in this arithmetic");
}

View scratch_view(std::byte* data, int64_t rows, int64_t columns, int64_t stride, DType dtype) {
  View view;
  view.data = data;
  view.shape = Shape{rows, columns};
  view.row_stride = stride;
  view.dtype = dtype;
  return view;
}

// Columns [begin, begin + columns) of y; b: what they are made of.
Product product_of(const MatmulOptions& options, const Plan& plan, const ConstView& a, const ConstView& b,
                   const View& y, int64_t begin, int64_t columns) {
  Product p;
  p.operands = plan.operands;
  p.result = y.dtype;
  p.a_transposed = options.kind == MatmulKind::tn;
  p.b_transposed = options.kind == MatmulKind::nt;
  p.accumulate = options.accumulate;
  p.alpha = options.alpha;
  p.m = plan.m, p.n = columns, p.k = plan.k;
  p.a = a.data, p.a_stride = a.row_stride;
  p.b = b.data, p.b_stride = b.row_stride;
  p.y = y.column_range(begin, columns).data, p.y_stride = y.row_stride;
  return p;
}

}  // namespace

int64_t CudaBackend::matmul_scratch(const MatmulOptions& options, const Shape& a, const Shape& b, DType a_dtype,
                                    DType b_dtype) const {
  const Plan plan = plan_matmul(options, a, b, a_dtype, b_dtype);
  return plan.a_bytes + plan.chunk_bytes;
}

void CudaBackend::matmul(const MatmulOptions& options, ConstView a, ConstView b, View y, View scratch) {
  run("matmul", [&] {
    check_types(options, a.dtype, y.dtype);
    const Plan plan = plan_matmul(options, a.shape, b.shape, a.dtype, b.dtype);
    if (plan.m == 0 || plan.n == 0) return;
    if (plan.k == 0) {
      if (!options.accumulate) fill(y, 0.0f);
      return;
    }
    if (matvec(*this, options, a, b, y)) return;

    PEFT_ASSERT(scratch.data != nullptr || plan.a_bytes + plan.chunk_bytes == 0);
    if (plan.rounds_a()) {
      const View rounded = scratch_view(scratch.data, a.rows(), a.columns(), plan.a_stride, plan.operands);
      copy(a, rounded);
      if (fault_.code != 0) return;
      a = rounded;
    }
    for (int64_t begin = 0; begin < plan.n; begin += plan.chunk) {
      const int64_t columns = std::min(plan.chunk, plan.n - begin);
      ConstView part = b;
      if (plan.decodes_b()) {
        const bool nt = options.kind == MatmulKind::nt;
        const View chunk = scratch_view(scratch.data + plan.a_bytes, nt ? columns : plan.k, nt ? plan.k : columns,
                                        plan.chunk_stride, plan.operands);
        decode_part(stream(), b, nt ? begin : 0, nt ? 0 : begin, chunk);
        part = chunk;
      }
      const Product product = product_of(options, plan, a, part, y, begin, columns);
      if (!cublaslt_->multiply(stream(), product)) multiply_plain(stream(), product);
    }
  });
}

}  // namespace peft::cuda
