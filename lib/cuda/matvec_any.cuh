// Weights of matvec.cuh that are read one by one: rows that allow no packs.
#pragma once

#include "cuda/matvec.cuh"

namespace peft::cuda {

// Source gives at(row, column) or, for NF4, at(element).
template <typename Source>
struct SingleWeights {
  static constexpr int pack = 4, run = 4;
  template <int M>
  static constexpr bool ahead = false;
  static constexpr bool scaled = false, has_offset = false;
  struct Shared {};
  struct Raw {
    float w[4];
  };
  Source source;
  int64_t columns;

  __device__ void prepare(Shared&) const {}
  __device__ Raw fetch(int64_t row, int64_t column) const {
    Raw raw;
#pragma unroll
    for (int i = 0; i < 4; ++i) raw.w[i] = column + i < columns ? value(row, column + i) : 0.0f;
    return raw;
  }
  __device__ static void decode(const Raw& raw, const Shared&, int /*j*/, float (&w)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i) w[i] = raw.w[i];
  }
  __device__ static void exact(const Raw& raw, const Shared& shared, int j, float (&w)[4]) {
    decode(raw, shared, j, w);
  }

 private:
  __device__ float value(int64_t row, int64_t column) const {
    if constexpr (requires { source.at(row, column); }) {
      return source.at(row, column);
    } else {
      return source.at(row * columns + column);
    }
  }
};

template <typename Source>
void start_single_dot(const DotCall& call, const Source& source, bool round_weights) {
  const SingleWeights<Source> weights{source, call.a.columns};
  if (call.a.rows == 1) return start_dot<SingleWeights<Source>, 1, 2>(call, weights, round_weights);
  start_dot<SingleWeights<Source>, 8, 2>(call, weights, round_weights);
}

}  // namespace peft::cuda
