#include "peft/estimate.h"

#include <algorithm>

#include "base/memory.h"
#include "capi/load_options.h"
#include "capi/lora_config.h"
#include "capi/objects.h"
#include "capi/structs.h"
#include "capi/train.h"
#include "devices/devices.h"
#include "meta/meta_backend.h"
#include "models/quantize.h"

using namespace peft;
using namespace peft::capi;

namespace {

// What oneDNN generates and keeps for its products, and the stacks of the worker threads: measured once, no
// figure of a model.
constexpr int64_t product_library_bytes = 12 << 20;

// Memory of the device that is taken before the job begins, and what is free beside it.
struct Around {
  int64_t resident = 0, baseline = 0, available = 0;
};

Around around(const Device& device) {
  Around found;
  if (device.kind() == DeviceKind::cpu) {
    found.resident = current_resident_bytes();
    found.baseline = found.resident + product_library_bytes;
    found.available = available_memory_bytes();
    return found;
  }
  // What the card's driver, our context there and other processes hold. One backend of the count's own is among
  // it, which the job brings anew.
  found.available = device.available_memory();
  found.resident = device.total_memory() - found.available;
  found.baseline = std::max<int64_t>(0, found.resident - device.backend_bytes());
  return found;
}

peft_estimate_options estimate_defaults() {
  peft_estimate_options options{};
  options.struct_size = sizeof options;
  options.sessions = 1;
  options.sequence_length = 2048;
  return options;
}

// Tokens; far beyond what any machine holds the activations of.
constexpr int64_t largest_micro_batch = int64_t{1} << 24;

struct Settings {
  peft_estimate_options given;
  Json adapter_config;
  TrainerOptions trainer;
  peft_session_options session{};
  Arithmetic session_arithmetic = Arithmetic::float32;
  std::shared_ptr<const Dataset> dataset;
};

Settings read_settings(const peft_estimate_options* options, const Limits& limits) {
  Settings settings;
  settings.given = read_struct(options, estimate_defaults(), "options");
  const peft_estimate_options& given = settings.given;
  check_range<int>(given.job, PEFT_JOB_TRAIN, PEFT_JOB_GENERATE, "job");
  check_flag(given.quantize_nf4, "quantize_nf4");
  check_range(given.sessions, 1, 65536, "sessions");
  check_range<int64_t>(given.sequence_length, 2, limits.tokens, "sequence_length");
  settings.adapter_config =
      given.adapter_config
          ? parse_json(read_string(given.adapter_config, "adapter_config", 1 << 24), "adapter configuration",
                       limits)
          : lora_json_of(read_struct(given.lora_config, lora_defaults(), "lora_config"), limits);
  settings.trainer =
      read_trainer_options(read_struct(given.trainer_options, trainer_defaults(), "trainer_options"));
  // Nothing is written and nothing planned but one step.
  settings.trainer.output_dir.clear();
  settings.trainer.save_steps = settings.trainer.eval_steps = settings.trainer.early_stopping_patience = 0;
  settings.session.struct_size = sizeof settings.session;
  settings.session.compute_dtype = PEFT_DTYPE_FLOAT32;
  settings.session = read_struct(given.session_options, settings.session, "session_options");
  check_range<int64_t>(settings.session.context_length, 0, limits.tokens, "context_length");
  settings.session_arithmetic =
      session_arithmetic(settings.session.compute_dtype, settings.session.activations);
  if (given.dataset) settings.dataset = shared<DatasetObject>(given.dataset)->dataset;
  return settings;
}

// The micro-batch with the most tokens among the job's steps, as rows for one step.
struct Largest {
  std::vector<std::vector<int32_t>> ids, labels;
  int64_t step_tokens = 0, micro_batches = 1;
};

Largest largest_batch(const Settings& settings) {
  Largest largest;
  const TrainerOptions& options = settings.trainer;
  check(options.batch_size >= 1 && options.accumulation >= 1, Code::invalid_argument,
        "batch_size and gradient_accumulation_steps must be at least 1, not {} and {}", options.batch_size,
        options.accumulation);
  if (!settings.dataset) {
    check(options.batch_size <= largest_micro_batch / settings.given.sequence_length, Code::limit,
          "{} rows of {} tokens are more than the {} tokens that a micro-batch may have", options.batch_size,
          settings.given.sequence_length, largest_micro_batch);
    largest.ids.assign(static_cast<size_t>(options.batch_size),
                       std::vector<int32_t>(static_cast<size_t>(settings.given.sequence_length), 0));
    largest.labels = largest.ids;
    largest.micro_batches = options.accumulation;
    largest.step_tokens = options.batch_size * settings.given.sequence_length * options.accumulation;
    return largest;
  }
  BatchOptions batches{options.batch_size, options.accumulation, options.shuffle,
                       options.seed,       options.packing,      options.packing_length};
  Batcher batcher(*settings.dataset, batches);
  const int64_t total = options.max_steps > 0 ? options.max_steps : batcher.total_steps(options.epochs);
  // Later epochs shuffle anew; a few of them show what sizes come up.
  const int64_t looked_at = std::min<int64_t>(total, 20000);
  int64_t most = -1;
  MicroBatch chosen;
  for (int64_t i = 0; i < looked_at; ++i) {
    const StepPlan plan = batcher.step(i);
    largest.step_tokens = std::max(largest.step_tokens, plan.tokens);
    for (const MicroBatch& batch : plan.micro_batches) {
      if (batch.tokens <= most) continue;
      most = batch.tokens;
      chosen = batch;
      largest.micro_batches = static_cast<int64_t>(plan.micro_batches.size());
    }
  }
  for (const int64_t row : chosen.rows) {
    const RowView view = settings.dataset->row(row);
    largest.ids.emplace_back(view.ids.begin(), view.ids.end());
    largest.labels.emplace_back(view.labels.begin(), view.labels.end());
  }
  return largest;
}

// Runs the job on a device that counts. `weights` is what the model's weights take outside of that device's
// count.
class Estimator {
 public:
  Estimator(std::shared_ptr<Model> model, MetaDevice& device, const Device& target, const Settings& settings,
            int64_t weights)
      : model_(std::move(model)), device_(device), target_(target), settings_(settings), weights_(weights) {}

