#include "capi/objects.h"

#include "capi/structs.h"
#include "devices/devices.h"

namespace peft::capi {

static_assert(static_cast<int>(DType::f32) + 1 == PEFT_DTYPE_FLOAT32 &&
                  static_cast<int>(DType::q6_k) + 1 == PEFT_DTYPE_Q6_K,
              "peft_dtype is DType + 1");
static_assert(static_cast<int>(Code::internal) == PEFT_E_INTERNAL &&
              static_cast<int>(Code::numeric) == PEFT_E_NUMERIC);

std::byte* BudgetMemory::allocate(int64_t bytes) {
  const int64_t held = held_.fetch_add(bytes) + bytes;
  if (limit_ > 0 && held > limit_) {
    held_ -= bytes;
    fail(Code::out_of_memory,
         "{} bytes more would exceed the context's bound of {} bytes, of which {} are held", bytes, limit_,
         held - bytes);
  }
  std::byte* block;
  try {
    block = source_->allocate(bytes);
  } catch (...) {
    held_ -= bytes;
    throw;
  }
  int64_t peak = peak_;
  while (held > peak && !peak_.compare_exchange_weak(peak, held)) {
  }
  return block;
}

void BudgetMemory::release(std::byte* block, int64_t bytes) noexcept {
  source_->release(block, bytes);
  held_ -= bytes;
}

std::shared_ptr<MemorySource> ContextObject::budget(Device& device) {
  const std::lock_guard lock(mutex_);
  for (const auto& [known, memory] : budgets_)
    if (known == &device) return memory;
  const auto backend = device.create_backend(1);
  auto memory = std::make_shared<BudgetMemory>(backend->memory(), max_memory_bytes);
  budgets_.emplace_back(&device, memory);
  return memory;
}

std::unique_ptr<Context> ContextObject::make(Device& device) {
  return std::make_unique<Context>(device.create_backend(threads), 0, budget(device));
}

int64_t ContextObject::held() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const auto& [device, memory] : budgets_) bytes += memory->held();
  return bytes;
}

int64_t ContextObject::peak() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const auto& [device, memory] : budgets_) bytes += memory->peak();
  return bytes;
}

void ModelObject::check_alone() const {
  const int holders = core->holders;
  check(holders == 0, Code::busy, "{} trainers or sessions use the model's weights; free them first",
        holders);
}

namespace {

const void* checked(const void* model) {
  std::static_pointer_cast<ModelObject>(find_handle(model, ObjectType::model))->check_alone();
  return model;
}

}  // namespace

Alone::Alone(const void* model) : Use(checked(model), /*exclusive=*/true) {
  (*this)->check_alone();  // somebody may have begun between the two
}

CancelUse::CancelUse(const peft_cancel* handle) {
  if (handle) object_ = std::static_pointer_cast<CancelObject>(find_handle(handle, ObjectType::cancel));
}

std::vector<std::shared_ptr<const HookTable>> snapshots(const peft_adapter* const* adapters, int32_t count,
                                                        const ModelCore& core) {
  check(count >= 0 && count <= 1024, Code::invalid_argument,
        "adapter_count must be between 0 and 1024, not {}", count);
  check(adapters != nullptr || count == 0, Code::invalid_argument, "adapters is NULL but adapter_count is {}",
        count);
  std::vector<std::shared_ptr<const HookTable>> hooks;
  const auto reader = count > 0 ? core.make_context() : nullptr;
  for (int32_t i = 0; i < count; ++i) {
    const auto adapter = shared<AdapterObject>(adapters[i]);
    check(adapter->core.get() == &core, Code::mismatch, "adapter '{}' belongs to another model",
          adapter->adapter->name());
    check(!adapter->merged, Code::state, "adapter '{}' is merged into the weights; unmerge it first",
          adapter->adapter->name());
    hooks.push_back(adapter->adapter->snapshot(reader.get()));
  }
  return hooks;
}

Arithmetic arithmetic_of(peft_dtype compute_dtype) {
  switch (static_cast<int>(compute_dtype)) {
    case PEFT_DTYPE_FLOAT32:
      return Arithmetic::float32;
    case PEFT_DTYPE_BFLOAT16:
      return Arithmetic::bfloat16;
    default:
      fail(Code::invalid_argument, "compute_dtype must be float32 or bfloat16, not {}",
           name_of(compute_dtype));
  }
}

Device& device_of(const char* name) {
  const std::string text = read_string_or(name, "device", "cpu");
  check(text != "meta", Code::invalid_argument, "device 'meta': expected cpu, cuda:N or auto");
  return find_device(text);
}

std::string name_of(peft_dtype dtype) {
  const int number = static_cast<int>(dtype);
  switch (number) {
    case PEFT_DTYPE_AS_STORED:
      return "as stored";
    case PEFT_DTYPE_FLOAT32:
      return "float32";
    case PEFT_DTYPE_FLOAT16:
      return "float16";
    case PEFT_DTYPE_BFLOAT16:
      return "bfloat16";
    default:
      if (number < 1 || number > dtype_count) return fmt::format("dtype {}", number);
      return std::string(name_of(static_cast<DType>(number - 1)));
  }
}

peft_dtype dtype_of(DType dtype) { return static_cast<peft_dtype>(static_cast<int>(dtype) + 1); }

}  // namespace peft::capi
