// The library knows attention by its shape: which operations there are, in which order masks come, which tensors are
// virtual (never in memory). What is below is what its engines for flash attention take, as seen with cuDNN 9.19.
#include "cuda/cudnn_graph.h"

#include "base/log.h"

namespace peft::cuda {
namespace {

using Dimensions = std::vector<int64_t>;
using namespace graph_tensor;

// Descriptors must outlive those that refer to them, and so are kept in lists.
class Builder {
 public:
  explicit Builder(const AttentionGraph& shape)
      : s(shape),
        scores_{s.batch, s.heads, s.queries, s.keys},
        rows_{s.batch, s.heads, s.queries, 1},
        query_count(single(query_lengths, CUDNN_DATA_INT32, s.batch)),
        key_count(single(key_lengths, CUDNN_DATA_INT32, s.batch)),
        scale_value(constant(scale, CUDNN_DATA_FLOAT)),
        infinity_value(constant(infinity, CUDNN_DATA_FLOAT)) {}

  void forward();
  void backward();
  CudnnDescriptor finish(cudnnHandle_t handle);

 private:
  using Ref = const CudnnDescriptor*;

  Ref tensor(int64_t name, cudnnDataType_t type, const Dimensions& dimensions, const Dimensions& strides,
             Ref offsets_of = nullptr, bool by_value = false);
  // [batch or batch + 1, 1, 1, 1]
  Ref single(int64_t name, cudnnDataType_t type, int64_t count) {
    return tensor(name, type, {count, 1, 1, 1}, {1, 1, 1, 1});
  }
  Ref constant(int64_t name, cudnnDataType_t type) {
    return tensor(name, type, {1, 1, 1, 1}, {1, 1, 1, 1}, nullptr, true);
  }
  Ref offsets_for(Name name) { return single(offsets + name, CUDNN_DATA_INT32, s.batch + 1); }
  // [batch, heads, tokens, head_dim] in memory as tokens x (heads x head_dim); `transposed`: the last two swapped.
  Ref matrix(Name name, int64_t heads, int64_t tokens, int64_t stride, Ref offsets_of, bool transposed = false) {
    Dimensions dimensions = {s.batch, heads, tokens, s.head_dim}, strides = {stride * tokens, s.head_dim, stride, 1};
    if (transposed) std::swap(dimensions[2], dimensions[3]), std::swap(strides[2], strides[3]);
    return tensor(name, CUDNN_DATA_BFLOAT16, dimensions, strides, offsets_of);
  }
  Ref queries(Name name, int64_t stride) { return matrix(name, s.heads, s.queries, stride, offsets_for(name)); }
  Ref keys(Name name, int64_t stride, bool transposed) {
    return matrix(name, s.kv_heads, s.keys, stride, offsets_for(name), transposed);
  }
  Ref logarithms() {
    return tensor(lse, CUDNN_DATA_FLOAT, rows_, {s.lse_stride * s.queries, 1, s.lse_stride, 1}, offsets_for(lse));
  }
  Ref packed(const Dimensions& d, cudnnDataType_t type) {
    return tensor(next_++, type, d, {d[1] * d[2] * d[3], d[2] * d[3], d[3], 1});
  }
  Ref scores(cudnnDataType_t type = CUDNN_DATA_FLOAT) { return packed(scores_, type); }
  Ref rows() { return packed(rows_, CUDNN_DATA_FLOAT); }
  // The transpose of scores, without a copy.
  Ref turned(Ref x) {
    Ref const y = tensor(next_++, CUDNN_DATA_BFLOAT16, {s.batch, s.heads, s.keys, s.queries},
                         {s.heads * s.queries * s.keys, s.queries * s.keys, 1, s.keys});
    return reshape(x, y);
  }