  // With the first of the placements that the job leaves open that fits, else with the last.
  peft_estimate_result run() {
    peft_estimate_result result{};
    result.weight_bytes = model_->weight_bytes() - model_->host_weight_bytes();
    result.parameter_elements = model_->parameter_count();
    result.loading_bytes =
        std::max<int64_t>(0, device_.memory().peak_held() - (weights_ > 0 ? 0 : result.weight_bytes));
    const int64_t loading_peak = device_.memory().peak_held() + weights_;
    const auto run_job = [&](const auto& job) {
      peft_estimate_result figures = result;
      device_.memory().reset_peak();
      device_.pinned_memory().reset_peak();
      job(figures);
      // What a loaded model holds there was not allocated by this count's device.
      figures.host_bytes = device_.pinned_memory().peak_held() + (weights_ > 0 ? model_->host_weight_bytes() : 0);
      const Around now = around(target_);
      figures.baseline_bytes = now.baseline;
      const int64_t job_peak = device_.memory().peak_held() + weights_;
      figures.peak_bytes = figures.baseline_bytes + std::max(loading_peak, job_peak);
      figures.available_bytes = now.available;
      figures.fits = figures.peak_bytes <= now.available + now.resident;
      return figures;
    };
    if (settings_.given.job != PEFT_JOB_TRAIN)
      return run_job([&](peft_estimate_result& figures) { generate(figures); });
    peft_estimate_result figures{};
    for (const TrainingMemory& memory : choices()) {
      memory_ = memory;
      figures = run_job([&](peft_estimate_result& each) { train(each); });
      if (figures.fits) break;
    }
    return figures;
  }
  const TrainingMemory& memory() const { return memory_; }

