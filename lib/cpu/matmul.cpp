// matmul for many rows: slices of y, each decoding the part of b that it needs and handing it to oneDNN.
//
// Slices are [512, 96]: every weight is decoded once for 512 rows (about 2 % of the product's time), its tile
// stays in L2, and 576- and 1536-wide layers give 6 and 16 slices a row block, which two threads share
// evenly. Decoding a shared tile first and cutting rows only would need a barrier a tile and is no faster.
#include "cpu/matmul.h"

#include <algorithm>
#include <atomic>

#include "base/checked.h"
#include "base/threads.h"
#include "cpu/convert.h"
#include "cpu/cpu_backend.h"
#include "cpu/decode.h"
#include "cpu/onednn.h"

namespace peft {
namespace {

constexpr int64_t widest_slice = 96, tallest_slice = 512, deepest_tile = 2048, deepest_panel = 4096;

// Hands each running slice a piece of scratch of its own; which one does not matter, for a slice writes
// before it reads.
class Slots {
 public:
  Slots(std::byte* memory, int64_t bytes, int count) : memory_(memory), bytes_(bytes), count_(count) {}
  int acquire() {
    for (;;) {
      for (int i = 0; i < count_; ++i) {
        if (!taken_[i].load(std::memory_order_relaxed) &&
            !taken_[i].exchange(true, std::memory_order_acquire))
          return i;
      }
    }
  }
  void release(int slot) { taken_[slot].store(false, std::memory_order_release); }
  std::byte* memory(int slot) const { return memory_ + slot * bytes_; }

 private:
  std::byte* memory_;
  int64_t bytes_;
  int count_;
  std::atomic<bool> taken_[256] = {};
};

class Slot {
 public:
  explicit Slot(Slots& slots) : slots_(slots), index_(slots.acquire()) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() { slots_.release(index_); }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(slots_.memory(index_));
  }

 private:
  Slots& slots_;
  int index_;
};

// One call of the kernel, with what its slices share.
struct Call {
  const MatmulOptions& options;
  const MatmulPlan& plan;
  const ConstView& a;
  const ConstView& b;
  const View& y;
  bool bfloat16;           // operands are bf16 in memory
  bool round_to_f32;       // operands are bf16 values kept in f32
  const std::byte* panel;  // the rounded part of a, or null
  int64_t panel_begin, panel_stride;

  bool a_transposed() const { return options.kind == MatmulKind::tn; }
  bool b_transposed() const { return options.kind == MatmulKind::nt; }

