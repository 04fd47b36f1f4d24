// Attention backward (Dao et al. 2022) in two passes, over tiles of keys and over tiles of queries: nothing
// is added up by several blocks, so sums have a fixed order.
#include "cuda/attention.cuh"
#include "cuda/attention_backward.cuh"

namespace peft::cuda {
namespace {

constexpr unsigned delta_threads = 128, delta_warps = delta_threads / warp_size, sum_threads = 256;
constexpr int64_t blocks_wanted = 528;  // four for each multiprocessor of an H100 or H200

// A warp: delta[row, head] = sum of dout * out over the head.
__global__ void __launch_bounds__(delta_threads)
    delta_kernel(Matrix<const float> out, Matrix<const float> dout, int32_t heads, int32_t width,
                 float* delta) {
  const int64_t number = int64_t{blockIdx.x} * delta_warps + threadIdx.x / warp_size;
  const int64_t row = number / heads, column = number % heads * width;
  if (row >= out.rows) return;
  const float *a = out.row(row) + column, *b = dout.row(row) + column;
  float sum = 0;
  for (int32_t c = static_cast<int32_t>(threadIdx.x % warp_size); c < width;
       c += static_cast<int32_t>(warp_size))
    sum = fmaf(a[c], b[c], sum);
  sum = warp_reduce(sum, Add{});
  if (threadIdx.x % warp_size == 0) delta[number] = sum;
}

// A block: one token. dk and dv are the sums over the query heads of a group, in order; zeros outside every
// segment.
__global__ void __launch_bounds__(sum_threads)
    sum_groups_kernel(Segments segments, const float* dk_heads, const float* dv_heads,
                      AttentionOptions options, Matrix<float> dk, Matrix<float> dv) {
  const int64_t row = blockIdx.x, width = options.head_dim, group = options.heads / options.kv_heads;
  const bool inside = static_cast<bool>(find_row(segments, SegmentSide::keys, row));
  for (int64_t c = threadIdx.x; c < dk.columns; c += sum_threads) {
    const int64_t from = (row * options.heads + c / width * group) * width + c % width;
    float dk_sum = 0, dv_sum = 0;
    for (int64_t g = 0; inside && g < group; ++g) {
      dk_sum += dk_heads[from + g * width];
      dv_sum += dv_heads[from + g * width];
    }
    dk.at(row, c) = dk_sum;
    dv.at(row, c) = dv_sum;
  }
}

// With few tiles of keys and kv heads, blocks take one query head each, and the heads of a group are added up
// afterwards.
bool heads_apart(const AttentionOptions& options, int64_t keys) {
  const int64_t tiles = (keys + backward_tile - 1) / backward_tile;
  return options.heads > options.kv_heads && tiles * options.kv_heads < blocks_wanted;
}

// Rounded up, so that what follows is aligned for 128-bit stores.
int64_t delta_floats(const AttentionOptions& options, int64_t queries) {
  return (queries * options.heads + 3) / 4 * 4;
}

}  // namespace

int64_t CudaBackend::attention_backward_scratch(const AttentionOptions& options, const Shape& q,
                                                const Shape& k, DType /*dtype*/) const {
  int64_t floats = delta_floats(options, q.rows());
  if (heads_apart(options, k.rows())) floats += 2 * k.rows() * options.heads * options.head_dim;
  return floats * 4;
}

void CudaBackend::attention_backward(const AttentionOptions& options, ConstView q, ConstView k, ConstView v,
                                     ConstView segments, ConstView out, ConstView lse, ConstView dout,
                                     View dq, View dk, View dv, View scratch) {
  run("attention_backward", [&] {
    check_head_dim(options);
    auto* delta = reinterpret_cast<float*>(scratch.data);
    AttentionBackward call{.options = options,
                           .q = matrix<const float>(q),
                           .k = matrix<const float>(k),
                           .v = matrix<const float>(v),
                           .dout = matrix<const float>(dout),
                           .segments = matrix<const int32_t>(segments),
                           .lse = matrix<const float>(lse),
                           .delta = delta,
                           .dq = matrix<float>(dq),
                           .dk = matrix<float>(dk),
                           .dv = matrix<float>(dv),
                           .heads_apart = heads_apart(options, k.rows())};
    launch(stream(), dim3(blocks_for(q.rows() * options.heads, delta_warps)), dim3(delta_threads), 0,
           delta_kernel, matrix<const float>(out), call.dout, options.heads, options.head_dim, delta);
    backward_queries(stream(), properties(), call);
    clear_outside(stream(), call.segments, SegmentSide::queries, call.dq, {});
    if (!call.heads_apart) {
      backward_keys(stream(), properties(), call);
      clear_outside(stream(), call.segments, SegmentSide::keys, call.dk, call.dv);
      return;
    }
    const int64_t columns = int64_t{options.heads} * options.head_dim;
    float* dk_heads = delta + delta_floats(options, q.rows());
    float* dv_heads = dk_heads + k.rows() * columns;
    const Matrix<float> dk_view = call.dk, dv_view = call.dv;
    call.dk = {dk_heads, k.rows(), columns, columns};
    call.dv = {dv_heads, k.rows(), columns, columns};
    backward_keys(stream(), properties(), call);
    PEFT_ASSERT(k.rows() < int64_t{1} << 31);
    launch(stream(), dim3(static_cast<unsigned>(k.rows())), dim3(sum_threads), 0, sum_groups_kernel,
           call.segments, dk_heads, dv_heads, options, dk_view, dv_view);
  });
}

}  // namespace peft::cuda