 private:
  // What the job leaves open, in the order of what it costs in time.
  std::vector<TrainingMemory> choices() const {
    const bool has_host = device_.create_backend(0)->pinned_memory() != nullptr;
    std::vector<ActivationPolicy> activations = {settings_.trainer.activations};
    if (activations[0] == ActivationPolicy::automatic) {
      activations = {ActivationPolicy::keep, ActivationPolicy::checkpoint};
      if (has_host) activations.push_back(ActivationPolicy::offload);
    }
    std::vector<MemoryPlace> optimizer = {settings_.trainer.optimizer};
    if (optimizer[0] == MemoryPlace::automatic) {
      optimizer = {MemoryPlace::device};
      if (has_host) optimizer.push_back(MemoryPlace::host);
    }
    std::vector<TrainingMemory> all;
    for (const ActivationPolicy policy : activations)
      for (const MemoryPlace placement : optimizer) all.push_back({policy, placement});
    return all;
  }

  std::unique_ptr<Context> make_context() { return std::make_unique<Context>(device_.create_backend(0)); }

  std::shared_ptr<Adapter> make_adapter(Context& context) {
    PlanInput input{model_->transformer(),   settings_.adapter_config,
                    "adapter configuration", {},
                    /*for_loading=*/true,    0};
    std::shared_ptr<const Plan> plan = plan_adapter(input);
    return Adapter::create("estimate", std::move(plan), model_->transformer(), context, 0);
  }

  void train(peft_estimate_result& result) {
    const Largest largest = largest_batch(settings_);
    const auto adapter = make_adapter(*make_context());
    auto context = make_context();
    auto& counts = dynamic_cast<MetaBackend&>(context->backend());
    MemoryPool& pool = context->pool();
    TrainerOptions options = settings_.trainer;
    options.batch_size = static_cast<int64_t>(largest.ids.size());
    options.schedule = Schedule::constant;  // of one step
    options.activations = memory_.activations;
    options.optimizer = memory_.optimizer;
    const std::shared_ptr<const Transformer> transformer(model_, &model_->transformer());
    Trainer trainer(transformer, adapter, nullptr, nullptr, std::move(context), options, "");
    std::vector<TokenRow> rows;
    for (size_t i = 0; i < largest.ids.size(); ++i)
      rows.push_back({largest.ids[i], std::span<const int32_t>(largest.labels[i])});
    trainer.step_rows(rows, nullptr);
    // The trainer's working values are the adapter's until somebody asks for a copy.
    result.adapter_bytes = adapter->parameter_count() * 4;
    result.trainable_elements = adapter->parameter_count();
    result.gradient_bytes = trainer.optimizer().gradient_bytes();
    result.optimizer_bytes = options.optimizer == MemoryPlace::host ? 0 : trainer.optimizer().state_bytes();
    const PoolStatistics& used = pool.statistics();
    result.activation_bytes =
        std::max<int64_t>(0, used.peak_used - result.gradient_bytes - result.optimizer_bytes);
    result.workspace_bytes = used.peak_held - used.peak_used;
    result.tokens_per_step = largest.step_tokens;
    result.flops_per_step =
        static_cast<double>(counts.counts().matmul_flops + counts.counts().attention_flops) *
        static_cast<double>(largest.micro_batches);
  }