  // y = mode(x, b); BINARY_SELECT: where `t` holds x, else b. Gives y.
  Ref pointwise(cudnnPointwiseMode_t mode, Ref x, Ref b, Ref y, cudnnDataType_t precision = CUDNN_DATA_FLOAT,
                Ref t = nullptr, int64_t axis = -1);
  Ref index(Ref like, int64_t axis) {
    return pointwise(CUDNN_POINTWISE_GEN_INDEX, like, nullptr, scores(CUDNN_DATA_INT32), CUDNN_DATA_FLOAT, nullptr,
                     axis);
  }
  Ref whole(cudnnPointwiseMode_t mode, Ref x, Ref b) {
    return pointwise(mode, x, b, scores(CUDNN_DATA_INT32), CUDNN_DATA_INT32);
  }
  Ref compare(cudnnPointwiseMode_t mode, Ref x, Ref b) {
    return pointwise(mode, x, b, scores(CUDNN_DATA_BOOLEAN), CUDNN_DATA_BOOLEAN);
  }
  Ref select(Ref x, Ref visible) {
    return pointwise(CUDNN_POINTWISE_BINARY_SELECT, x, infinity_value, scores(), CUDNN_DATA_FLOAT, visible);
  }
  Ref reduce(cudnnReduceTensorOp_t mode, Ref x, Ref y);
  // y[m,n] = a[m,k] b[k,n], of which the lengths say how much there is. Gives y.
  Ref multiply(Ref a, Ref b, Ref y, Ref m, Ref n, Ref k, bool padded = false);
  Ref reshape(Ref x, Ref y);

  Ref within_lengths(Ref x);
  Ref within_mask(Ref x);
  // dk or dv: `weights` transposed times x, summed over the query heads of a group.
  void key_gradient(Ref weights, Ref x, Ref gradient);

  const AttentionGraph& s;
  std::vector<std::unique_ptr<CudnnDescriptor>> kept_;
  std::vector<cudnnBackendDescriptor_t> operations_;
  int64_t next_ = first_virtual;
  const Dimensions scores_, rows_;
  Ref query_count, key_count, scale_value, infinity_value;

  CudnnDescriptor& make(cudnnBackendDescriptorType_t type) {
    return *kept_.emplace_back(std::make_unique<CudnnDescriptor>(type));
  }
  void add(CudnnDescriptor& operation) { operations_.push_back(operation.finalize().get()); }
};

Builder::Ref Builder::tensor(int64_t name, cudnnDataType_t type, const Dimensions& dimensions,
                             const Dimensions& strides, Ref offsets_of, bool by_value) {
  CudnnDescriptor& made = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  // Vectors of 16 bytes in matrices; the rest may begin at any element.
  const int64_t alignment = type == CUDNN_DATA_BFLOAT16 ? 16 : 4;
  made.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, dimensions)
      .set(CUDNN_ATTR_TENSOR_STRIDES, strides)
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, name)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment)
      .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, name >= first_virtual)
      .set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, by_value);
  if (offsets_of) made.set(CUDNN_ATTR_TENSOR_RAGGED_OFFSET_DESC, *offsets_of);
  return &made.finalize();
}

Builder::Ref Builder::pointwise(cudnnPointwiseMode_t mode, Ref x, Ref b, Ref y, cudnnDataType_t precision, Ref t,
                                int64_t axis) {
  CudnnDescriptor& kind = make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  kind.set(CUDNN_ATTR_POINTWISE_MODE, mode).set(CUDNN_ATTR_POINTWISE_MATH_PREC, precision);
  if (axis >= 0) kind.set(CUDNN_ATTR_POINTWISE_AXIS, axis);
  kind.finalize();
  CudnnDescriptor& made = make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  made.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kind).set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *x);
  if (b) made.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
  if (t) made.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, *t);
  add(made.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *y));
  return y;
}

Builder::Ref Builder::reduce(cudnnReduceTensorOp_t mode, Ref x, Ref y) {
  CudnnDescriptor& kind = make(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  kind.set(CUDNN_ATTR_REDUCTION_OPERATOR, mode).set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT).finalize();
  add(make(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR)
          .set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, kind)
          .set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, *x)
          .set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, *y));
  return y;
}

Builder::Ref Builder::multiply(Ref a, Ref b, Ref y, Ref m, Ref n, Ref k, bool padded) {
  CudnnDescriptor& kind = make(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  kind.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT);
  if (padded) kind.set(CUDNN_ATTR_MATMUL_PADDING_VALUE, 0.0);
  kind.finalize();
  CudnnDescriptor& made = make(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  made.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, kind)
      .set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, *a)
      .set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, *b)
      .set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, *y);
  if (m) made.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC, *m);
  if (n) made.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC, *n);
  if (k) made.set(CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC, *k);
  add(made);
  return y;
}

