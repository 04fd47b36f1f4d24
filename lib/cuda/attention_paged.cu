// Attention whose keys and values lie in pages, and writing them there.
#include "cuda/attention.cuh"
#include "cuda/attention_memory.cuh"

namespace peft::cuda {
namespace {

constexpr unsigned write_threads = 128;

// A block: the keys and values of one token.
template <typename T>
__global__ void __launch_bounds__(write_threads)
    write_pages_kernel(PageLayout layout, Matrix<const T> k, Matrix<const T> v, Matrix<const int64_t> page_table,
                       Segments segments) {
  const int64_t token = blockIdx.x;
  const SegmentPlace place = find_row(segments, SegmentSide::queries, token);
  if (!place) return;
  const int32_t position = place.segment.key_count - place.segment.query_count + place.first;
  const int32_t page = position / layout.page_tokens, in_page = position % layout.page_tokens;
  auto* to = reinterpret_cast<T*>(page_table.at(place.index, page)) + in_page * k.columns;
  const int width = static_cast<int>(k.columns);
  constexpr int step = pack_width<T>;
  for (int c = step * static_cast<int>(threadIdx.x); c < width; c += step * static_cast<int>(write_threads)) {
    store_pack(load_pack(k.row(token), c, width), to + layout.key_offset, c, width);
    store_pack(load_pack(v.row(token), c, width), to + layout.value_offset, c, width);
  }
}

template <typename T>
void write(cudaStream_t stream, const PageLayout& layout, ConstView k, ConstView v, ConstView page_table,
           ConstView segments) {
  PEFT_ASSERT(k.rows() < int64_t{1} << 31);
  launch(stream, dim3(static_cast<unsigned>(k.rows())), dim3(write_threads), 0, write_pages_kernel<T>, layout,
         matrix<T>(k), matrix<T>(v), matrix<int64_t>(page_table), matrix<int32_t>(segments));
}

template <typename T>
void attend(cudaStream_t stream, const DeviceProperties& properties, const AttentionOptions& options,
            const PageLayout& layout, ConstView q, ConstView page_table, ConstView segments, View out,
            View scratch) {
  AttentionForward<T> call;
  call.options = options;
  call.q = matrix<T>(q);
  call.kv.page_table = matrix<int64_t>(page_table);
  call.kv.layout = layout;
  call.segments = matrix<int32_t>(segments);
  call.out = matrix<T>(out);
  if (q.rows() > few_queries) attend_tiles(stream, properties, call, few_queries);
  attend_few(stream, call, scratch);
}

}  // namespace

void CudaBackend::write_pages(const PageLayout& layout, ConstView k, ConstView v, ConstView page_table,
                              ConstView segments) {
  run("write_pages", [&] {
    if (k.dtype == DType::bf16) return write<BFloat16>(stream(), layout, k, v, page_table, segments);
    write<float>(stream(), layout, k, v, page_table, segments);
  });
}

void CudaBackend::attention_paged(const AttentionOptions& options, const PageLayout& layout, ConstView q,
                                  ConstView page_table, ConstView segments, View out, View scratch) {
  run("attention_paged", [&] {
    check_head_dim(options);
    if (q.dtype == DType::bf16)
      return attend<BFloat16>(stream(), properties(), options, layout, q, page_table, segments, out, scratch);
    attend<float>(stream(), properties(), options, layout, q, page_table, segments, out, scratch);
  });
}

int64_t CudaBackend::attention_paged_scratch(const AttentionOptions& options, const Shape& q,
                                             int64_t maximum_keys, DType /*dtype*/) const {
  return attend_few_scratch(options, q.rows(), maximum_keys);
}

}  // namespace peft::cuda
