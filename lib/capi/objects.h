// What handles stand for.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/adapter.h"
#include "adapters/merge.h"
#include "base/cancel.h"
#include "base/limits.h"
#include "capi/handles.h"
#include "data/dataset.h"
#include "generate/session.h"
#include "models/model.h"
#include "peft/adapter.h"
#include "peft/generate.h"
#include "peft/train.h"
#include "tensor/context.h"
#include "text/stream_decoder.h"
#include "train/trainer.h"

namespace peft::capi {

struct CancelObject final : Object {
  static constexpr ObjectType object_type = ObjectType::cancel;
  CancelObject() : Object(object_type) {}
  CancelToken token;
  std::atomic<double> progress{0};
};

// Counts what all objects of a context hold, and bounds it. Wraps a device's memory.
class BudgetMemory final : public MemorySource {
 public:
  BudgetMemory(std::shared_ptr<MemorySource> source, int64_t limit)
      : source_(std::move(source)), limit_(limit) {}
  std::byte* allocate(int64_t bytes) override;
  void release(std::byte* block, int64_t bytes) noexcept override;
  int64_t held() const { return held_; }
  int64_t peak() const { return peak_; }

 private:
  std::shared_ptr<MemorySource> source_;
  int64_t limit_;
  std::atomic<int64_t> held_{0}, peak_{0};
};

struct ContextObject final : Object {
  static constexpr ObjectType object_type = ObjectType::context;
  ContextObject() : Object(object_type) {}
  int threads = 0;  // 0: as many as there are
  int64_t max_memory_bytes = 0;
  Limits limits;

  // A context of computation on `device` within the bound.
  std::unique_ptr<Context> make(Device& device);
  int64_t held() const;
  int64_t peak() const;

 private:
  std::shared_ptr<MemorySource> budget(Device& device);
  mutable std::mutex mutex_;
  std::vector<std::pair<Device*, std::shared_ptr<BudgetMemory>>> budgets_;
};

// The weights, and who needs them to stay as they are.
struct ModelCore {
  std::shared_ptr<ContextObject> context;
  Device* device = nullptr;
  std::shared_ptr<Model> model;
  std::atomic<int> holders{0};  // trainers and sessions

  std::shared_ptr<const Transformer> transformer() const { return {model, &model->transformer()}; }
  std::unique_ptr<Context> make_context() const { return context->make(*device); }
};

// Keeps quantize, merge and unmerge away for as long as it lives.
class ModelHold {
 public:
  explicit ModelHold(std::shared_ptr<ModelCore> core) : core_(std::move(core)) { ++core_->holders; }
  ModelHold(const ModelHold& other) : ModelHold(other.core_) {}
  ModelHold& operator=(const ModelHold&) = delete;
  ~ModelHold() { --core_->holders; }
  const std::shared_ptr<ModelCore>& core() const { return core_; }

 private:
  std::shared_ptr<ModelCore> core_;
};

struct AdapterObject;

struct ModelObject final : Object {
  static constexpr ObjectType object_type = ObjectType::model;
  ModelObject() : Object(object_type) {}
  std::shared_ptr<ModelCore> core;
  std::mutex mutex;  // of the two lists
  std::vector<std::shared_ptr<AdapterObject>> adapters;
  struct Merge {
    MergedWeights weights;
    std::shared_ptr<AdapterObject> adapter;
    bool has_originals = true;
  };
  std::vector<Merge> merges;
  MergeReport report;

  // Throws Code::busy while trainers or sessions hold the weights.
  void check_alone() const;
};

// The model alone, to change its base weights. A call that is refused for its trainers and sessions is
// refused before it takes the model: it must not make the calls of those who serve from it busy.
class Alone : public Use<ModelObject> {
 public:
  explicit Alone(const void* model);
};

struct AdapterObject final : Object {
  static constexpr ObjectType object_type = ObjectType::adapter;
  AdapterObject() : Object(object_type) {}
  std::shared_ptr<ModelCore> core;
  std::weak_ptr<ModelObject> owner;
  std::shared_ptr<Adapter> adapter;
  bool trainable = true;
  std::atomic<bool> attached{true}, merged{false};
  std::atomic<int64_t> trained_steps{0};
};

struct TokenizerObject final : Object {
  static constexpr ObjectType object_type = ObjectType::tokenizer;
  TokenizerObject() : Object(object_type) {}
  std::shared_ptr<const Tokenizer> tokenizer;
  std::string chat_template;
  Limits limits;
};

struct StreamDecoderObject final : Object {
  static constexpr ObjectType object_type = ObjectType::stream_decoder;
  StreamDecoderObject() : Object(object_type) {}
  std::shared_ptr<const Tokenizer> tokenizer;
  bool skip_special = true;
  std::vector<int32_t>
      taken;  // since the decoder was new: what a push that is not delivered is replayed from
  std::unique_ptr<StreamDecoder> decoder;
  std::optional<std::string> pending;  // text of pending_id, made and not yet delivered
  int32_t pending_id = 0;
};

struct DatasetObject final : Object {
  static constexpr ObjectType object_type = ObjectType::dataset;
  explicit DatasetObject(Dataset rows)
      : Object(object_type), dataset(std::make_shared<Dataset>(std::move(rows))) {}
  std::shared_ptr<const Dataset> dataset;
};

struct TrainerObject final : Object {
  static constexpr ObjectType object_type = ObjectType::trainer;
  explicit TrainerObject(std::shared_ptr<ModelCore> core) : Object(object_type), hold(std::move(core)) {}
  ModelHold hold;
  std::shared_ptr<AdapterObject> adapter;
  std::unique_ptr<Trainer> trainer;

  // The figures for others, brought up to date by the exclusive user: they can be read while a step is made.
  void publish();
  peft_trainer_info published() const;

 private:
  mutable std::mutex mutex_;
  peft_trainer_info published_{};
};

struct SessionObject final : Object {
  static constexpr ObjectType object_type = ObjectType::session;
  explicit SessionObject(std::shared_ptr<ModelCore> core) : Object(object_type), hold(std::move(core)) {}
  ModelHold hold;
  std::unique_ptr<Session> session;
  std::string chat_template;
  std::vector<std::shared_ptr<CancelObject>>
      cancels;                   // of the sampling options: alive while the session may poll them
  std::optional<Piece> pending;  // made, not yet delivered
};

// The token of an optional handle, kept alive for the call.
class CancelUse {
 public:
  explicit CancelUse(const peft_cancel* handle);
  const CancelToken* token() const { return object_ ? &object_->token : nullptr; }
  const std::shared_ptr<CancelObject>& object() const { return object_; }
  void progress(double fraction) const {
    if (object_) object_->progress = fraction;
  }

 private:
  std::shared_ptr<CancelObject> object_;
};

// Snapshots of a list of adapters of one model, in their order; Code::mismatch for one of another model.
std::vector<std::shared_ptr<const HookTable>> snapshots(const peft_adapter* const* adapters, int32_t count,
                                                        const ModelCore& core);
Arithmetic arithmetic_of(peft_dtype compute_dtype);
// Of sessions and scores, which may round activations to int8 too.
Arithmetic session_arithmetic(peft_dtype compute_dtype, peft_activations activations);
peft_dtype dtype_of(DType dtype);
std::string name_of(peft_dtype dtype);  // of any number a caller gave
// The device of a caller's options; NULL is the CPU. Not the one that only counts: nothing could be read from
// it.
Device& device_of(const char* name);

}  // namespace peft::capi
