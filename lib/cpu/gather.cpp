// gather_rows, scatter_add_rows and dequantize: whole rows, decoded where they are stored otherwise.
#include <algorithm>

#include "base/threads.h"
#include "cpu/convert.h"
#include "cpu/cpu_backend.h"
#include "cpu/decode.h"
#include "cpu/spans.h"

namespace peft {

void CpuBackend::gather_rows(ConstView x, ConstView index, View y) {
  const RowDecoder decoder(x);
  const int32_t* rows = index.row<int32_t>();
  parallel_for(y.rows(), rows_per_slice(y.columns()), threads(), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) decoder.decode(rows[r], 0, y.columns(), y.row<float>(r));
  });
}

// Slices are columns, so that rows that meet in one row of y are added in the order of i by one thread.
void CpuBackend::scatter_add_rows(float alpha, ConstView x, ConstView index, View y) {
  const int32_t* rows = index.row<int32_t>();
  const int64_t count = x.rows();
  const int64_t grain = std::max<int64_t>(64, slice_elements / std::max<int64_t>(1, count));
  parallel_for(x.columns(), grain, threads(), [&](int64_t begin, int64_t end) {
    for (int64_t r = 0; r < count; ++r) {
      const float* from = x.row<float>(r);
      float* to = y.row<float>(rows[r]);
      for (int64_t c = begin; c < end; ++c) to[c] += alpha * from[c];
    }
  });
}

void CpuBackend::dequantize(ConstView x, View y) {
  PEFT_ASSERT(y.dtype == DType::f32 || y.dtype == DType::bf16);
  const RowDecoder decoder(x);
  const int64_t columns = x.columns();
  parallel_for(x.rows(), rows_per_slice(columns), threads(), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      if (y.dtype == DType::f32) {
        decoder.decode(r, 0, columns, y.row<float>(r));
      } else {
        decoder.decode_bfloat16(r, 0, columns, y.row<uint16_t>(r));
      }
    }
  });
}

}  // namespace peft
