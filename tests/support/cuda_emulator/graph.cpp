// Graphs of kernels. What depends on nothing that still waits may come next: the order among such nodes is a shuffled
// one, so that a forgotten dependency is seen.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "control.h"
#include "cuda_emulator.h"
#include "kernels.h"
#include "queue.h"

namespace cuda_emulator {

struct GraphNode {
  const void* kernel = nullptr;
  KernelCall call;
  std::vector<GraphNode*> after;  // which it depends on
};

struct Graph {
  std::vector<std::unique_ptr<GraphNode>> nodes;
};

struct GraphExec {
  struct Node {
    KernelCall call;
    std::vector<size_t> after;
  };
  std::map<const GraphNode*, size_t> numbers;  // by the node that it was made from
  std::vector<Node> nodes;
  cudaEvent_t done = nullptr;  // its launches run one after another, whatever their streams
};

namespace {

struct Live {
  std::set<Graph*> graphs;
  std::set<GraphExec*> execs;
  std::set<const GraphNode*> nodes;
};
Live& live() {
  static auto* const one = new Live;
  return *one;
}

// What every call into the graph interface begins with.
cudaError_t begin() {
  if (device_error() != cudaSuccess) return remember(device_error());
  int64_t& to_fail = injections().graph;
  if (to_fail == 0) {
    to_fail = -1;
    return remember(cudaErrorNotSupported);
  }
  if (to_fail > 0) --to_fail;
  return cudaSuccess;
}

cudaError_t refuse(const char* what) {
  std::fprintf(stderr, "cuda emulator: graph: %s\n", what);
  return remember(cudaErrorInvalidValue);
}

cudaError_t make_call(const cudaKernelNodeParams& params, KernelCall* call) {
  if (params.extra || !params.func) return refuse("expected a kernel with kernelParams");
  return make_call(params.func, params.grid, params.block, params.sharedMemBytes, params.kernelParams, call);
}

void start_nodes(const GraphExec& exec, cudaStream_t stream) {
  std::vector<bool> started(exec.nodes.size(), false);
  for (size_t left = exec.nodes.size(); left > 0; --left) {
    std::vector<size_t> able;
    for (size_t i = 0; i < exec.nodes.size(); ++i) {
      const auto& after = exec.nodes[i].after;
      if (!started[i] && std::all_of(after.begin(), after.end(), [&](size_t j) { return started[j]; }))
        able.push_back(i);
    }
    const size_t next = able[next_in_order(able.size())];
    started[next] = true;
    const KernelCall& call = exec.nodes[next].call;
    launch(stream, call.grid, call.block, call.shared_bytes, call.kernel, call.thread);
  }
}

}  // namespace
}  // namespace cuda_emulator

using namespace cuda_emulator;

extern "C" {

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned flags) {
  std::lock_guard lock(big_lock());
  if (const cudaError_t error = begin(); error != cudaSuccess) return error;
  if (flags != 0) return refuse("expected no flags");
  *graph = new Graph;
  live().graphs.insert(*graph);
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  std::lock_guard lock(big_lock());
  if (live().graphs.erase(graph) == 0) return refuse("a graph that is not there is to be destroyed");
  for (const auto& node : graph->nodes) live().nodes.erase(node.get());
  delete graph;
  return device_error();
}

cudaError_t cudaGraphAddKernelNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
                                   size_t count, const cudaKernelNodeParams* params) {
  std::lock_guard lock(big_lock());
  if (const cudaError_t error = begin(); error != cudaSuccess) return error;
  if (!live().graphs.contains(graph)) return refuse("a node is added to a graph that is not there");
  auto made = std::make_unique<GraphNode>();
  for (size_t i = 0; i < count; ++i) {
    const auto is = [&](const auto& each) { return each.get() == dependencies[i]; };
    if (std::none_of(graph->nodes.begin(), graph->nodes.end(), is)) return refuse("a dependency is of another graph");
    made->after.push_back(dependencies[i]);
  }
  if (const cudaError_t error = make_call(*params, &made->call); error != cudaSuccess) return error;
  made->kernel = params->func;
  *node = made.get();
  live().nodes.insert(made.get());
  graph->nodes.push_back(std::move(made));
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags) {
  std::lock_guard lock(big_lock());
  if (const cudaError_t error = begin(); error != cudaSuccess) return error;
  if (!live().graphs.contains(graph)) return refuse("a graph that is not there is to be instantiated");
  if (flags != 0) return refuse("expected no flags");
  auto made = std::make_unique<GraphExec>();
  if (const cudaError_t error = cudaEventCreateWithFlags(&made->done, cudaEventDisableTiming); error != cudaSuccess)
    return error;
  for (const auto& node : graph->nodes) {
    made->numbers.emplace(node.get(), made->nodes.size());
    GraphExec::Node copy = {node->call, {}};
    for (const GraphNode* before : node->after) copy.after.push_back(made->numbers.at(before));
    made->nodes.push_back(std::move(copy));
  }
  *exec = made.release();
  live().execs.insert(*exec);
  ++mutable_counts().graphs_built;
  ++mutable_counts().live_graphs;
  return cudaSuccess;
}

// CUDA lets the function change within limits. Here it may not: nothing needs it, and one kernel's arguments given to
// another would be a bug.
cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t exec, cudaGraphNode_t node,
                                             const cudaKernelNodeParams* params) {
  std::lock_guard lock(big_lock());
  if (const cudaError_t error = begin(); error != cudaSuccess) return error;
  if (!live().execs.contains(exec)) return refuse("a graph that is not there is to be updated");
  if (!live().nodes.contains(node)) return refuse("a node of a graph that is not there is to be updated");
  const auto found = exec->numbers.find(node);
  if (found == exec->numbers.end()) return refuse("a node of another graph is to be updated");
  if (params->func != node->kernel) return refuse("a node's kernel is to be replaced by another");
  KernelCall call;
  if (const cudaError_t error = make_call(*params, &call); error != cudaSuccess) return error;
  exec->nodes[found->second].call = std::move(call);
  ++mutable_counts().node_updates;
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  std::lock_guard lock(big_lock());
  if (const cudaError_t error = begin(); error != cudaSuccess) return error;
  if (!live().execs.contains(exec)) return refuse("a graph that is not there is to be launched");
  ++mutable_counts().graph_launches;
  cudaStreamWaitEvent(stream, exec->done, 0);
  start_nodes(*exec, stream);
  return cudaEventRecord(exec->done, stream);
}

// What is queued of it goes on, with calls of its own.
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  std::lock_guard lock(big_lock());
  if (live().execs.erase(exec) == 0) return refuse("an instantiated graph that is not there is to be destroyed");
  cudaEventDestroy(exec->done);
  delete exec;
  --mutable_counts().live_graphs;
  return device_error();
}

}  // extern "C"
