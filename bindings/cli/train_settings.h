// Settings of a training, shared by train and estimate, and the library's option structures made of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api.h"
#include "model_settings.h"

namespace peft_cli {

// How rows become tokens; for every command that reads rows.
struct DataSettings {
  std::string format = "auto", chat_template;
  int64_t max_seq_length = 2048;
  peft_choice mask_prompt = PEFT_CHOICE_AUTO;
  bool append_eos = true;

  void add(Settings& settings);
  Dataset load(const peft_context* context, const peft_tokenizer* tokenizer, const std::string& path) const;
};

struct TrainSettings {
  ModelSettings model;
  DataSettings rows;
  ArithmeticSettings arithmetic;
  std::string data, eval_data, output_dir;
  double epochs = 3;
  int64_t max_steps = 0, batch_size = 2, grad_accum = 4;
  double learning_rate = 2e-4, warmup_ratio = 0.03, weight_decay = 0, max_grad_norm = 1;
  int64_t warmup_steps = 0;
  std::string lr_scheduler = "cosine";
  bool shuffle = true, packing = false, activation_checkpointing = false, keep_best = true;
  std::string activation_memory = "keep", optimizer_memory = "device";
  int64_t seed = 42;
  int64_t eval_steps = 0, save_steps = 50, save_total_limit = 2, early_stopping_patience = 0;

  // The adapter: settings of LoRA, or a config of PEFT's, or one to start from.
  int64_t lora_rank = 16;
  double lora_alpha = 32, lora_dropout = 0;
  std::string target_modules = "all-linear", exclude_modules, modules_to_save, lora_bias = "none",
              lora_init = "default";
  bool use_rslora = false;
  std::string adapter_config, init_adapter;

  void add(Settings& settings);
  // After flags and file are read: fills what follows from other settings. Throws UsageError.
  void resolve(Settings& settings);

  peft_lora_config lora() const;                                      // points into this
  peft_trainer_options trainer(const peft_dataset* eval_rows) const;  // points into this
  // Text of an adapter_config.json that decides the adapter, or nothing where lora() does.
  std::optional<std::string> adapter_config_text() const;
};

// The rows that --data and --eval-data name: a file, or a folder with train, valid and test files.
struct DataFiles {
  std::string train, valid, test;  // empty: not there
};
DataFiles find_data(const std::string& path);

}  // namespace peft_cli
