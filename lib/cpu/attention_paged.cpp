// Attention whose keys and values lie in pages, and writing them there.
#include <algorithm>
#include <cstring>

#include "cpu/attention.h"
#include "cpu/cpu_backend.h"

namespace peft {

void CpuBackend::write_pages(const PageLayout& layout, ConstView k, ConstView v, ConstView page_table,
                             ConstView segments) {
  const int64_t width = k.columns();
  for (int64_t s = 0; s < segments.rows(); ++s) {
    const AttentionSegment segment = segment_at(segments, s);
    const int64_t* pages = page_table.row<int64_t>(s);
    const int64_t first = int64_t{segment.key_count} - segment.query_count;
    parallel_for(segment.query_count, /*grain=*/64, threads_, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) {
        const int64_t position = first + j, in_page = position % layout.page_tokens * width;
        auto* page = reinterpret_cast<float*>(pages[position / layout.page_tokens]);
        const size_t bytes = static_cast<size_t>(width) * sizeof(float);
        std::memcpy(page + layout.key_offset + in_page, k.row<float>(segment.query_begin + j), bytes);
        std::memcpy(page + layout.value_offset + in_page, v.row<float>(segment.query_begin + j), bytes);
      }
    });
  }
}

void CpuBackend::attention_paged(const AttentionOptions& options, const PageLayout& layout, ConstView q,
                                 ConstView page_table, ConstView segments, View out, View scratch) {
  AttentionCall call;
  call.options = options;
  call.layout = layout;
  call.q = q;
  call.page_table = page_table;
  call.segments = segments;
  call.out = out;
  call.scratch = scratch;
  // The longest segment bounds the partial results; the op asked for scratch for at least as many keys.
  for (int64_t s = 0; s < segments.rows(); ++s)
    call.maximum_keys = std::max<int64_t>(call.maximum_keys, segment_at(segments, s).key_count);
  call.threads = threads_;
  attend(call);
}

int64_t CpuBackend::attention_paged_scratch(const AttentionOptions& options, const Shape& q,
                                            int64_t maximum_keys, DType /*dtype*/) const {
  return attend_scratch(options, q.rows(), maximum_keys, threads_);
}

}  // namespace peft
