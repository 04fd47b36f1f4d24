// A finished graph of cuDNN's operations, and how it is computed: operation by operation, every tensor of it as f32
// numbers in the host's memory, rounded to its type where it is written. It knows nothing of attention, so what the
// operations mean together is the caller's doing.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cudnn_graph.h"

namespace cuda_emulator {

struct CudnnTensor {
  int64_t name = 0, alignment = 0;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::array<int64_t, 4> dimensions{}, strides{};
  bool is_virtual = false, by_value = false;
  int64_t offsets = 0;                // name of the tensor with its documents' places, or 0
  std::array<int64_t, 4> lengths{};   // names of the tensors that bound each dimension, or 0
};

enum class CudnnOperationKind { pointwise, reduction, matmul, reshape };

struct CudnnOperation {
  CudnnOperationKind kind;
  int mode = 0;  // a cudnnPointwiseMode_t or cudnnReduceTensorOp_t
  int64_t axis = -1;
  int64_t x = 0, b = 0, t = 0, y = 0;  // names; 0: none
  int64_t m = 0, n = 0, k = 0;         // of a product: tensors with its lengths
};

class CudnnProgram {
 public:
  // Later tensors of a name must be the same. What does not fit is said by `problem`.
  void tensor(const CudnnTensor& tensor);
  void operation(const CudnnOperation& operation) { operations_.push_back(operation); }
  // Once, after the last operation: finds which lengths bound which tensor.
  void finish();

  const std::string& problem() const { return problem_; }
  const std::map<int64_t, CudnnTensor>& tensors() const { return tensors_; }
  int64_t workspace_bytes() const;

  // Addresses by name; those by value were copied.
  void run(const std::map<int64_t, std::byte*>& addresses) const;

 private:
  void bound(int64_t name, const std::array<int64_t, 4>& lengths);
  void complain(const std::string& text) {
    if (problem_.empty()) problem_ = text;
  }

  std::map<int64_t, CudnnTensor> tensors_;
  std::vector<CudnnOperation> operations_;
  std::string problem_;
};

}  // namespace cuda_emulator