Builder::Ref Builder::reshape(Ref x, Ref y) {
  add(make(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR)
          .set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, *x)
          .set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, *y));
  return y;
}

Builder::Ref Builder::within_lengths(Ref x) {
  Ref const row = compare(CUDNN_POINTWISE_CMP_LT, index(x, 2), query_count);
  Ref const column = compare(CUDNN_POINTWISE_CMP_LT, index(x, 3), key_count);
  return select(x, compare(CUDNN_POINTWISE_LOGICAL_AND, row, column));
}

// Query j stands at key_count - query_count + j, sees that key, those before, and with a window only the last ones.
Builder::Ref Builder::within_mask(Ref x) {
  if (s.causal) {
    Ref const row = index(x, 2), column = index(x, 3);
    Ref const position =
        whole(CUDNN_POINTWISE_SUB, whole(CUDNN_POINTWISE_ADD, row, key_count), query_count);
    x = select(x, compare(CUDNN_POINTWISE_CMP_GE, position, column));
  }
  if (s.windowed) {
    Ref const row = index(x, 2), column = index(x, 3), window_value = constant(window, CUDNN_DATA_INT32);
    Ref const end = whole(CUDNN_POINTWISE_SUB, whole(CUDNN_POINTWISE_ADD, column, window_value), key_count);
    x = select(x, compare(CUDNN_POINTWISE_CMP_GT, whole(CUDNN_POINTWISE_ADD, end, query_count), row));
  }
  return x;
}

void Builder::forward() {
  Ref const q_tensor = queries(q, s.q_stride), k_tensor = keys(k, s.k_stride, /*transposed=*/true);
  Ref x = multiply(q_tensor, k_tensor, scores(), query_count, key_count, nullptr, /*padded=*/true);
  x = pointwise(CUDNN_POINTWISE_MUL, x, scale_value, scores());
  x = within_mask(within_lengths(x));
  Ref const maximum = reduce(CUDNN_REDUCE_TENSOR_MAX, x, rows());
  x = pointwise(CUDNN_POINTWISE_SUB, x, maximum, scores());
  x = pointwise(CUDNN_POINTWISE_EXP, x, nullptr, scores());
  Ref const sum = reduce(CUDNN_REDUCE_TENSOR_ADD, x, rows());
  if (s.with_lse) {
    Ref const logarithm = pointwise(CUDNN_POINTWISE_LOG, sum, nullptr, rows());
    pointwise(CUDNN_POINTWISE_ADD, maximum, logarithm, logarithms());
  }
  x = pointwise(CUDNN_POINTWISE_DIV, x, sum, scores(CUDNN_DATA_BFLOAT16));
  multiply(x, keys(v, s.v_stride, false), queries(out, s.out_stride), query_count, nullptr, key_count);
}

void Builder::key_gradient(Ref weights, Ref x, Ref gradient) {
  if (s.heads == s.kv_heads) {
    multiply(weights, x, gradient, key_count, nullptr, query_count);
    return;
  }
  Ref const by_head = packed({s.batch, s.heads, s.keys, s.head_dim}, CUDNN_DATA_BFLOAT16);
  reduce(CUDNN_REDUCE_TENSOR_ADD, multiply(weights, x, by_head, key_count, nullptr, query_count), gradient);
}