  // Address of a's element (row of y, depth) and its row stride.
  const void* a_at(int64_t row, int64_t depth) const {
    const int64_t r = a_transposed() ? depth : row, c = a_transposed() ? row : depth;
    if (panel == nullptr) return a.row<float>(r) + c;
    const int64_t offset =
        a_transposed() ? (r - panel_begin) * panel_stride + c : r * panel_stride + c - panel_begin;
    return panel + offset * (bfloat16 ? 2 : 4);
  }
  int64_t a_stride() const { return panel == nullptr ? a.row_stride : panel_stride; }
};

void multiply_piece(const Call& call, const Product& product, const void* a, const void* b, float* c) {
  if (call.bfloat16) {
    multiply_bfloat16(product, static_cast<const uint16_t*>(a), static_cast<const uint16_t*>(b), c);
  } else {
    multiply_float32(product, static_cast<const float*>(a), static_cast<const float*>(b), c);
  }
}

// b as it lies in memory serves when its elements are what the product multiplies.
bool b_in_place(const Call& call) {
  return call.bfloat16 ? call.b.dtype == DType::bf16 : !call.round_to_f32 && call.b.dtype == DType::f32;
}

// The tile b[depth, column) as [column][depth] (nt) or [depth][column], in the product's type.
void decode_tile(const Call& call, const RowDecoder& decoder, int64_t column, int64_t columns, int64_t begin,
                 int64_t depth, std::byte* tile) {
  const int64_t row = call.b_transposed() ? column : begin, rows = call.b_transposed() ? columns : depth;
  const int64_t first = call.b_transposed() ? begin : column, width = call.b_transposed() ? depth : columns;
  for (int64_t r = 0; r < rows; ++r) {
    if (call.bfloat16) {
      decoder.decode_bfloat16(row + r, first, width, reinterpret_cast<uint16_t*>(tile) + r * width);
      continue;
    }
    float* out = reinterpret_cast<float*>(tile) + r * width;
    decoder.decode(row + r, first, width, out);
    if (call.round_to_f32) round_float_to_bfloat16(out, out, width);
  }
}

// y[row.., column..] of one slice over depths [begin, end); `accumulate` of the first piece is given.
void run_slice(const Call& call, Slots& slots, int64_t row, int64_t column, int64_t begin, int64_t end,
               bool accumulate) {
  const MatmulPlan& plan = call.plan;
  Product product;
  product.m = std::min(plan.slice_rows, plan.rows - row);
  product.n = std::min(plan.slice_columns, plan.columns - column);
  product.a_transposed = call.a_transposed();
  product.b_transposed = call.b_transposed();
  product.a_stride = call.a_stride();
  product.c_stride = call.y.row_stride;
  product.alpha = call.options.alpha;
  float* c = call.y.row<float>(row) + column;
  const bool in_place = b_in_place(call);
  if (in_place) {
    product.k = end - begin;
    product.b_stride = call.b.row_stride;
    product.accumulate = accumulate;
    const int64_t b_row = call.b_transposed() ? column : begin,
                  b_column = call.b_transposed() ? begin : column;
    const std::byte* b = call.b.data + (b_row * call.b.row_stride + b_column) * (call.bfloat16 ? 2 : 4);
    return multiply_piece(call, product, call.a_at(row, begin), b, c);
  }
  const Slot slot(slots);
  const RowDecoder decoder(call.b);
  for (int64_t depth = begin; depth < end; depth += plan.tile_depth) {
    product.k = std::min(plan.tile_depth, end - depth);
    product.b_stride = call.b_transposed() ? product.k : product.n;
    product.accumulate = accumulate || depth > begin;
    decode_tile(call, decoder, column, product.n, depth, product.k, slot.as<std::byte>());
    multiply_piece(call, product, call.a_at(row, depth), slot.as<std::byte>(), c);
  }
}

void run_slices(const Call& call, Slots& slots, int64_t begin, int64_t end, bool accumulate, int threads) {
  const MatmulPlan& plan = call.plan;
  const int64_t down = divide_up(plan.rows, plan.slice_rows),
                across = divide_up(plan.columns, plan.slice_columns);
  parallel_for(down * across, 1, threads, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      run_slice(call, slots, i % down * plan.slice_rows, i / down * plan.slice_columns, begin, end,
                accumulate);
    }
  });
}

// Depths [begin, end) of a, rounded to bf16, as rows of the same order.
void round_panel(const ConstView& a, bool transposed, int64_t begin, int64_t end, bool in_f32,
                 std::byte* panel, int threads) {
  const ConstView part = transposed ? a.row_range(begin, end - begin) : a.column_range(begin, end - begin);
  const int64_t columns = part.columns(), bytes = in_f32 ? 4 : 2;
  parallel_for(part.rows(), std::max<int64_t>(1, 16384 / columns), threads, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      std::byte* out = panel + r * columns * bytes;
      if (in_f32) {
        round_float_to_bfloat16(part.row<float>(r), reinterpret_cast<float*>(out), columns);
      } else {
        convert_float_to_bfloat16(part.row<float>(r), reinterpret_cast<uint16_t*>(out), columns);
      }
    }
  });
}

void scale_result(const View& y, bool keep) {
  if (keep) return;
  for (int64_t r = 0; r < y.rows(); ++r) std::fill_n(y.row<float>(r), y.columns(), 0.0f);
}

}  // namespace

