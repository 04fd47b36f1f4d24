// Which row kernel a few-row product runs on, and its activations in the form that the kernel wants.
#include "cpu/gemv.h"

#include <algorithm>

#include "base/checked.h"
#include "base/threads.h"
#include "cpu/convert.h"
#include "cpu/matmul.h"

namespace peft {
namespace {

enum class Route : uint8_t { columns, decoded, plain, blocks, nf4, int8 };

// From this many rows on, decoding weights once for all of them is cheaper than unpacking them for each.
constexpr int64_t rows_worth_decoding = 4;

// `whole_rows`: rows of b are whole blocks of 64, if it is nf4.
Route choose_route(const MatmulOptions& options, int64_t rows, DType dtype, bool whole_rows) {
  if (options.kind == MatmulKind::nn) return Route::columns;
  const bool rounds = options.arithmetic == Arithmetic::bfloat16;
  if (options.arithmetic == Arithmetic::int8 && has_int8_rows(dtype)) return Route::int8;
  if (dtype == DType::bf16 || (!rounds && (dtype == DType::f32 || dtype == DType::f16))) return Route::plain;
  if (rounds || rows >= rows_worth_decoding) return Route::decoded;
  if (has_block_rows(dtype)) return Route::blocks;
  return is_nf4(dtype) && whole_rows ? Route::nf4 : Route::decoded;
}

// Rows of b in one slice: an even number of equal slices of at most 64 K weights.
int64_t rows_of_slice(int64_t n, int64_t k) {
  const int64_t slices = 2 * divide_up(n * std::max<int64_t>(1, k), int64_t{1} << 17);
  return divide_up(divide_up(n, slices), 4) * 4;
}

int64_t rounded_bytes(const MatmulOptions& options, const MatmulPlan& plan) {
  return options.arithmetic == Arithmetic::bfloat16 ? round_up(plan.rows * plan.depth * 4, 64) : 0;
}

}  // namespace

int64_t few_rows_scratch(const MatmulOptions& options, const MatmulPlan& plan, DType b_dtype) {
  const int64_t elements = plan.rows * plan.depth, blocks = plan.rows * divide_up(plan.depth, 32);
  int64_t bytes = rounded_bytes(options, plan);
  switch (choose_route(options, plan.rows, b_dtype, true)) {
    case Route::blocks:
      return bytes + round_up(blocks * 4, 64);
    case Route::nf4:
      return bytes + round_up(elements * 4, 64);
    case Route::int8:
      return bytes + round_up(elements, 64) + round_up(blocks * 8, 64);
    default:
      return bytes;
  }
}

void multiply_few_rows(const MatmulOptions& options, const MatmulPlan& plan, const ConstView& a,
                       const ConstView& b, const View& y, std::byte* scratch, int threads) {
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
    for (int64_t r = 0; r < task.m; ++r)
      round_float_to_bfloat16(a.row<float>(r), rounded + r * task.k, task.k);
    task.x = rounded;
    task.x_stride = task.k;
    scratch += rounded_bytes(options, plan);
  }
  const Route route = choose_route(options, task.m, b.dtype, !is_nf4(b.dtype) || has_nf4_rows(b));
  const int64_t blocks = task.k / 32;
  auto kernel = dot_rows_decoded;
  switch (route) {
    case Route::columns:
      return parallel_for(plan.columns, column_slice, threads,
                          [&](int64_t begin, int64_t end) { add_columns(task, begin, end); });
    case Route::decoded:
      break;
    case Route::plain:
      kernel = dot_rows_plain;
      break;
    case Route::blocks: {
      auto* sums = reinterpret_cast<float*>(scratch);
      for (int64_t r = 0; r < task.m; ++r) sum_blocks(task.x + r * task.x_stride, blocks, sums + r * blocks);
      task.block_sums = sums;
      kernel = dot_rows_blocks;
      break;
    }
    case Route::nf4: {
      auto* split = reinterpret_cast<float*>(scratch);
      for (int64_t r = 0; r < task.m; ++r)
        split_even_odd(task.x + r * task.x_stride, task.k, split + r * task.k);
      task.split = split;
      kernel = dot_rows_nf4;
      break;
    }
    case Route::int8: {
      auto* codes = reinterpret_cast<int8_t*>(scratch);
      auto* scales = reinterpret_cast<float*>(scratch + round_up(task.m * task.k, 64));
      for (int64_t r = 0; r < task.m; ++r) {
        round_to_int8(task.x + r * task.x_stride, blocks, codes + r * task.k, scales + r * blocks * 2);
      }
      task.codes = codes;
      task.scales = scales;
      kernel = dot_rows_int8;
      break;
    }
  }
  parallel_for(plan.columns, rows_of_slice(plan.columns, task.k), threads,
               [&](int64_t begin, int64_t end) { kernel(task, begin, end); });
}

}  // namespace peft
