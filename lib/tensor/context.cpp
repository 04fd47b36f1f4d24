#include "tensor/context.h"

#include "base/checked.h"
#include "base/error.h"

namespace peft {
namespace {

template <typename T>
Tensor upload(Context& context, std::span<const T> values, const Shape& shape, DType dtype) {
  check(static_cast<int64_t>(values.size()) == shape.elements(), Code::mismatch,
        "from_host: expected {} values for {}, found {}", shape.elements(), to_string(shape), values.size());
  Tensor result = context.empty(shape, dtype);
  if (!values.empty()) {
    context.backend().copy_from_host(std::as_bytes(values).data(), result.view().data,
                                     static_cast<int64_t>(values.size_bytes()));
  }
  return result;
}

template <typename T>
std::vector<T> download(Context& context, const Tensor& tensor, DType dtype) {
  PEFT_ASSERT(tensor.defined() && tensor.dtype() == dtype);
  std::vector<T> values(static_cast<size_t>(tensor.elements()));
  context.copy_to_host(tensor, std::as_writable_bytes(std::span(values)));
  return values;
}

}  // namespace

Context::Context(std::unique_ptr<Backend> backend, int64_t memory_limit_bytes,
                 std::shared_ptr<MemorySource> memory)
    : backend_(std::move(backend)),
      memory_(memory ? std::move(memory) : backend_->memory()),
      pool_(MemoryPool::create(memory_, memory_limit_bytes)) {}

Context::~Context() = default;

MemoryPool* Context::pinned_pool() {
  if (!pinned_pool_)
    if (std::shared_ptr<MemorySource> pinned = backend_->pinned_memory()) pinned_pool_ = MemoryPool::create(std::move(pinned));
  return pinned_pool_.get();
}

Tensor Context::empty(const Shape& shape, DType dtype) {
  return Tensor(pool_->allocate(storage_bytes(dtype, shape)), shape, dtype);
}

Tensor Context::zeros(const Shape& shape, DType dtype) {
  const int64_t bytes = storage_bytes(dtype, shape);
  // Zero bits are zero in every dtype. Pool blocks are whole multiples of a float's size, so the last one may
  // be filled.
  const Shape words{divide_up(bytes, int64_t{sizeof(float)})};
  Tensor result(pool_->allocate(words.elements() * int64_t{sizeof(float)}), shape, dtype);
  if (bytes > 0) backend_->fill(Tensor(result.storage(), words, DType::f32).view(), 0.0f);
  return result;
}

Tensor Context::scratch(int64_t bytes) { return bytes > 0 ? empty(Shape{bytes}, DType::u8) : Tensor(); }

Tensor Context::from_host(std::span<const float> values, const Shape& shape) {
  return upload(*this, values, shape, DType::f32);
}
Tensor Context::from_host(std::span<const int32_t> values, const Shape& shape) {
  return upload(*this, values, shape, DType::i32);
}
Tensor Context::from_host(std::span<const int64_t> values, const Shape& shape) {
  return upload(*this, values, shape, DType::i64);
}

Tensor Context::empty_shared(const Shape& shape, DType dtype) {
  const int64_t bytes = storage_bytes(dtype, shape);
  try {
    return Tensor(make_storage(memory_, bytes), shape, dtype);
  } catch (const Error& error) {
    if (error.code() != Code::out_of_memory) throw;
  }
  pool_->trim();  // what it holds unused may be what is missing
  return Tensor(make_storage(memory_, bytes), shape, dtype);
}

Tensor Context::empty_on_host(const Shape& shape, DType dtype) {
  return Tensor(make_storage(backend_->pinned_memory(), storage_bytes(dtype, shape)), shape, dtype);
}

std::vector<float> Context::to_host(const Tensor& tensor) {
  return download<float>(*this, tensor, DType::f32);
}

std::vector<int32_t> Context::to_host_i32(const Tensor& tensor) {
  return download<int32_t>(*this, tensor, DType::i32);
}

void Context::copy_to_host(const Tensor& tensor, std::span<std::byte> out) {
  PEFT_ASSERT(tensor.defined() && tensor.dense());
  const int64_t bytes = storage_bytes(tensor.dtype(), tensor.shape());
  check(static_cast<int64_t>(out.size()) == bytes, Code::mismatch,
        "copy_to_host: expected room for {} bytes, found {}", bytes, out.size());
  if (bytes > 0) backend_->copy_to_host(tensor.view().data, out.data(), bytes);
}

}  // namespace peft
