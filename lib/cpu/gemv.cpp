#include "cpu/gemv.h"

#include <algorithm>

#include "base/checked.h"
#include "base/threads.h"
#include "cpu/convert.h"
#include "cpu/matmul.h"

namespace peft {
namespace {

// Rows of b in one slice: about 64 K weights, a multiple of four.
int64_t rows_of_slice(int64_t k) { return std::max<int64_t>(4, (65536 / std::max<int64_t>(1, k)) / 4 * 4); }

}  // namespace

int64_t few_rows_scratch(const MatmulOptions& options, const MatmulPlan& plan, DType /*b_dtype*/) {
  int64_t bytes = 0;
  if (options.arithmetic == Arithmetic::bfloat16) bytes += round_up(plan.rows * plan.depth * 4, 64);
  return bytes;
}

void multiply_few_rows(const MatmulOptions& options, const MatmulPlan& plan, const ConstView& a, const ConstView& b,
                       const View& y, std::byte* scratch, int threads) {
  RowsTask task;
  task.b = b;
  task.x = a.row<float>();
  task.x_stride = a.row_stride;
  task.m = plan.rows;
  task.k = plan.depth;
  task.y = y.row<float>();
  task.y_stride = y.row_stride;
  task.alpha = options.alpha;
  task.accumulate = options.accumulate;
  if (options.arithmetic == Arithmetic::bfloat16) {
    task.round_weights = b.dtype != DType::bf16;
    auto* rounded = reinterpret_cast<float*>(scratch);
    for (int64_t r = 0; r < task.m; ++r) round_float_to_bfloat16(a.row<float>(r), rounded + r * task.k, task.k);
    task.x = rounded;
    task.x_stride = task.k;
  }
  if (options.kind == MatmulKind::nn) {
    return parallel_for(plan.columns, column_slice, threads,
                        [&](int64_t begin, int64_t end) { add_columns(task, begin, end); });
  }
  parallel_for(plan.columns, rows_of_slice(task.k), threads,
               [&](int64_t begin, int64_t end) { dot_rows_decoded(task, begin, end); });
}

}  // namespace peft
