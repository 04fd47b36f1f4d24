// For tests that need the emulated GPU to fail, or to say what was asked of it.
#pragma once

#include <cstdint>
#include <string>

namespace cuda_emulator {

struct Counts {
  int64_t launches = 0;          // kernels run
  int64_t direct_launches = 0;   // of them asked for one by one, by cudaLaunchKernel
  int64_t graphs_built = 0;      // instantiated
  int64_t graph_launches = 0;
  int64_t node_updates = 0;      // of instantiated graphs
  int64_t live_graphs = 0;       // instantiated and not destroyed
  int64_t copies = 0;            // cudaMemcpy, cudaMemset and their asynchronous kin
  int64_t synchronizations = 0;  // waits of the host for the GPU
  int64_t allocations = 0;       // successful cudaMalloc
  int64_t live_allocations = 0, live_bytes = 0, peak_bytes = 0;
};
Counts counts();

// The cudaMalloc after `others` more successful ones fails, once. -1: none.
void fail_allocation(int64_t others);
// The kernel after `others` more fails when it runs. As on a GPU, every call fails from then on. -1: none.
void fail_launch(int64_t others);
// The call into the graph interface after `others` more fails, once. -1: none.
void fail_graph(int64_t others);
void limit_memory(int64_t bytes);
// Seed of the order of streams, blocks and threads; 0: plain order.
void shuffle(uint64_t seed);

// What a kernel did wrong, first of all; empty when nothing.
std::string problem();
// A working GPU again, which a process never gets from CUDA. Queues are emptied, memory stays.
void recover();

}  // namespace cuda_emulator
