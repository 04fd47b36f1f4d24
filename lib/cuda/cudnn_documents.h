// Small kernels around cuDNN's attention: what it wants to know of the documents, and what it leaves unwritten.
#pragma once

#include <cstdint>

#include "cuda/launch.h"
#include "cuda/matrix.h"
#include "tensor/kernel_types.h"

namespace peft::cuda {

struct Documents {
  Matrix<const int32_t> segments;
  bool causal = false;
  int32_t window = 0;  // causal only
};

// Where the documents of a graph lie. Segments count as they are seen: without queries before the first key, without
// keys before the first query's window, and as empty when nothing is left. Beyond the last segment documents are empty.
struct DocumentTables {
  struct Offsets {
    int32_t* data = nullptr;  // [batch + 1], in elements
    int64_t stride = 0, rows = 0;
    bool keys = false;
  };
  int32_t batch = 0, count = 0;
  int32_t *query_lengths = nullptr, *key_lengths = nullptr;  // [batch]
  Offsets offsets[9];
};
void write_tables(cudaStream_t stream, const Documents& documents, const DocumentTables& tables);

// Zeros in the rows (queries' or keys') of `a` and `b` that are in no document as it is seen. lse: 0 outside of
// segments, minus infinity for a query of a segment that sees no key. b and lse may be empty.
void clear_unseen(cudaStream_t stream, const Documents& documents, bool keys, Matrix<uint16_t> a, Matrix<uint16_t> b,
                  Matrix<float> lse);

}  // namespace peft::cuda
