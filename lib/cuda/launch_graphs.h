// CUDA graphs of launches that come again and again: a GPU starts the kernels of a graph with less time between them,
// and the host pays for one launch instead of many.
//
// A graph is a chain of the kernels of one window (launch_window.h). The first window of its kind is started directly;
// the second is made into a graph; of later ones only what differs is put into the graph before it is launched.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "cuda/launch_window.h"

namespace peft::cuda {

// One thread at a time, one stream.
class LaunchGraphs {
 public:
  LaunchGraphs() = default;
  ~LaunchGraphs();
  LaunchGraphs(const LaunchGraphs&) = delete;
  LaunchGraphs& operator=(const LaunchGraphs&) = delete;

  // False, and nothing started, where the window is to be started without a graph. Throws when the device is lost.
  bool launch(cudaStream_t stream, const Window& window);

  // Why there are no graphs any more, once; empty otherwise.
  std::string take_warning();

  static constexpr size_t most_graphs = 64;

 private:
  struct Graph {
    cudaGraph_t graph = nullptr;  // its nodes name those of `executable`
    cudaGraphExec_t executable = nullptr;
    std::vector<cudaGraphNode_t> nodes;
    Window window;  // what `executable` would do now
    uint64_t used = 0;
  };
  struct Seen {
    uint64_t kernels = 0;
    std::vector<uint64_t> launches;  // their hashes
  };

  Graph* graph_for(const Window& window);
  Seen* find_seen(const Window& window, bool alike);
  void remember(const Window& window);
  Graph& place();  // for one more: free, or of the graph that was not used for longest
  cudaError_t build(Graph& graph, const Window& window);
  cudaError_t update(Graph& graph, const Window& window);
  static void destroy(Graph& graph);
  bool give_up(cudaError_t status, const char* what);

  std::vector<Graph> graphs_;
  std::array<Seen, most_graphs> seen_;  // those without a graph of their own, the oldest overwritten
  size_t next_seen_ = 0;
  uint64_t clock_ = 0;
  bool failed_ = false;
  std::string warning_;
};

}  // namespace peft::cuda