int64_t MatmulPlan::tile_bytes() const {
  return tile_depth == 0 ? 0 : round_up(slice_columns * tile_depth * int64_t{sizeof(float)}, 64);
}

int64_t MatmulPlan::panel_bytes() const { return round_up(rows * panel_depth * int64_t{sizeof(float)}, 64); }

MatmulPlan plan_matmul(const MatmulOptions& options, const Shape& a, const Shape& b, DType b_dtype) {
  const bool nt = options.kind == MatmulKind::nt, tn = options.kind == MatmulKind::tn;
  MatmulPlan plan;
  plan.rows = tn ? a.columns() : a.rows();
  plan.depth = tn ? a.rows() : a.columns();
  plan.columns = nt ? b.rows() : b.columns();
  PEFT_ASSERT(plan.depth == (nt ? b.columns() : b.rows()));
  plan.few_rows = !tn && plan.rows <= maximum_few_rows;
  if (plan.few_rows) return plan;
  const bool rounded = options.arithmetic == Arithmetic::bfloat16;
  const bool decoded = rounded || b_dtype != DType::f32;
  plan.slice_columns = std::min(widest_slice, std::max<int64_t>(1, plan.columns));
  plan.slice_rows = std::min(tallest_slice, std::max<int64_t>(1, plan.rows));
  // Narrow results are cut into more rows until there is work for several threads; a decoded tile needs 256
  // to pay.
  const int64_t least = decoded && b_dtype != DType::f32 ? 256 : 64;
  while (plan.slice_rows >= 2 * least &&
         divide_up(plan.rows, plan.slice_rows) * divide_up(plan.columns, plan.slice_columns) < 8 &&
         plan.slice_rows * plan.slice_columns * plan.depth > int64_t{1} << 21) {
    plan.slice_rows /= 2;
  }
  if (decoded) plan.tile_depth = std::min(deepest_tile, std::max<int64_t>(1, plan.depth));
  if (rounded) plan.panel_depth = std::min(deepest_panel, std::max<int64_t>(1, plan.depth));
  return plan;
}

int64_t CpuBackend::matmul_scratch(const MatmulOptions& options, const Shape& a, const Shape& b,
                                   DType /*a_dtype*/, DType b_dtype) const {
  const MatmulPlan plan = plan_matmul(options, a, b, b_dtype);
  if (plan.few_rows) return few_rows_scratch(options, plan, b_dtype);
  return plan.panel_bytes() + plan.tile_bytes() * threads();
}

void CpuBackend::matmul(const MatmulOptions& options, ConstView a, ConstView b, View y, View scratch) {
  const MatmulPlan plan = plan_matmul(options, a.shape, b.shape, b.dtype);
  if (plan.rows == 0 || plan.columns == 0) return;
  if (plan.depth == 0) return scale_result(y, options.accumulate);
  if (plan.few_rows) return multiply_few_rows(options, plan, a, b, y, scratch.data, threads());
  const bool rounded = options.arithmetic == Arithmetic::bfloat16,
             native = rounded && has_bfloat16_products();
  Call call{options, plan, a, b, y, native, rounded && !native, nullptr, 0, 0};
  Slots slots(scratch.data + plan.panel_bytes(), plan.tile_bytes(), threads());
  if (!rounded) return run_slices(call, slots, 0, plan.depth, options.accumulate, threads());
  call.panel = scratch.data;
  for (int64_t begin = 0; begin < plan.depth; begin += plan.panel_depth) {
    const int64_t end = std::min(begin + plan.panel_depth, plan.depth);
    round_panel(a, call.a_transposed(), begin, end, !native, scratch.data, threads());
    call.panel_begin = begin;
    call.panel_stride = call.a_transposed() ? plan.rows : end - begin;
    run_slices(call, slots, begin, end, options.accumulate || begin > 0, threads());
  }
}

}  // namespace peft
