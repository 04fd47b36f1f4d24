// An execution context: a backend, its memory pool, and the state that one forward or backward pass runs
// under. Every trainer and every session owns one. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/cancel.h"
#include "base/limits.h"
#include "tensor/backend.h"
#include "tensor/tensor.h"

namespace peft {

class Tape;  // autograd/tape.h

class Context {
 public:
  // `memory`: where everything comes from instead of the backend's own source (a bound shared by several
  // contexts).
  Context(std::unique_ptr<Backend> backend, int64_t memory_limit_bytes = 0,
          std::shared_ptr<MemorySource> memory = nullptr);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();

  // Throws what earlier kernels left behind (Backend::raise_fault).
  Backend& backend() {
    backend_->raise_fault();
    return *backend_;
  }
  bool is_meta() const { return backend_->kind() == DeviceKind::meta; }
  MemoryPool& pool() { return *pool_; }
  // Of host memory for copies in the background; null where the device's memory is the host's.
  MemoryPool* pinned_pool();
  bool has_host_memory() const { return backend_->pinned_memory() != nullptr; }

  // From the pool.
  Tensor empty(const Shape& shape, DType dtype = DType::f32);  // uninitialised
  Tensor zeros(const Shape& shape, DType dtype = DType::f32);
  Tensor scratch(int64_t bytes);  // u8 [bytes]; undefined when bytes == 0
  Tensor from_host(std::span<const float> values, const Shape& shape);
  Tensor from_host(std::span<const int32_t> values, const Shape& shape);
  Tensor from_host(std::span<const int64_t> values, const Shape& shape);
  // Not from the pool: a buffer that may outlive this context and be freed by any thread (adapters, moments).
  Tensor empty_shared(const Shape& shape, DType dtype = DType::f32);
  // As that, in host memory, which kernels read and write where it lies, over the bus: for what is touched seldom. Only
  // where has_host_memory().
  Tensor empty_on_host(const Shape& shape, DType dtype = DType::f32);

  // Copies to the host; the tensor must be dense and of that type.
  std::vector<float> to_host(const Tensor& tensor);
  std::vector<int32_t> to_host_i32(const Tensor& tensor);
  void copy_to_host(const Tensor& tensor, std::span<std::byte> out);

  // Polled between layers and slices of long work; may be null.
  const CancelToken* cancel = nullptr;
  // Arithmetic of matrix products with base weights in this context.
  Arithmetic arithmetic = Arithmetic::float32;
  // Of what flows between layers: bf16 where the backend has that and products are rounded to it anyway.
  DType activation_type() const {
    return arithmetic == Arithmetic::bfloat16 && backend_->bfloat16_activations() ? DType::bf16 : DType::f32;
  }
  // Where ops record; null: nothing is recorded.
  Tape* tape = nullptr;

 private:
  std::unique_ptr<Backend> backend_;
  std::shared_ptr<MemorySource> memory_;
  std::shared_ptr<MemoryPool> pool_, pinned_pool_;
};

// Sets a context's cancel token for a scope.
class CancelScope {
 public:
  CancelScope(Context& context, const CancelToken* cancel) : context_(context) { context.cancel = cancel; }
  ~CancelScope() { context_.cancel = nullptr; }
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

 private:
  Context& context_;
};

}  // namespace peft
