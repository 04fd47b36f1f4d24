#include "cuda/cudnn_attention.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cuda/cudnn.h"
#include "cuda/cudnn_documents.h"
#include "cuda/cudnn_graph.h"

namespace peft::cuda {
namespace {

// Below, attention is a small part of a step, and not worth the seconds that a plan takes to make.
constexpr int64_t least_tokens = 512, least_tokens_a_document = 256, most_documents = 16;
constexpr int64_t largest_head = 256;
// Each takes seconds to make and some memory for its kernels.
constexpr size_t most_plans = 256;
// Beside what backward_workspace() counts. Plans were seen to ask for less than 18 kB.
constexpr int64_t workspace_margin = int64_t{256} << 10;
// Of the backward pass. Heads are taken in turns that need no more than the first, where a turn of one group of heads
// does; the second bounds that turn.
#ifdef PEFT_CUDA_EMULATED  // so that small problems show it
constexpr int64_t usual_backward_workspace = int64_t{12} << 20, most_backward_workspace = usual_backward_workspace;
#else
constexpr int64_t usual_backward_workspace = int64_t{136} << 20;  // a group of Llama 3 8B at 4096 tokens
constexpr int64_t most_backward_workspace = int64_t{544} << 20;
#endif
constexpr int64_t tables_bytes = 1024;  // 2 * 16 lengths and 9 * 17 offsets
static_assert(4 * (2 * most_documents + 9 * (most_documents + 1)) <= tables_bytes);

int64_t rounded_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

// 512, 768, 1024, 1536, 2048, ...: two sizes for each power of two.
int64_t bucket(int64_t tokens) {
  int64_t size = least_tokens;
  while (size < tokens) size *= 2;
  return size > least_tokens && tokens <= size / 4 * 3 ? size / 4 * 3 : size;
}

bool fits(const CudaBackend& backend, const AttentionOptions& options, int64_t queries, int64_t keys, DType dtype) {
  return backend.cudnn().available() && backend.properties().major == 9 && dtype == DType::bf16 &&
         std::min(queries, keys) >= least_tokens && options.head_dim % 8 == 0 && options.head_dim <= largest_head &&
         (options.window == 0 || options.causal);
}

AttentionGraph graph_of(const AttentionOptions& options, int64_t queries, int64_t keys) {
  AttentionGraph graph;
  graph.causal = options.causal;
  graph.windowed = options.window > 0 && options.window < keys;
  graph.heads = options.heads;
  graph.kv_heads = options.kv_heads;
  graph.head_dim = options.head_dim;
  graph.queries = bucket(queries);
  graph.keys = bucket(keys);
  return graph;
}

// One document at a time, and as many heads as the workspace allows, so that memory follows from the shapes that
// scratch is asked for with. No heads: not even one group fits.
AttentionGraph backward_graph_of(const AttentionOptions& options, int64_t queries, int64_t keys) {
  AttentionGraph graph = graph_of(options, queries, keys);
  graph.backward = graph.with_lse = true;
  const int64_t group = options.heads / options.kv_heads;
  for (int64_t parts = 1; parts <= options.kv_heads; ++parts) {
    if (options.kv_heads % parts != 0) continue;
    graph.kv_heads = options.kv_heads / parts;
    graph.heads = graph.kv_heads * group;
    if (backward_workspace(graph) <= usual_backward_workspace) return graph;
  }
  if (backward_workspace(graph) > most_backward_workspace) graph.heads = 0;
  return graph;
}

int64_t delta_bytes(const AttentionGraph& graph) { return rounded_up(4 * graph.heads * graph.queries, 256); }

// Vectors of 16 bytes, offsets of 32 bits.
bool fits(const ConstView& x) {
  return reinterpret_cast<uintptr_t>(x.data) % 16 == 0 && x.row_stride % 8 == 0 &&
         x.rows() * x.row_stride < int64_t{1} << 31;
}

// Every tensor of a call: where it is, and where its documents begin.
class Call {
 public:
  Call(const AttentionGraph& graph, const AttentionOptions& options, const ConstView& segments, std::byte* tables)
      : documents{matrix<const int32_t>(segments), graph.causal, graph.windowed ? options.window : 0},
        scale_(options.scale),
        window_(documents.window) {
    next_ = reinterpret_cast<int32_t*>(tables);
    tables_.batch = static_cast<int32_t>(graph.backward ? segments.rows() : graph.batch);
    tables_.query_lengths = take(tables_.batch);
    tables_.key_lengths = take(tables_.batch);
    put(graph_tensor::query_lengths, tables_.query_lengths, 0, 4);
    put(graph_tensor::key_lengths, tables_.key_lengths, 0, 4);
    put(graph_tensor::scale, &scale_);
    put(graph_tensor::infinity, &infinity_);
    if (graph.backward) put(graph_tensor::one, &one_);
    if (graph.windowed) put(graph_tensor::window, &window_);
  }