  void generate(peft_estimate_result& result) {
    std::vector<std::unique_ptr<Session>> sessions;
    const std::shared_ptr<const Transformer> transformer(model_, &model_->transformer());
    std::vector<std::shared_ptr<const HookTable>> hooks;
    std::shared_ptr<Adapter> adapter;
    if (settings_.given.adapter_config || settings_.given.lora_config) {
      adapter = make_adapter(*make_context());
      hooks.push_back(adapter->snapshot());
      result.adapter_bytes = adapter->parameter_count() * 4;
    }
    int64_t length = settings_.given.sequence_length;
    for (const int64_t bound :
         {model_->transformer().spec().learned_positions, settings_.session.context_length})
      if (bound > 0) length = std::min(length, bound);
    const std::vector<int32_t> ids(static_cast<size_t>(length), 0);
    for (int32_t i = 0; i < settings_.given.sessions; ++i) {
      const auto session_context = [this] {
        auto context = make_context();
        context->arithmetic = settings_.session_arithmetic;
        return context;
      };
      sessions.push_back(
          std::make_unique<Session>(SessionModel{transformer, nullptr, {}}, hooks, session_context, length));
      sessions.back()->prefill(ids, nullptr);
      result.cache_bytes += sessions.back()->cache_bytes();
    }
    result.workspace_bytes =
        std::max<int64_t>(0, device_.memory().peak_held() - result.cache_bytes - result.adapter_bytes -
                                 (weights_ > 0 ? 0 : result.weight_bytes));
    result.flops_per_step = 2.0 * static_cast<double>(model_->parameter_count());
  }

  std::shared_ptr<Model> model_;
  MetaDevice& device_;
  const Device& target_;
  const Settings& settings_;
  int64_t weights_;
  TrainingMemory memory_;
};

}  // namespace

namespace peft::capi {

TrainingMemory choose_memory(const ModelCore& core, const Plan& plan, const TrainerOptions& options,
                             std::shared_ptr<const Dataset> dataset) {
  TrainingMemory chosen{options.activations, options.optimizer};
  if (chosen.activations != ActivationPolicy::automatic && chosen.optimizer != MemoryPlace::automatic) return chosen;
  check(dataset != nullptr, Code::invalid_argument,
        "{} auto needs a data set: without its rows there is no estimate",
        chosen.activations == ActivationPolicy::automatic ? "activation_checkpointing" : "optimizer_placement");
  Settings settings;
  settings.given = estimate_defaults();
  settings.adapter_config = plan.config();
  settings.trainer = options;
  settings.trainer.output_dir.clear();
  settings.trainer.save_steps = settings.trainer.eval_steps = settings.trainer.early_stopping_patience = 0;
  settings.dataset = std::move(dataset);
  const auto device = make_meta_device(*core.device);
  Estimator estimator(core.model, *device, *core.device, settings, /*weights=*/1);  // the device holds them
  estimator.run();
  return estimator.memory();
}

}  // namespace peft::capi

extern "C" {

peft_status peft_estimate_options_init(peft_estimate_options* options, size_t size) {
  return init_struct(options, size, estimate_defaults());
}

peft_status peft_estimate(const peft_context* context, const char* path, const peft_estimate_options* options,
                          peft_estimate_result* result) {
  return guard([&] {
    check_output(result, "result");
    const auto parent = shared<ContextObject>(context);
    const Settings settings = read_settings(options, parent->limits);
    LoadOptions load;
    Device* target = &find_device("cpu");
    if (settings.given.model_options) {
      const peft_model_options model =
          read_struct(settings.given.model_options, model_defaults(), "model_options");
      load = read_load_options(model);
      target = &device_of(model.device);
    }
    load.limits = parent->limits;
    const auto device = make_meta_device(*target);
    auto meta = std::make_unique<Context>(device->create_backend(parent->threads));
    const auto model = Model::load(read_string(path, "path"), *meta, load);
    if (settings.given.quantize_nf4) quantize_model(*model, *meta, {});
    meta.reset();
    write_struct(result, Estimator(model, *device, *target, settings, 0).run());
  });
}

peft_status peft_estimate_model(const peft_model* model, const peft_estimate_options* options,
                                peft_estimate_result* result) {
  return guard([&] {
    check_output(result, "result");
    const auto object = shared<ModelObject>(model);
    const Settings settings = read_settings(options, object->core->context->limits);
    const Device& target = *object->core->device;
    const auto device = make_meta_device(*object->core->device);
    // The resident set holds the weights already.
    peft_estimate_result figures = Estimator(object->core->model, *device, target, settings, 1).run();
    figures.loading_bytes = 0;
    figures.baseline_bytes -= figures.weight_bytes;
    write_struct(result, figures);
  });
}

}  // extern "C"
