#include "adapters/adapter.h"

#include <cmath>
#include <numeric>

#include "autograd/tape.h"
#include "base/error.h"
#include "base/random.h"
#include "ops/convert.h"

namespace peft {
namespace {

Tensor rows_of(const PlannedTensor& planned, const std::vector<Tensor>& buffers) {
  const Tensor& buffer = buffers[static_cast<size_t>(planned.buffer)];
  if (buffer.elements() == planned.shape.elements()) return buffer.detached().reshaped(planned.shape);
  return buffer.detached().row_range(planned.first_row, planned.shape.rows()).reshaped(planned.shape);
}

void fill_random(std::span<float> values, Start start, float bound, uint64_t seed, uint64_t stream) {
  RandomStream random(seed, stream);
  for (float& value : values)
    value = start == Start::uniform ? (2.0f * random.uniform() - 1.0f) * bound : random.normal() * bound;
}

void start_tensor(const PlannedTensor& planned, const Transformer& model, Context& context, uint64_t seed,
                  uint64_t number, Tensor target) {
  Backend& backend = context.backend();
  const auto& parameters = model.layout().parameters;
  switch (planned.start) {
    case Start::zeros:
      backend.fill(target.view(), 0.0f);
      return;
    case Start::ones:
      backend.fill(target.view(), 1.0f);
      return;
    case Start::uniform:
    case Start::normal: {
      if (context.is_meta()) return;
      std::vector<float> values(static_cast<size_t>(target.elements()));
      fill_random(values, planned.start, planned.bound, seed, number);
      backend.copy_from_host(reinterpret_cast<const std::byte*>(values.data()), target.view().data,
                             target.elements() * static_cast<int64_t>(sizeof(float)));
      return;
    }
    case Start::parameter: {
      const Tensor& source = parameters[static_cast<size_t>(planned.source)].value;
      backend.dequantize(source.const_view(), target.reshaped(source.shape()).view());
      return;
    }
    case Start::rows: {
      const Tensor index = context.from_host(std::span<const int32_t>(planned.source_rows),
                                             {static_cast<int64_t>(planned.source_rows.size())});
      backend.gather_rows(parameters[static_cast<size_t>(planned.source)].value.const_view(),
                          index.const_view(), target.view());
      return;
    }
  }
}

}  // namespace

std::shared_ptr<Adapter> Adapter::create(std::string name, std::shared_ptr<const Plan> plan,
                                         const Transformer& model, Context& context, uint64_t seed) {
  std::vector<Tensor> buffers;
  for (const Shape& shape : plan->buffers()) buffers.push_back(context.empty_shared(shape));
  uint64_t number = 0;
  for (const PlannedTensor& planned : plan->tensors())
    start_tensor(planned, model, context, seed, number++, rows_of(planned, buffers));
  context.backend().synchronize();  // other contexts read them
  return from_buffers(std::move(name), std::move(plan), std::move(buffers));
}

std::shared_ptr<Adapter> Adapter::from_values(std::string name, std::shared_ptr<const Plan> plan,
                                              Context& context, std::span<const Tensor> values) {
  check(values.size() == plan->tensors().size(), Code::mismatch,
        "adapter '{}': expected {} tensors, found {}", name, plan->tensors().size(), values.size());
  std::vector<Tensor> buffers;
  for (const Shape& shape : plan->buffers()) buffers.push_back(context.empty_shared(shape));
  for (size_t i = 0; i < values.size(); ++i) {
    const PlannedTensor& planned = plan->tensors()[i];
    check(values[i].shape() == planned.shape, Code::mismatch,
          "adapter '{}': tensor '{}': expected shape {}, found {}", name, planned.key,
          to_string(planned.shape), to_string(values[i].shape()));
    context.backend().copy(values[i].const_view(), rows_of(planned, buffers).view());
  }
  context.backend().synchronize();  // other contexts read them
  return from_buffers(std::move(name), std::move(plan), std::move(buffers));
}

std::shared_ptr<Adapter> Adapter::from_buffers(std::string name, std::shared_ptr<const Plan> plan,
                                               std::vector<Tensor> buffers) {
  PEFT_ASSERT(buffers.size() == plan->buffers().size());
  std::shared_ptr<Adapter> adapter(new Adapter());
  adapter->name_ = std::move(name);
  adapter->plan_ = std::move(plan);
  adapter->published_ = std::move(buffers);
  return adapter;
}

int64_t Adapter::parameter_count() const {
  int64_t count = 0;
  for (const PlannedTensor& planned : plan_->tensors()) count += planned.shape.elements();
  return count;
}

float Adapter::scale() const {
  const std::lock_guard lock(mutex_);
  return scale_;
}

void Adapter::set_scale(float scale) {
  check(std::isfinite(scale), Code::invalid_argument, "adapter '{}': scale {} is not finite", name_, scale);
  const std::lock_guard lock(mutex_);
  // Built with the new scale first: a method that refuses it leaves everything as it was.
  std::shared_ptr<const HookTable> hooks = plan_->hooks(stale_ ? training_->flat_.parts : published_, scale);
  hooks_ = stale_ ? nullptr : std::move(hooks);
  scale_ = scale;
}

// Copies what a trainer changed since the last time into tensors of its own.
void Adapter::publish(Context* reader) const {
  if (!stale_) return;
  Context& context = reader ? *reader : training_->context_;
  std::vector<Tensor> copies;
  for (const Tensor& working : training_->flat_.parts) {
    Tensor copy = context.empty_shared(working.shape());
    context.backend().copy(working.const_view(), copy.view());
    copies.push_back(copy);
  }
  context.backend().synchronize();
  published_ = std::move(copies);
  hooks_.reset();
  stale_ = false;
}

std::shared_ptr<const HookTable> Adapter::snapshot(Context* reader) const {
  const std::lock_guard lock(mutex_);
  publish(reader);
  if (!hooks_) hooks_ = plan_->hooks(published_, scale_);
  return hooks_;
}

std::vector<Tensor> Adapter::values(Context* reader) const {
  const std::vector<Tensor> whole = buffers(reader);
  std::vector<Tensor> values;
  for (const PlannedTensor& planned : plan_->tensors()) values.push_back(rows_of(planned, whole));
  return values;
}

std::vector<Tensor> Adapter::buffers(Context* reader) const {
  const std::lock_guard lock(mutex_);
  publish(reader);
  return published_;
}

Adapter::Training::Training(std::shared_ptr<Adapter> adapter, Context& context)
    : adapter_(std::move(adapter)), context_(context) {
  flat_ = flat_zeros(context, shapes_of(adapter_->published_), FlatPlace::shared);
  for (size_t i = 0; i < flat_.parts.size(); ++i)
    context.backend().copy(adapter_->published_[i].const_view(), flat_.parts[i].view());
  // They would only take memory beside the working values. Whoever asks for them gets copies.
  context.backend().synchronize();
  adapter_->published_.clear();
  adapter_->hooks_.reset();
  adapter_->stale_ = true;
}

std::unique_ptr<Adapter::Training> Adapter::begin_training(std::shared_ptr<Adapter> adapter,
                                                           Context& context) {
  const std::lock_guard lock(adapter->mutex_);
  check(!adapter->training_, Code::busy, "adapter '{}' is being trained by another trainer", adapter->name_);
  std::unique_ptr<Training> training(new Training(adapter, context));
  adapter->training_ = training.get();
  return training;
}

Adapter::Training::~Training() {
  const std::lock_guard lock(adapter_->mutex_);
  // The working values become the adapter's: nobody changes them any more.
  if (adapter_->stale_) {
    for (Tensor& buffer : flat_.parts) buffer = buffer.detached();
    adapter_->published_ = std::move(flat_.parts);
    adapter_->hooks_.reset();
    adapter_->stale_ = false;
  }
  adapter_->training_ = nullptr;
}

void Adapter::Training::update(const std::function<void()>& body) {
  const std::lock_guard lock(adapter_->mutex_);
  body();
  adapter_->stale_ = true;
  adapter_->published_.clear();
  adapter_->hooks_.reset();
  context_.backend().synchronize();
}

std::shared_ptr<const HookTable> Adapter::Training::hooks() const {
  const std::lock_guard lock(adapter_->mutex_);
  return adapter_->plan_->hooks(flat_.parts, adapter_->scale_);
}

}  // namespace peft
