// Attention as cuDNN's graph of operations, and the plan that the library makes of it. One graph is for shapes, strides
// and bounds of lengths; where documents lie, and how long they are, is read on the device.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "cuda/cudnn.h"

namespace peft::cuda {

// What a plan is for. Documents ("batch" of them) have at most `queries` and `keys` tokens.
struct AttentionGraph {
  bool backward = false, causal = false, windowed = false, with_lse = false;
  int64_t batch = 1, heads = 1, kv_heads = 1, head_dim = 1, queries = 1, keys = 1;
  // Between tokens, in elements; dout to dv backward only.
  int64_t q_stride = 0, k_stride = 0, v_stride = 0, out_stride = 0, lse_stride = 0;
  int64_t dout_stride = 0, dq_stride = 0, dk_stride = 0, dv_stride = 0;

  auto operator<=>(const AttentionGraph&) const = default;
};

// Names of a graph's tensors, by which a call says where they lie.
namespace graph_tensor {
enum Name : int64_t {
  // Of all tokens. A document begins at the element that the name's offsets say.
  q = 1, k, v, out, lse, dout, dq, dk, dv,
  // i32 [batch + 1] on the device: in elements, not descending; the last is where the tensor ends.
  offsets = 20,  // + one of the above
  // i32 [batch] on the device.
  query_lengths = 40, key_lengths,
  // f32 [batch, heads, queries] on the device, for the backward pass itself.
  delta,
  // One number each, on the host: scale and infinity f32, window i32.
  scale, infinity, one, window,
  first_virtual = 100,
};
}  // namespace graph_tensor

struct CudnnPlan {
  CudnnDescriptor descriptor;
  int64_t workspace_bytes;
};

// The library's first choice that needs at most so much workspace; null where it has none. Throws CudnnError.
std::unique_ptr<CudnnPlan> make_plan(cudnnHandle_t handle, const AttentionGraph& graph, int64_t most_workspace);

// Workspace of the backward pass, known from plans of cuDNN 9.19: the gradient of each weight, bf16, without which sums
// would be in the order of atomic additions, and dk and dv by query head.
constexpr int64_t backward_workspace(const AttentionGraph& g) {
  const int64_t shared = g.heads > g.kv_heads ? 2 * g.heads * g.keys * g.head_dim : 0;
  return 2 * g.batch * (g.heads * g.queries * g.keys + shared);
}

}  // namespace peft::cuda
