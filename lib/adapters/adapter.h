// An adapter on a model: a plan and its values. Trainers change values, sessions and merges read snapshots.
//
// Thread-safe. A snapshot is immutable: training that goes on afterwards does not change it, and it lives
// until its last holder lets go, removed adapter or not.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/plan.h"
#include "tensor/flat.h"

namespace peft {

class Adapter {
 public:
  // Values by the plan's starts, drawn from (seed, tensor's number): the same on every machine. Tensors live
  // in memory of `device` (tests pass a meta context's source).
  static std::shared_ptr<Adapter> create(std::string name, std::shared_ptr<const Plan> plan,
                                         const Transformer& model, Context& context, uint64_t seed);
  // Values given, one per planned tensor, f32, in the plan's order (checked).
  static std::shared_ptr<Adapter> from_values(std::string name, std::shared_ptr<const Plan> plan,
                                              Context& context, std::span<const Tensor> values);
  // Values given as whole buffers of the plan, which the adapter takes over.
  static std::shared_ptr<Adapter> from_buffers(std::string name, std::shared_ptr<const Plan> plan,
                                               std::vector<Tensor> buffers);

  const std::string& name() const { return name_; }
  const Plan& plan() const { return *plan_; }
  int64_t parameter_count() const;

  float scale() const;
  void set_scale(float scale);  // finite; takes effect in snapshots taken from now on

  // Hooks over the values as they are now, with the scale as it is now. Cheap unless a trainer changed the
  // values since; then `reader` copies them. Without one the trainer's own context does, which is for its
  // thread alone.
  std::shared_ptr<const HookTable> snapshot(Context* reader = nullptr) const;
  // The values as they are now, which nobody changes any more: one per planned tensor, or one per buffer.
  std::vector<Tensor> values(Context* reader = nullptr) const;
  std::vector<Tensor> buffers(Context* reader = nullptr) const;

  // A trainer's exclusive working copy. While one is held, another begin_training() is Code::busy.
  class Training {
   public:
    ~Training();
    // Working buffers of the plan; the trainer makes leaves of them and changes them inside update(), so that
    // a snapshot never sees half a step.
    std::vector<Tensor>& buffers() { return flat_.parts; }
    FlatTensors& flat() { return flat_; }  // the same, for what is done to all of them at once
    // Hooks over the working buffers, with their leaves.
    std::shared_ptr<const HookTable> hooks() const;
    // Runs `body` with snapshots held off, and marks the values changed. They are there on return, for
    // other contexts too.
    void update(const std::function<void()>& body);

   private:
    friend class Adapter;
    Training(std::shared_ptr<Adapter> adapter, Context& context);
    std::shared_ptr<Adapter> adapter_;
    Context& context_;
    FlatTensors flat_;
  };
  static std::unique_ptr<Training> begin_training(std::shared_ptr<Adapter> adapter, Context& context);

 private:
  Adapter() = default;
  std::string name_;
  std::shared_ptr<const Plan> plan_;
  mutable std::mutex mutex_;
  float scale_ = 1.0f;
  // Values nobody writes. Stale: there are none, since a trainer has the values; a copy of its working ones is made when
  // somebody asks.
  mutable std::vector<Tensor> published_;
  mutable std::shared_ptr<const HookTable> hooks_;
  mutable bool stale_ = false;
  Training* training_ = nullptr;

  void publish(Context* reader) const;  // with the lock held
};

}  // namespace peft