  // `head_elements`: between the heads that launches begin with.
  void tensor(graph_tensor::Name name, const ConstView& x, bool keys, int64_t head_elements = 0) {
    DocumentTables::Offsets& offsets = tables_.offsets[tables_.count++];
    offsets = {take(tables_.batch + 1), x.row_stride, x.rows(), keys};
    put(name, x.data, head_elements * traits(x.dtype).block_bytes);
    put(graph_tensor::offsets + name, offsets.data, 0, 4);
  }
  void put(int64_t name, const void* address, int64_t head_bytes = 0, int64_t document_bytes = 0) {
    names_.push_back(name);
    addresses_.push_back({static_cast<const std::byte*>(address), head_bytes, document_bytes});
  }

  const DocumentTables& tables() const { return tables_; }

  // Heads from `part` on of a launch's heads, documents from `document` on.
  void execute(cudnnHandle_t handle, const CudnnPlan& plan, std::byte* workspace, int64_t part = 0,
               int64_t document = 0) const {
    std::vector<void*> addresses;
    for (const Address& a : addresses_)
      addresses.push_back(const_cast<std::byte*>(a.base + part * a.head_bytes + document * a.document_bytes));
    CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, names_)
        .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, static_cast<int64_t>(addresses.size()),
             addresses.data())
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, static_cast<void*>(workspace))
        .finalize();
    check_cudnn(cudnn().execute(handle, plan.descriptor.get(), pack.get()), "cudnnBackendExecute");
  }

  const Documents documents;

 private:
  struct Address {
    const std::byte* base;
    int64_t head_bytes, document_bytes;
  };
  int32_t* take(int64_t count) { return std::exchange(next_, next_ + count); }

  float scale_, infinity_ = -std::numeric_limits<float>::infinity(), one_ = 1;
  int32_t window_;
  int32_t* next_;
  DocumentTables tables_;
  std::vector<int64_t> names_;
  std::vector<Address> addresses_;
};

}  // namespace

struct CudnnAttention::State {
  cudnnHandle_t handle = nullptr;
  std::map<AttentionGraph, std::unique_ptr<CudnnPlan>> plans;

  ~State() {
    plans.clear();
    if (handle) cudnn().destroy(handle);
  }

  const CudnnPlan* plan_for(cudaStream_t stream, const AttentionGraph& graph, int64_t most_workspace) {
    if (!handle) {
      check_cudnn(cudnn().create(&handle), "cudnnCreate");
      check_cudnn(cudnn().set_stream(handle, stream), "cudnnSetStream");
    }
    const auto found = plans.find(graph);
    if (found != plans.end()) return found->second.get();
    if (plans.size() >= most_plans) {
      // Their kernels may be running.
      check_cuda(cudaStreamSynchronize(ordered(stream)), "cudaStreamSynchronize");
      plans.clear();
    }
    const CudnnPlan* plan = plans.emplace(graph, make_plan(handle, graph, most_workspace)).first->second.get();
    log(LogLevel::info, "attention {}, {} x {} heads of {} columns, {} queries, {} keys: {}",
        graph.backward ? "backward" : "forward", graph.batch, graph.heads, graph.head_dim, graph.queries, graph.keys,
        plan ? fmt::format("cuDNN, workspace of {} bytes", plan->workspace_bytes) : "cuDNN has no plan");
    return plan;
  }
};

CudnnAttention::CudnnAttention() {
  if (open_cudnn()) state_ = std::make_unique<State>();
}
CudnnAttention::~CudnnAttention() = default;
void CudnnAttention::give_up() { state_.reset(); }

namespace {

// What `body` answers; false after an error of cuDNN, which ends its use here.
template <typename Body>
bool attempt(CudaBackend& backend, Body&& body) {
  try {
    return body(*backend.cudnn().state());
  } catch (const CudnnError& error) {
    check_cuda(cudaStreamSynchronize(ordered(backend.stream())), error.what());  // a lost device is no failure of cuDNN's
    log(LogLevel::warning, "own kernels compute attention from here on, since cuDNN failed: {}", error.what());
    backend.cudnn().give_up();
    return false;
  }
}

bool fits(const ConstView& segments, int64_t queries, const View& scratch, int64_t bytes) {
  return segments.rows() > 0 && segments.rows() <= most_documents &&
         queries >= segments.rows() * least_tokens_a_document &&
         storage_bytes(scratch.dtype, scratch.shape) >= bytes && reinterpret_cast<uintptr_t>(scratch.data) % 16 == 0;
}

}  // namespace

int64_t attend_cudnn_scratch(const CudaBackend& backend, const AttentionOptions& options, const Shape& q,
                             const Shape& k, DType dtype) {
  return fits(backend, options, q.rows(), k.rows(), dtype) ? tables_bytes + workspace_margin : 0;
}

