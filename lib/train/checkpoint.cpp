// Checkpoints: a PEFT adapter folder with the optimizer and the counters beside it, and a manifest of hashes
// written last.
#include <algorithm>

#include "adapters/files.h"
#include "base/error.h"
#include "base/file.h"
#include "formats/output_tensor.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "formats/state_file.h"
#include "train/trainer.h"

#include <fmt/format.h>

namespace peft {
namespace {

constexpr std::string_view prefix = "checkpoint-";
constexpr const char* optimizer_file = "optimizer.safetensors";
// Apart from the manifest, which hashes every file but itself.
constexpr const char* state_file = "trainer_state.json";

struct NamedBuffers {
  const char* name;
  std::vector<Tensor>* tensors;
};

std::string buffer_name(const char* kind, size_t index) { return fmt::format("{}.{:05}", kind, index); }

void write_buffers(const std::string& path, Context& context, const std::vector<NamedBuffers>& groups) {
  std::vector<OutputTensor> outputs;
  for (const NamedBuffers& group : groups) {
    for (size_t i = 0; i < group.tensors->size(); ++i) {
      const Tensor tensor = (*group.tensors)[i];
      OutputTensor output;
      output.name = buffer_name(group.name, i);
      output.dtype = DType::f32;
      output.shape = tensor.shape();
      output.read = [&context, tensor](int64_t offset, std::span<std::byte> out) {
        poll(context.cancel);
        context.backend().copy_to_host(tensor.const_view().data + offset, out.data(),
                                       static_cast<int64_t>(out.size()));
      };
      outputs.push_back(std::move(output));
    }
  }
  write_safetensors(path, outputs);
}

void read_buffers(const SafetensorsFile& file, Context& context, const std::vector<NamedBuffers>& groups) {
  size_t expected = 0;
  for (const NamedBuffers& group : groups) {
    for (size_t i = 0; i < group.tensors->size(); ++i) {
      Tensor& tensor = (*group.tensors)[i];
      const TensorEntry& entry = file.at(buffer_name(group.name, i));
      check(entry.dtype == DType::f32 && entry.shape == tensor.shape(), Code::mismatch,
            "{}: tensor '{}': expected f32 {}, found {} {}", file.path(), entry.name,
            to_string(tensor.shape()), entry.stored_type, to_string(entry.shape));
      std::vector<std::byte> bytes(static_cast<size_t>(entry.bytes));
      file.read(entry, bytes);
      context.backend().copy_from_host(bytes.data(), tensor.view().data, entry.bytes);
      ++expected;
    }
  }
  check(file.entries().size() == expected, Code::mismatch, "{}: expected {} tensors, found {}", file.path(),
        expected, file.entries().size());
}

Json to_json(const TrainerState& state) {
  Json json = Json::object();
  json["step"] = state.step;
  json["data_step"] = state.data_step;
  json["applied"] = state.applied;
  json["skipped"] = state.skipped;
  json["skipped_in_row"] = state.skipped_in_row;
  json["tokens"] = state.tokens;
  json["epoch"] = state.epoch;
  json["last_loss"] = state.last_loss;
  json["learning_rate"] = state.learning_rate;
  json["evaluated_step"] = state.evaluated_step;
  json["best_eval_loss"] = state.best_eval_loss;
  json["best_step"] = state.best_step;
  json["evaluations_since_best"] = state.evaluations_since_best;
  json["stopped_early"] = state.stopped_early;
  return json;
}

TrainerState from_json(const Json& json, const std::string& what) {
  const JsonFields fields(json, what);
  constexpr double huge = 1e300;
  TrainerState state;
  state.step = fields.integer("step", 0, INT64_MAX);
  state.data_step = fields.integer("data_step", 0, INT64_MAX);
  state.applied = fields.integer("applied", 0, INT64_MAX);
  state.skipped = fields.integer("skipped", 0, INT64_MAX);
  state.skipped_in_row = fields.integer("skipped_in_row", 0, INT64_MAX);
  state.tokens = fields.integer("tokens", 0, INT64_MAX);
  state.epoch = fields.number("epoch", 0, huge);
  state.last_loss = fields.number("last_loss", -huge, huge);
  state.learning_rate = fields.number("learning_rate", 0, 1e6);
  state.evaluated_step = fields.integer("evaluated_step", -1, INT64_MAX);
  state.best_eval_loss = fields.number("best_eval_loss", -huge, huge);
  state.best_step = fields.integer("best_step", -1, INT64_MAX);
  state.evaluations_since_best = fields.integer("evaluations_since_best", 0, INT64_MAX);
  state.stopped_early = fields.boolean("stopped_early");
  state.checkpoint_step = state.step;
  return state;
}

// Of the base weights: types, shapes, and bytes from the beginning, middle and end of each.
std::string base_fingerprint(const Transformer& model, Context& context) {
  constexpr int64_t stretch = 4096;
  std::vector<std::byte> bytes;
  for (const Parameter& parameter : model.layout().parameters) {
    if (parameter.tied_to != no_parameter) continue;
    const std::string head =
        fmt::format("{} {} {}\n", parameter.path, name_of(parameter.value.dtype()), to_string(parameter.shape));
    const auto text = std::as_bytes(std::span(head));
    bytes.insert(bytes.end(), text.begin(), text.end());
    const int64_t size = storage_bytes(parameter.value.dtype(), parameter.shape);
    const std::byte* data = parameter.value.const_view().data;
    for (const int64_t at : {int64_t{0}, (size - stretch) / 2, size - stretch}) {
      const int64_t begin = std::clamp<int64_t>(at, 0, size), count = std::min(stretch, size - begin);
      const size_t old = bytes.size();
      bytes.resize(old + static_cast<size_t>(count));
      context.backend().copy_to_host(data + begin, bytes.data() + old, count);
    }
  }
  return hash_bytes(bytes);
}

}  // namespace

// What decides the result: a run with another signature is another training.
Json Trainer::signature() const {
  Json adapter = adapter_->plan().config();
  // What the writer of a file puts in, so that a loaded adapter is the one that was attached before.
  for (const char* key : {"base_model_name_or_path", "inference_mode", "peft_version"}) adapter.erase(key);
  Json json = Json::object();
  json["model_family"] = model_->spec().family;
  json["base"] = base_fingerprint(*model_, *context_);
  json["adapter"] = dump_json(adapter);
  json["scale"] = adapter_->scale();
  json["data"] = dataset_ ? dataset_->fingerprint() : "";
  json["eval_data"] = eval_dataset_ ? eval_dataset_->fingerprint() : "";
  json["batch_size"] = options_.batch_size;
  json["gradient_accumulation_steps"] = options_.accumulation;
  json["schedule"] = static_cast<int>(options_.schedule);
  json["total_steps"] = planned_steps_;
  json["learning_rate"] = options_.learning_rate;
  json["warmup_ratio"] = options_.warmup_ratio;
  json["warmup_steps"] = options_.warmup_steps;
  json["weight_decay"] = options_.weight_decay;
  json["beta1"] = options_.beta1;
  json["beta2"] = options_.beta2;
  json["epsilon"] = options_.epsilon;
  json["max_grad_norm"] = options_.max_grad_norm;
  json["seed"] = options_.seed;
  json["shuffle"] = options_.shuffle;
  json["packing"] = options_.packing;
  json["packing_length"] = options_.packing_length;
  json["compute_dtype"] = static_cast<int>(options_.arithmetic);
  json["eval_steps"] = options_.eval_steps;
  json["keep_best"] = options_.keep_best;
  json["early_stopping_patience"] = options_.early_stopping_patience;
  return json;
}

void Trainer::checkpoint(const std::string& path, const CancelToken* cancel) {
  check(!path.empty() || !options_.output_dir.empty(), Code::state,
        "the trainer has no output_dir; give a path");
  const std::string target =
      path.empty() ? join_path(options_.output_dir, fmt::format("{}{}", prefix, state_.step)) : path;
  if (path.empty()) {
    make_folders(options_.output_dir);
    // Once: what a killed process left half written.
    if (!std::exchange(output_dir_cleaned_, true)) remove_stale_checkpoints(options_.output_dir, prefix);
  }
  if (!path.empty()) check_replaceable(target, "manifest.json");
  OutputFolder folder(target);
  SaveAdapterOptions save;
  save.base_name = base_name_;
  save_adapter(*adapter_, folder.staging_path(), *context_, save);
  const CancelScope scope(*context_, cancel);
  std::vector<NamedBuffers> groups = {{"buffer", &training_->buffers()},
                                      {"first_moment", &optimizer_->first_moments()},
                                      {"second_moment", &optimizer_->second_moments()}};
  if (!best_.empty()) groups.push_back({"best", &best_});
  write_buffers(join_path(folder.staging_path(), optimizer_file), *context_, groups);
  Json state = Json::object();
  state["version"] = 1;
  state["state"] = to_json(state_);
  state["signature"] = signature();
  state["has_best"] = !best_.empty();
  write_text_file(join_path(folder.staging_path(), state_file), dump_json(state, 2) + "\n");
  write_manifest(folder.staging_path(), Json(nullptr));
  folder.commit();
  state_.checkpoint_step = state_.step;
  if (!path.empty() || options_.save_total_limit == 0) return;
  // Old ones go only now that the new one is complete; the best one stays.
  std::vector<int64_t> steps = checkpoint_steps(options_.output_dir);
  std::erase_if(steps, [&](int64_t step) { return step >= state_.step || step == state_.best_step; });
  while (static_cast<int64_t>(steps.size()) + 1 > options_.save_total_limit && !steps.empty()) {
    remove_folder(join_path(options_.output_dir, fmt::format("{}{}", prefix, steps.front())));
    steps.erase(steps.begin());
  }
}

std::string Trainer::resume(const std::string& path) {
  std::string folder = path, notes;
  if (path_exists(join_path(path, "manifest.json"))) {
    read_manifest(path);
  } else {
    const CheckpointSearch search = newest_complete(path);
    for (const std::string& reason : search.skipped) notes += (notes.empty() ? "" : "; ") + reason;
    check(search.newest.has_value(), Code::not_found, "{}: no complete checkpoint{}{}", path,
          notes.empty() ? "" : ": ", notes);
    folder = search.newest->path;
  }
  const std::string state_path = join_path(folder, state_file);
  const Json saved = parse_json(Folder::open(folder).read_text(state_file, Limits{}.json_bytes), state_path);
  const JsonFields fields(saved, state_path);
  check(fields.integer("version", 0, INT32_MAX) == 1, Code::unsupported,
        "{}: version {} of checkpoints is not known", fields.what(), fields.integer("version", 0, INT32_MAX));
  const Json* found = fields.find("signature");
  check(found && found->is_object(), Code::format, "{}: no signature", fields.what());
  const Json own = signature();
  for (const auto& [key, value] : own.items())
    check(found->contains(key) && (*found)[key] == value, Code::mismatch,
          "{}: {}: this run has {}, the checkpoint {}", folder, key, dump_json(value),
          found->contains(key) ? dump_json((*found)[key]) : "none");
  const Json* counters = fields.find("state");
  check(counters && counters->is_object(), Code::format, "{}: no state", fields.what());
  const TrainerState state = from_json(*counters, fields.what());

  // Everything is read into place apart first, so that a damaged file changes nothing.
  const auto file = SafetensorsFile::open(join_path(folder, optimizer_file));
  std::vector<Tensor> buffers, first, second, best;
  const auto allocate = [&](std::vector<Tensor>& list) {
    for (const Tensor& like : training_->buffers()) list.push_back(context_->empty(like.shape()));
  };
  allocate(buffers), allocate(first), allocate(second);
  std::vector<NamedBuffers> groups = {
      {"buffer", &buffers}, {"first_moment", &first}, {"second_moment", &second}};
  if (fields.boolean("has_best")) {
    allocate(best);
    groups.push_back({"best", &best});
  }
  read_buffers(*file, *context_, groups);

  Backend& backend = context_->backend();
  training_->update([&] {
    for (size_t i = 0; i < buffers.size(); ++i) {
      backend.copy(buffers[i].const_view(), training_->buffers()[i].view());
      backend.copy(first[i].const_view(), optimizer_->first_moments()[i].view());
      backend.copy(second[i].const_view(), optimizer_->second_moments()[i].view());
    }
  });
  optimizer_->set_steps(state.applied);
  best_ = std::move(best);
  state_ = state;
  return notes;
}

}  // namespace peft
