#include "train_settings.h"

#include <limits>

#include <fmt/format.h>

#include "files.h"
#include "interrupt.h"

namespace peft_cli {
namespace {

constexpr int64_t any = std::numeric_limits<int64_t>::max();
constexpr int64_t most = std::numeric_limits<int32_t>::max();
constexpr size_t maximum_config_bytes = 1 << 20;

struct FormatRow {
  const char* name;
  peft_data_format format;
};
constexpr FormatRow formats[] = {
    {"auto", PEFT_DATA_AUTO},
    {"chat", PEFT_DATA_CHAT},
    {"instruction", PEFT_DATA_INSTRUCTION},
    {"prompt-completion", PEFT_DATA_PROMPT_COMPLETION},
    {"text", PEFT_DATA_TEXT},
    {"plain", PEFT_DATA_PLAIN},
    {"tokens", PEFT_DATA_TOKENS},
};

peft_schedule schedule_of(const std::string& word) {
  if (word == "linear") return PEFT_SCHEDULE_LINEAR;
  return word == "cosine" ? PEFT_SCHEDULE_COSINE : PEFT_SCHEDULE_CONSTANT;
}

std::string first_file(const std::string& folder, const Names& stems) {
  for (const std::string& stem : stems)
    for (const char* ending : {".jsonl", ".json", ".txt"})
      if (std::string path = join(folder, stem + ending); is_file(path)) return path;
  return "";
}

}  // namespace

void DataSettings::add(Settings& settings) {
  Names words;
  for (const FormatRow& row : formats) words.push_back(row.name);
  settings.word("data-format", format, words, "form of the rows", {"dataset_format"});
  settings.text("chat-template", chat_template, "file with a Jinja template instead of the tokenizer's own");
  settings.integer("max-seq-length", max_seq_length, 0, 1 << 20, "longer rows are cut; 0: never",
                   {"max_seq_len", "max_length", "sequence_len", "cutoff_len", "model_max_length"});
  settings.choice("mask-prompt", mask_prompt, "loss on answers alone; default: yes but for text rows",
                  {"completion_only_loss", "assistant_only_loss"});
  settings.flag("append-eos", append_eos, "text and completion rows end with the end of sequence");
}

Dataset DataSettings::load(const peft_context* context, const peft_tokenizer* tokenizer,
                           const std::string& path) const {
  auto options = defaults(peft_dataset_options_init);
  for (const FormatRow& row : formats)
    if (format == row.name) options.format = row.format;
  options.max_seq_len = max_seq_length;
  options.completion_only = mask_prompt;
  options.append_eos = append_eos;
  std::string text;
  if (!chat_template.empty()) text = read_file(chat_template, maximum_config_bytes);
  options.chat_template = text.empty() ? nullptr : text.c_str();
  options.cancel = interrupt_token();
  return make<Dataset>(peft_dataset_from_file, context, tokenizer, path.c_str(), &options);
}

void TrainSettings::add(Settings& s) {
  model.add(s);
  s.text("data", data, "rows to train on: a file, or a folder with train, valid and test .jsonl",
         {"d", "dataset", "train_data", "train_file", "data_path", "dataset_path"});
  s.text("eval-data", eval_data, "rows to evaluate on; default: valid.jsonl of the folder",
         {"valid_data", "validation_data", "eval_file", "validation_file", "eval_dataset"});
  s.text("output-dir", output_dir, "folder for adapter, tokenizer, checkpoints and metrics", {"o", "output"});
  s.text("init-adapter", init_adapter, "adapter folder to start from, with its own rank, alpha and targets");
  s.text("adapter-config", adapter_config, "adapter_config.json of PEFT's that decides method and settings");
  s.integer("lora-rank", lora_rank, 1, 65536, "rank of LoRA", {"r", "lora_r", "rank"});
  s.number("lora-alpha", lora_alpha, any_number, "LoRA's effect is alpha / rank", {"alpha"});
  s.number("lora-dropout", lora_dropout, {0, 1, false, true}, "dropout before LoRA", {"dropout"});
  s.text("target-modules", target_modules, "all-linear, a list of names by commas, or a pattern",
         {"lora_target_modules", "lora_target", "lora_modules"});
  s.text("exclude-modules", exclude_modules, "names by commas that stay as they are");
  s.text("modules-to-save", modules_to_save, "names by commas of modules that are trained whole",
         {"lora_modules_to_save"});
  s.word("lora-bias", lora_bias, {"none", "all", "lora_only"}, "biases that train", {"bias"});
  s.word("lora-init", lora_init, {"default", "gaussian", "none"}, "first values", {"init_lora_weights"});
  s.flag("use-rslora", use_rslora, "LoRA's effect is alpha / sqrt(rank)", {"rslora", "peft_use_rslora"});
  s.number("epochs", epochs, {0, no_bound, true}, "passes over the rows", {"num_train_epochs", "num_epochs"});
  s.integer("max-steps", max_steps, 0, any, "train so many steps, whatever epochs says",
            {"iters", "max_iters"});
  s.integer("batch-size", batch_size, 1, most, "rows of a micro-batch",
            {"per_device_train_batch_size", "micro_batch_size", "train_batch_size"});
  s.integer("grad-accum", grad_accum, 1, most, "micro-batches of a step",
            {"gradient_accumulation_steps", "grad_accumulation_steps"});
  s.number("learning-rate", learning_rate, {0, 1e6}, "highest learning rate", {"lr"});
  s.word("lr-scheduler", lr_scheduler, {"constant", "constant_with_warmup", "linear", "cosine"},
         "learning rate", {"lr_scheduler_type", "lr_schedule"});
  s.number("warmup-ratio", warmup_ratio, {0, 1}, "share of the steps in which the learning rate rises");
  s.integer("warmup-steps", warmup_steps, 0, any, "number of these steps instead");
  s.number("weight-decay", weight_decay, {0, 1e6}, "AdamW's decoupled decay");
  s.number("max-grad-norm", max_grad_norm, {0, no_bound}, "gradients are scaled down to this norm; 0: never",
           {"gradient_clipping", "max_gradient_norm"});
  rows.add(s);
  s.flag("packing", packing, "short rows share a sequence", {"sample_packing", "pack"});
  s.flag("shuffle", shuffle, "a new order of rows in each epoch");
  s.flag("activation-checkpointing", activation_checkpointing, "less memory, about a third more time",
         {"gradient_checkpointing", "grad_checkpoint"});
  s.word("activation-memory", activation_memory, {"keep", "checkpoint", "offload", "auto"},
         "what a step keeps for its gradients: all, layer inputs, those in host memory, or what fits");
  s.word("optimizer-memory", optimizer_memory, {"device", "host", "auto"},
         "memory of AdamW's moments: the device's, the host's, or what fits");
  arithmetic.add_compute_dtype(s);
  s.integer("eval-steps", eval_steps, 0, any, "evaluate every so many steps; default: as save-steps");
  s.integer("save-steps", save_steps, 0, any, "checkpoint every so many steps; 0: never", {"save_every"});
  s.integer("save-total-limit", save_total_limit, 0, most, "newest checkpoints that are kept; 0: all");
  s.flag("keep-best", keep_best, "end with the values of the lowest evaluation loss",
         {"load_best_model_at_end"});
  s.integer("early-stopping-patience", early_stopping_patience, 0, most,
            "stop after so many evaluations without a lower loss; 0: never");
  s.integer("seed", seed, 0, any, "of the rows' order, first values and dropout");
}

void TrainSettings::resolve(Settings& settings) {
  if (!init_adapter.empty() && !adapter_config.empty())
    throw UsageError("--init-adapter and --adapter-config: only one can decide the adapter");
  if (!init_adapter.empty() || !adapter_config.empty()) {
    for (const char* name : {"lora-rank", "lora-alpha", "lora-dropout", "target-modules", "use-rslora",
                             "lora-bias", "lora-init", "exclude-modules", "modules-to-save"}) {
      if (settings.given(name))
        throw UsageError(fmt::format("--{}: the adapter's settings come from --{}", name,
                                     init_adapter.empty() ? "adapter-config" : "init-adapter"));
      settings.leave_out_of_resolved(name);
    }
  }
  if (activation_checkpointing) {
    if (settings.given("activation-memory") && activation_memory != "checkpoint")
      throw UsageError("--activation-checkpointing and --activation-memory " + activation_memory +
                       ": only one can decide");
    activation_memory = "checkpoint";
  }
  // Transformers' "constant" has no warm-up; whoever names one gets it.
  if (lr_scheduler == "constant" && !settings.given("warmup-ratio")) warmup_ratio = 0;
  if (!settings.given("eval-steps")) eval_steps = save_steps;
}

peft_lora_config TrainSettings::lora() const {
  auto config = defaults(peft_lora_config_init);
  config.r = static_cast<int32_t>(lora_rank);
  config.lora_alpha = lora_alpha;
  config.lora_dropout = lora_dropout;
  config.use_rslora = use_rslora;
  config.bias = lora_bias == "all"         ? PEFT_LORA_BIAS_ALL
                : lora_bias == "lora_only" ? PEFT_LORA_BIAS_LORA_ONLY
                                           : PEFT_LORA_BIAS_NONE;
  config.init_lora_weights = lora_init == "gaussian" ? PEFT_LORA_INIT_GAUSSIAN
                             : lora_init == "none"   ? PEFT_LORA_INIT_NONE
                                                     : PEFT_LORA_INIT_DEFAULT;
  // A name has no such signs, a pattern nearly always one.
  if (target_modules.find_first_of("\\*+?()[]|^$") != std::string::npos)
    config.target_kind = PEFT_TARGET_REGEX;
  config.target_modules = target_modules.c_str();
  config.exclude_modules = exclude_modules.empty() ? nullptr : exclude_modules.c_str();
  config.modules_to_save = modules_to_save.empty() ? nullptr : modules_to_save.c_str();
  config.seed = seed;
  return config;
}

peft_trainer_options TrainSettings::trainer(const peft_dataset* eval_rows) const {
  auto options = defaults(peft_trainer_options_init);
  options.batch_size = static_cast<int32_t>(batch_size);
  options.gradient_accumulation_steps = static_cast<int32_t>(grad_accum);
  options.schedule = schedule_of(lr_scheduler);
  options.epochs = epochs;
  options.max_steps = max_steps;
  options.learning_rate = learning_rate;
  options.warmup_ratio = warmup_ratio;
  options.warmup_steps = warmup_steps;
  options.weight_decay = weight_decay;
  options.max_grad_norm = max_grad_norm;
  options.seed = seed;
  options.shuffle = shuffle;
  options.packing = packing;
  options.activation_checkpointing = activation_memory == "checkpoint" ? PEFT_ACTIVATION_CHECKPOINT
                                     : activation_memory == "offload"  ? PEFT_ACTIVATION_OFFLOAD
                                     : activation_memory == "auto"     ? PEFT_ACTIVATION_AUTO
                                                                       : PEFT_ACTIVATION_KEEP;
  options.optimizer_placement = optimizer_memory == "host"   ? PEFT_PLACEMENT_HOST
                                : optimizer_memory == "auto" ? PEFT_PLACEMENT_AUTO
                                                             : PEFT_PLACEMENT_DEVICE;
  options.compute_dtype = arithmetic.dtype();
  options.eval_dataset = eval_rows;
  options.eval_steps = eval_rows ? eval_steps : 0;
  options.save_steps = output_dir.empty() ? 0 : save_steps;
  options.save_total_limit = static_cast<int32_t>(save_total_limit);
  options.keep_best = keep_best;
  options.early_stopping_patience = eval_rows ? static_cast<int32_t>(early_stopping_patience) : 0;
  options.output_dir = output_dir.empty() ? nullptr : output_dir.c_str();
  return options;
}

std::optional<std::string> TrainSettings::adapter_config_text() const {
  if (!adapter_config.empty()) return read_file(adapter_config, maximum_config_bytes);
  if (!init_adapter.empty())
    return read_file(join(init_adapter, "adapter_config.json"), maximum_config_bytes);
  return std::nullopt;
}

DataFiles find_data(const std::string& path) {
  if (!is_folder(path)) return {path, "", ""};
  DataFiles files;
  files.train = first_file(path, {"train"});
  files.valid = first_file(path, {"valid", "validation", "val", "eval", "dev"});
  files.test = first_file(path, {"test"});
  if (files.train.empty() && files.valid.empty() && files.test.empty())
    throw CommandError(
        fmt::format("{}: expected train.jsonl, valid.jsonl or test.jsonl in the folder", path));
  return files;
}

}  // namespace peft_cli