int64_t attend_cudnn_backward_scratch(const CudaBackend& backend, const AttentionOptions& options, const Shape& q,
                                      const Shape& k, DType dtype) {
  if (!fits(backend, options, q.rows(), k.rows(), dtype)) return 0;
  const AttentionGraph graph = backward_graph_of(options, q.rows(), k.rows());
  if (graph.heads == 0) return 0;
  return tables_bytes + delta_bytes(graph) + rounded_up(backward_workspace(graph), 256) + workspace_margin;
}

bool attend_cudnn(CudaBackend& backend, const AttentionOptions& options, ConstView q, ConstView k, ConstView v,
                  ConstView segments, View out, View lse, View scratch) {
  const int64_t bytes = attend_cudnn_scratch(backend, options, q.shape, k.shape, q.dtype);
  if (bytes == 0 || !fits(segments, q.rows(), scratch, bytes)) return false;
  if (!fits(q) || !fits(k) || !fits(v) || !fits(out)) return false;
  AttentionGraph graph = graph_of(options, q.rows(), k.rows());
  while (graph.batch < segments.rows()) graph.batch *= 2;
  graph.with_lse = static_cast<bool>(lse);
  graph.q_stride = q.row_stride, graph.k_stride = k.row_stride, graph.v_stride = v.row_stride;
  graph.out_stride = out.row_stride, graph.lse_stride = lse ? lse.row_stride : 0;
  return attempt(backend, [&](CudnnAttention::State& state) {
    const CudnnPlan* plan = state.plan_for(ordered(backend.stream()), graph, workspace_margin);
    if (!plan) return false;
    Call call(graph, options, segments, scratch.data);
    call.tensor(graph_tensor::q, q, false);
    call.tensor(graph_tensor::k, k, true);
    call.tensor(graph_tensor::v, v, true);
    call.tensor(graph_tensor::out, out, false);
    if (lse) call.tensor(graph_tensor::lse, lse, false);
    write_tables(backend.stream(), call.documents, call.tables());
    ordered(backend.stream());
    call.execute(state.handle, *plan, scratch.data + tables_bytes);
    clear_unseen(backend.stream(), call.documents, false, matrix<uint16_t>(out), {}, matrix<float>(lse));
    return true;
  });
}

bool attend_cudnn_backward(CudaBackend& backend, const AttentionOptions& options, ConstView q, ConstView k, ConstView v,
                           ConstView segments, ConstView out, ConstView lse, ConstView dout, View dq, View dk, View dv,
                           View scratch) {
  const int64_t bytes = attend_cudnn_backward_scratch(backend, options, q.shape, k.shape, q.dtype);
  if (bytes == 0 || !fits(segments, q.rows(), scratch, bytes)) return false;
  for (const ConstView& x : {q, k, v, out, dout, ConstView(dq), ConstView(dk), ConstView(dv)})
    if (!fits(x)) return false;
  AttentionGraph graph = backward_graph_of(options, q.rows(), k.rows());
  graph.q_stride = q.row_stride, graph.k_stride = k.row_stride, graph.v_stride = v.row_stride;
  graph.out_stride = out.row_stride, graph.lse_stride = lse.row_stride, graph.dout_stride = dout.row_stride;
  graph.dq_stride = dq.row_stride, graph.dk_stride = dk.row_stride, graph.dv_stride = dv.row_stride;
  return attempt(backend, [&](CudnnAttention::State& state) {
    const int64_t workspace = backward_workspace(graph) + workspace_margin;
    const CudnnPlan* plan = state.plan_for(ordered(backend.stream()), graph, workspace);
    if (!plan) return false;
    Call call(graph, options, segments, scratch.data);
    const int64_t columns = graph.heads * options.head_dim, key_columns = graph.kv_heads * options.head_dim;
    call.tensor(graph_tensor::q, q, false, columns);
    call.tensor(graph_tensor::out, out, false, columns);
    call.tensor(graph_tensor::dout, dout, false, columns);
    call.tensor(graph_tensor::dq, dq, false, columns);
    call.tensor(graph_tensor::k, k, true, key_columns);
    call.tensor(graph_tensor::v, v, true, key_columns);
    call.tensor(graph_tensor::dk, dk, true, key_columns);
    call.tensor(graph_tensor::dv, dv, true, key_columns);
    call.tensor(graph_tensor::lse, lse, false, graph.heads);
    call.put(graph_tensor::delta, scratch.data + tables_bytes);
    write_tables(backend.stream(), call.documents, call.tables());
    ordered(backend.stream());
    std::byte* const behind = scratch.data + tables_bytes + delta_bytes(graph);
    for (int64_t document = 0; document < segments.rows(); ++document)
      for (int64_t part = 0; part < options.kv_heads / graph.kv_heads; ++part)
        call.execute(state.handle, *plan, behind, part, document);
    clear_unseen(backend.stream(), call.documents, false, matrix<uint16_t>(dq), {}, {});
    clear_unseen(backend.stream(), call.documents, true, matrix<uint16_t>(dk), matrix<uint16_t>(dv), {});
    return true;
  });
}

}  // namespace peft::cuda
