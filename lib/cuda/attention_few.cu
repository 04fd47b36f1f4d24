// Attention of a few queries: f32.
#include "cuda/attention_few.cuh"

namespace peft::cuda {

int64_t attend_few_scratch(const AttentionOptions& options, int64_t queries, int64_t maximum_keys) {
  const int64_t of_keys = (maximum_keys + shortest_stretch - 1) / shortest_stretch,
                of_blocks = stretches_of(options, queries),
                stretches = of_keys < of_blocks ? of_keys : of_blocks;
  return stretches > 1 ? stretches * floats_a_stretch(options, queries) * 4 : 0;
}

template void attend_few(cudaStream_t, const AttentionForward<float>&, View);

}  // namespace peft::cuda
