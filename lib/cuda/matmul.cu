// matmul: few rows by own kernels, which read every weight once; the rest by cuBLASLt, after the operands were brought
// into its types.
//
// float32: products of f32 operands, exact (no TF32). bfloat16: `a` is rounded into scratch, `b` is used as it lies
// when it is bf16; sums and results are f32. What else `b` is stored as is decoded into scratch in chunks of its rows.
// Those are columns of y for kind nt, and stretches of the summed dimension, added in order, for nn and tn.
#include <algorithm>

#include "base/checked.h"
#include "cuda/cublaslt.h"
#include "cuda/cuda_backend.h"
#include "cuda/decode.h"
#include "cuda/matvec.h"
#include "cuda/multiply_plain.cuh"

namespace peft::cuda {
namespace {

// Of decoded b. A chunk is large enough that its product fills a GPU; few rows would not in any case.
constexpr int64_t most_chunk_bytes = int64_t{64} << 20, most_few_rows_chunk_bytes = int64_t{8} << 20;
constexpr int64_t scratch_unit = 256;

struct Plan {
  int64_t m = 0, n = 0, k = 0;
  bool bfloat16 = false;  // what cuBLASLt multiplies
  bool b_in_place = false;
  int64_t a_stride = 0, a_bytes = 0;  // of rounded a
  int64_t b_rows = 0, chunk_rows = 0, chunk_stride = 0, chunk_bytes = 0;

  DType operand() const { return bfloat16 ? DType::bf16 : DType::f32; }
};

Plan plan_matmul(const MatmulOptions& options, const Shape& a, const Shape& b, DType b_dtype) {
  const bool nt = options.kind == MatmulKind::nt, tn = options.kind == MatmulKind::tn;
  Plan plan;
  plan.m = tn ? a.columns() : a.rows();
  plan.k = tn ? a.rows() : a.columns();
  plan.n = nt ? b.rows() : b.columns();
  PEFT_ASSERT(plan.k == (nt ? b.columns() : b.rows()));
  plan.bfloat16 = options.arithmetic == Arithmetic::bfloat16;
  plan.b_in_place = b_dtype == plan.operand();
  if (plan.bfloat16) {
    plan.a_stride = round_up(a.columns(), 8);  // 16 bytes, or tensor cores are fed by the element
    plan.a_bytes = round_up(a.rows() * plan.a_stride * 2, scratch_unit);
  }
  plan.b_rows = plan.chunk_rows = b.rows();
  if (plan.b_in_place || b.rows() == 0) return plan;
  plan.chunk_stride = round_up(b.columns(), 8);
  const int64_t row_bytes = std::max<int64_t>(1, plan.chunk_stride) * (plan.bfloat16 ? 2 : 4);
  const int64_t most = !tn && plan.m <= most_matvec_rows ? most_few_rows_chunk_bytes : most_chunk_bytes;
  // Equal chunks, of whole tiles.
  const int64_t chunks = divide_up(b.rows() * row_bytes, most);
  plan.chunk_rows = std::min(b.rows(), round_up(divide_up(b.rows(), chunks), 128));
  plan.chunk_bytes = round_up(plan.chunk_rows * row_bytes, scratch_unit);
  return plan;
}

View scratch_view(std::byte* data, int64_t rows, int64_t columns, int64_t stride, DType dtype) {
  View view;
  view.data = data;
  view.shape = Shape{rows, columns};
  view.row_stride = stride;
  view.dtype = dtype;
  return view;
}

// The part of the product that rows [begin, begin + rows) of b take part in.
Product product_of(const MatmulOptions& options, const Plan& plan, const ConstView& a, const ConstView& b,
                   const View& y, int64_t begin, int64_t rows) {
  const int64_t size = plan.bfloat16 ? 2 : 4;
  Product p;
  p.bfloat16 = plan.bfloat16;
  p.a_transposed = options.kind == MatmulKind::tn;
  p.b_transposed = options.kind == MatmulKind::nt;
  p.alpha = options.alpha;
  p.m = plan.m, p.n = plan.n, p.k = plan.k;
  p.a = a.data, p.a_stride = a.row_stride;
  p.b = b.data, p.b_stride = b.row_stride;
  p.y = y.row<float>(), p.y_stride = y.row_stride;
  p.accumulate = options.accumulate;
  if (options.kind == MatmulKind::nt) {
    p.n = rows;
    p.y += begin;
  } else {
    p.k = rows;
    p.a += begin * (p.a_transposed ? a.row_stride : 1) * size;
    p.accumulate |= begin > 0;
  }
  return p;
}

}  // namespace

int64_t CudaBackend::matmul_scratch(const MatmulOptions& options, const Shape& a, const Shape& b, DType /*a_dtype*/, DType b_dtype) const {
  const Plan plan = plan_matmul(options, a, b, b_dtype);
  return plan.a_bytes + plan.chunk_bytes;
}

void CudaBackend::matmul(const MatmulOptions& options, ConstView a, ConstView b, View y, View scratch) {
  run("matmul", [&] {
    const Plan plan = plan_matmul(options, a.shape, b.shape, b.dtype);
    if (plan.m == 0 || plan.n == 0) return;
    if (plan.k == 0) {
      if (!options.accumulate) fill(y, 0.0f);
      return;
    }
    if (matvec(*this, options, a, b, y)) return;

    PEFT_ASSERT(scratch.data != nullptr || plan.a_bytes + plan.chunk_bytes == 0);
    if (plan.bfloat16) {
      const View rounded = scratch_view(scratch.data, a.rows(), a.columns(), plan.a_stride, DType::bf16);
      copy(a, rounded);
      if (fault_.code != 0) return;
      a = rounded;
    }
    for (int64_t begin = 0; begin < plan.b_rows; begin += plan.chunk_rows) {
      const int64_t rows = std::min(plan.chunk_rows, plan.b_rows - begin);
      ConstView part = b.row_range(begin, rows);
      if (!plan.b_in_place) {
        const View chunk =
            scratch_view(scratch.data + plan.a_bytes, rows, b.columns(), plan.chunk_stride, plan.operand());
        decode_rows(stream(), b, begin, rows, chunk);
        part = chunk;
      }
      const Product product = product_of(options, plan, a, part, y, begin, rows);
      if (!cublaslt_->multiply(stream(), product)) multiply_plain(stream(), product);
    }
  });
}

}  // namespace peft::cuda
