// Attention backward (Dao et al. 2022) in two passes, over tiles of keys and over tiles of queries: nothing
// is added up by several blocks, so sums have a fixed order.
#include <algorithm>

#include "cuda/attention.cuh"
#include "cuda/attention_memory.cuh"
#include "cuda/cudnn_attention.h"

namespace peft::cuda {
namespace {

constexpr unsigned delta_threads = 128, delta_warps = delta_threads / warp_size, sum_threads = 256;
constexpr int64_t keys_a_block = 64;
constexpr int64_t blocks_wanted = 512;  // about four for each multiprocessor of an H100 or H200

// A warp: delta[row, head] = sum of dout * out over the head.
template <typename T>
__global__ void __launch_bounds__(delta_threads)
    delta_kernel(Matrix<const T> out, Matrix<const T> dout, int32_t heads, int32_t width, float* delta) {
  constexpr int pack = pack_width<T>;
  const int64_t number = int64_t{blockIdx.x} * delta_warps + threadIdx.x / warp_size;
  const int64_t row = number / heads, column = number % heads * width;
  if (row >= out.rows) return;
  const T *a = out.row(row) + column, *b = dout.row(row) + column;
  float sum = 0;
  for (int c = pack * static_cast<int>(threadIdx.x % warp_size); c < width; c += pack * static_cast<int>(warp_size)) {
    const Pack16<T> left = load_pack(a, c, width), right = load_pack(b, c, width);
    PEFT_UNROLL
    for (int i = 0; i < pack; ++i) sum = fmaf(to_float(left.v[i]), to_float(right.v[i]), sum);
  }
  sum = warp_reduce(sum, Add{});
  if (threadIdx.x % warp_size == 0) delta[number] = sum;
}

// A block: one token. dk and dv are the sums of the parts of a kv head, in order; zeros outside every segment.
template <typename T>
__global__ void __launch_bounds__(sum_threads)
    sum_parts_kernel(Segments segments, Matrix<float> dk_parts, Matrix<float> dv_parts, int32_t parts, int32_t width,
                     Matrix<T> dk, Matrix<T> dv) {
  const int64_t row = blockIdx.x;
  const bool inside = static_cast<bool>(find_row(segments, SegmentSide::keys, row));
  for (int64_t c = threadIdx.x; c < dk.columns; c += sum_threads) {
    const int64_t from = c / width * parts * width + c % width;
    float dk_sum = 0, dv_sum = 0;
    for (int32_t p = 0; inside && p < parts; ++p) {
      dk_sum += dk_parts.at(row, from + p * width);
      dv_sum += dv_parts.at(row, from + p * width);
    }
    dk.at(row, c) = from_float<T>(dk_sum);
    dv.at(row, c) = from_float<T>(dv_sum);
  }
}

// With few tiles of keys and kv heads, the query heads of a group are shared out to as few blocks as fill a GPU.
int32_t parts_of(const AttentionOptions& options, int64_t keys) {
  const int64_t tiles = (keys + keys_a_block - 1) / keys_a_block, blocks = tiles * options.kv_heads;
  const int32_t group = options.heads / options.kv_heads;
  int32_t parts = 1;
  while (parts < group && (group % parts != 0 || blocks * parts < blocks_wanted)) ++parts;
  return parts;
}

// Rounded up, so that what follows is aligned for 128-bit stores.
int64_t delta_floats(const AttentionOptions& options, int64_t queries) {
  return (queries * options.heads + 3) / 4 * 4;
}

}  // namespace

int64_t CudaBackend::attention_backward_scratch(const AttentionOptions& options, const Shape& q,
                                                const Shape& k, DType dtype) const {
  int64_t floats = delta_floats(options, q.rows());
  if (const int64_t parts = parts_of(options, k.rows()); parts > 1)
    floats += 2 * k.rows() * options.kv_heads * parts * options.head_dim;
  return std::max(floats * 4, attend_cudnn_backward_scratch(*this, options, q, k, dtype));
}

void CudaBackend::attention_backward(const AttentionOptions& options, ConstView q, ConstView k, ConstView v,
                                     ConstView segments, ConstView out, ConstView lse, ConstView dout,
                                     View dq, View dk, View dv, View scratch) {
  run("attention_backward", [&] {
    check_head_dim(options);
    if (attend_cudnn_backward(*this, options, q, k, v, segments, out, lse, dout, dq, dk, dv, scratch)) return;
    const auto differentiate = [&](auto element) {
      using T = decltype(element);
      auto* delta = reinterpret_cast<float*>(scratch.data);
      AttentionBackward<T> call{.options = options,
                                .q = matrix<T>(q),
                                .k = matrix<T>(k),
                                .v = matrix<T>(v),
                                .dout = matrix<T>(dout),
                                .segments = matrix<int32_t>(segments),
                                .lse = matrix<float>(lse),
                                .delta = delta,
                                .dq = matrix<T>(dq),
                                .dk = matrix<T>(dk),
                                .dv = matrix<T>(dv)};
      launch(stream(), dim3(blocks_for(q.rows() * options.heads, delta_warps)), dim3(delta_threads), 0,
             delta_kernel<T>, matrix<T>(out), call.dout, options.heads, options.head_dim, delta);
      backward_queries(stream(), properties(), call);
      clear_outside(stream(), call.segments, SegmentSide::queries, call.dq, Matrix<T>());
      call.parts = parts_of(options, k.rows());
      if (call.parts == 1) {
        backward_keys(stream(), properties(), call);
        clear_outside(stream(), call.segments, SegmentSide::keys, call.dk, call.dv);
        return;
      }
      const int64_t columns = int64_t{options.kv_heads} * call.parts * options.head_dim;
      float* parts = delta + delta_floats(options, q.rows());
      call.dk_parts = {parts, k.rows(), columns, columns};
      call.dv_parts = {parts + k.rows() * columns, k.rows(), columns, columns};
      backward_keys(stream(), properties(), call);
      PEFT_ASSERT(k.rows() < int64_t{1} << 31);
      launch(stream(), dim3(static_cast<unsigned>(k.rows())), dim3(sum_threads), 0, sum_parts_kernel<T>, call.segments,
             call.dk_parts, call.dv_parts, call.parts, options.head_dim, call.dk, call.dv);
    };
    if (q.dtype == DType::bf16) return differentiate(BFloat16());
    differentiate(float());
  });
}

}  // namespace peft::cuda