void Builder::backward() {
  Ref const q_tensor = queries(q, s.q_stride), out_tensor = queries(out, s.out_stride),
            dout_tensor = queries(dout, s.dout_stride);
  Ref const k_offsets = offsets_for(k);
  Ref const k_tensor = matrix(k, s.kv_heads, s.keys, s.k_stride, k_offsets, /*transposed=*/true),
            v_tensor = keys(v, s.v_stride, /*transposed=*/true);

  Ref x = pointwise(CUDNN_POINTWISE_MUL, dout_tensor, out_tensor,
                    tensor(next_++, CUDNN_DATA_FLOAT, {s.batch, s.heads, s.queries, s.head_dim},
                           {s.heads * s.queries * s.head_dim, s.queries * s.head_dim, s.heads * s.head_dim, 1}));
  x = reduce(CUDNN_REDUCE_TENSOR_ADD, x, rows());
  // The factor is dropout's, which is not here; the engines want to see it.
  Ref const delta_tensor =
      tensor(delta, CUDNN_DATA_FLOAT, rows_, {s.heads * s.queries, s.queries, 1, 1});
  pointwise(CUDNN_POINTWISE_MUL, x, constant(one, CUDNN_DATA_FLOAT), delta_tensor);

  x = multiply(q_tensor, k_tensor, scores(), query_count, key_count, nullptr);
  x = pointwise(CUDNN_POINTWISE_MUL, x, scale_value, scores());
  x = pointwise(CUDNN_POINTWISE_SUB, within_lengths(x), logarithms(), scores());
  Ref const p = pointwise(CUDNN_POINTWISE_EXP, within_mask(x), nullptr, scores());
  key_gradient(turned(p), dout_tensor, keys(dv, s.dv_stride, false));

  x = multiply(dout_tensor, v_tensor, scores(), query_count, key_count, nullptr);
  x = pointwise(CUDNN_POINTWISE_SUB, x, delta_tensor, scores());
  x = pointwise(CUDNN_POINTWISE_MUL, x, p, scores());
  Ref const ds = pointwise(CUDNN_POINTWISE_MUL, x, scale_value, scores());
  key_gradient(turned(ds), q_tensor, keys(dk, s.dk_stride, false));

  // Straight into dq: a plan that keeps ds. With a sum in f32 between, the plan would add to that atomically.
  Ref const k_again = tensor(next_++, CUDNN_DATA_BFLOAT16, {s.batch, s.kv_heads, s.keys, s.head_dim},
                             {s.k_stride * s.keys, s.head_dim, s.k_stride, 1}, k_offsets);
  multiply(ds, reshape(k_tensor, k_again), queries(dq, s.dq_stride), query_count, nullptr, key_count);
}

CudnnDescriptor Builder::finish(cudnnHandle_t handle) {
  CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle)
      .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<int64_t>(operations_.size()),
           operations_.data())
      .finalize();
  return graph;
}

int64_t number(const CudnnDescriptor& descriptor, cudnnBackendAttributeName_t name) {
  int64_t value = 0, count = 0;
  check_cudnn(cudnn().get_attribute(descriptor.get(), name, CUDNN_TYPE_INT64, 1, &count, &value),
              "cudnnBackendGetAttribute");
  return value;
}

// The library's proposals, best first.
std::vector<CudnnDescriptor> proposals(const CudnnDescriptor& graph) {
  CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_HEUR_MODE_A)
      .finalize();
  int64_t count = 0;
  check_cudnn(cudnn().get_attribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0,
                                    &count, nullptr),
              "cudnnBackendGetAttribute");
  std::vector<CudnnDescriptor> results;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (int64_t i = 0; i < count; ++i)
    handles.push_back(results.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).get());
  if (count == 0) return results;
  check_cudnn(cudnn().get_attribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                    count, &count, handles.data()),
              "cudnnBackendGetAttribute");
  while (static_cast<int64_t>(results.size()) > count) results.pop_back();
  return results;
}

}  // namespace

std::unique_ptr<CudnnPlan> make_plan(cudnnHandle_t handle, const AttentionGraph& shape, int64_t most_workspace) {
  try {
    Builder builder(shape);
    shape.backward ? builder.backward() : builder.forward();
    const CudnnDescriptor graph = builder.finish(handle);
    for (const CudnnDescriptor& proposal : proposals(graph)) {
      try {
        CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, proposal).finalize();
        const int64_t bytes = number(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
        if (bytes <= most_workspace) return std::make_unique<CudnnPlan>(std::move(plan), bytes);
        log(LogLevel::debug, "a plan of cuDNN needs {} bytes of workspace, there are {}", bytes, most_workspace);
      } catch (const CudnnError& error) {
        if (!error.unsupported()) throw;
      }
    }
  } catch (const CudnnError& error) {
    if (!error.unsupported()) throw;
    log(LogLevel::debug, "{}", error.what());
  }
  return nullptr;
}

}  // namespace peft::cuda
