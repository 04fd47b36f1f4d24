#include "cuda/launch_graphs.h"

#include <algorithm>
#include <utility>

namespace peft::cuda {
namespace {

// `arguments` outlives what is returned.
cudaKernelNodeParams node_params(const KernelLaunch& launch, std::array<void*, most_parameters>& arguments) {
  return {/*func=*/const_cast<void*>(launch.kernel),
          /*gridDim=*/launch.grid,
          /*blockDim=*/launch.block,
          /*sharedMemBytes=*/static_cast<unsigned>(launch.shared_bytes),
          /*kernelParams=*/arguments.data(),
          /*extra=*/nullptr};
}

// Windows are alike when no more than half of the launches differ: the rest belongs to the same weights.
bool alike(size_t equal, size_t launches) { return 2 * equal >= launches; }

}  // namespace

LaunchGraphs::~LaunchGraphs() {
  for (Graph& graph : graphs_) destroy(graph);
}

// Of a graph that still runs CUDA frees the rest when it is done.
void LaunchGraphs::destroy(Graph& graph) {
  if (graph.executable && cudaGraphExecDestroy(graph.executable) != cudaSuccess) cudaGetLastError();
  if (graph.graph && cudaGraphDestroy(graph.graph) != cudaSuccess) cudaGetLastError();
  graph.executable = nullptr;
  graph.graph = nullptr;
  graph.nodes.clear();
  graph.window.clear();
}

std::string LaunchGraphs::take_warning() { return std::exchange(warning_, {}); }

// The same kernels run without graphs, so this is said and nothing more.
bool LaunchGraphs::give_up(cudaError_t status, const char* what) {
  if (is_device_lost(status)) check_cuda(status, what);
  cudaGetLastError();
  failed_ = true;
  for (Graph& graph : graphs_) destroy(graph);
  graphs_.clear();
  warning_ = fmt::format("kernels are started one by one from here on: CUDA graphs: {}: {} ({})", what,
                         cudaGetErrorString(status), cudaGetErrorName(status));
  return false;
}

bool LaunchGraphs::launch(cudaStream_t stream, const Window& window) {
  if (failed_) return false;
  Graph* graph = graph_for(window);
  if (!graph) return false;
  if (!graph->executable) {
    const cudaError_t status = build(*graph, window);
    if (status != cudaSuccess) return give_up(status, "instantiating");
  } else if (const cudaError_t status = update(*graph, window); status != cudaSuccess) {
    return give_up(status, "updating");
  }
  graph->used = ++clock_;
  const cudaError_t status = cudaGraphLaunch(graph->executable, stream);
  return status == cudaSuccess || give_up(status, "launching");
}

// A graph that does nearly the same; an empty one to be built; or none.
LaunchGraphs::Graph* LaunchGraphs::graph_for(const Window& window) {
  Graph* best = nullptr;
  size_t most_equal = 0;
  for (Graph& graph : graphs_) {
    if (!graph.window.same_kernels(window)) continue;
    size_t equal = 0;
    for (size_t i = 0; i < window.size(); ++i) equal += graph.window[i].hash == window[i].hash;
    if (!best || equal > most_equal) best = &graph, most_equal = equal;
  }
  if (best && alike(most_equal, window.size())) return best;
  // Layers have the same kernels, and each its own weights: they get graphs of their own. Where arguments change
  // always, one graph is updated again and again.
  const bool again = find_seen(window, /*alike=*/best != nullptr) != nullptr;
  remember(window);
  return again ? &place() : best;
}

LaunchGraphs::Seen* LaunchGraphs::find_seen(const Window& window, bool alike_only) {
  for (Seen& seen : seen_) {
    if (seen.kernels != window.kernels() || seen.launches.size() != window.size()) continue;
    if (!alike_only) return &seen;
    size_t equal = 0;
    for (size_t i = 0; i < window.size(); ++i) equal += seen.launches[i] == window[i].hash;
    if (alike(equal, window.size())) return &seen;
  }
  return nullptr;
}

void LaunchGraphs::remember(const Window& window) {
  Seen* seen = find_seen(window, /*alike=*/true);
  if (!seen) {
    seen = &seen_[next_seen_];
    next_seen_ = (next_seen_ + 1) % seen_.size();
  }
  seen->kernels = window.kernels();
  seen->launches.clear();
  for (size_t i = 0; i < window.size(); ++i) seen->launches.push_back(window[i].hash);
}

LaunchGraphs::Graph& LaunchGraphs::place() {
  if (graphs_.size() < most_graphs) {
    graphs_.reserve(most_graphs);
    return graphs_.emplace_back();
  }
  Graph& oldest = *std::min_element(graphs_.begin(), graphs_.end(),
                                    [](const Graph& a, const Graph& b) { return a.used < b.used; });
  destroy(oldest);
  return oldest;
}

cudaError_t LaunchGraphs::build(Graph& graph, const Window& window) {
  destroy(graph);  // what memory that ran out left half made
  graph.window = window;
  cudaError_t status = cudaGraphCreate(&graph.graph, 0);
  for (size_t i = 0; i < window.size() && status == cudaSuccess; ++i) {
    std::array<void*, most_parameters> arguments = window.arguments(i);
    const cudaKernelNodeParams params = node_params(window[i].launch, arguments);
    cudaGraphNode_t node = nullptr;
    status = cudaGraphAddKernelNode(&node, graph.graph, i > 0 ? &graph.nodes.back() : nullptr, i > 0, &params);
    graph.nodes.push_back(node);
  }
  return status == cudaSuccess ? cudaGraphInstantiate(&graph.executable, graph.graph, 0) : status;
}

// Launches that are under way keep what they were launched with.
cudaError_t LaunchGraphs::update(Graph& graph, const Window& window) {
  for (size_t i = 0; i < window.size(); ++i) {
    if (graph.window.same_launch(i, window)) continue;
    std::array<void*, most_parameters> arguments = window.arguments(i);
    const cudaKernelNodeParams params = node_params(window[i].launch, arguments);
    const cudaError_t status = cudaGraphExecKernelNodeSetParams(graph.executable, graph.nodes[i], &params);
    if (status != cudaSuccess) return status;
    graph.window.assign(i, window);
  }
  return cudaSuccess;
}

}  // namespace peft::cuda
