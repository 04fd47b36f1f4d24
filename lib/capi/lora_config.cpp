#include "capi/lora_config.h"

#include <cmath>

#include "capi/structs.h"

namespace peft::capi {
namespace {

Json pattern_json(const char* text, const char* what, const Limits& limits) {
  if (!text) return Json::object();
  Json json = parse_json(read_string(text, what, 1 << 20), what, limits);
  check(json.is_object(), Code::format, "{}: expected a JSON object, found {}", what, json.type_name());
  return json;
}

Json targets_of(const peft_lora_config& config) {
  check_range<int>(config.target_kind, PEFT_TARGET_AUTO, PEFT_TARGET_DEFAULTS, "target_kind");
  if (config.target_kind == PEFT_TARGET_DEFAULTS ||
      (config.target_kind == PEFT_TARGET_AUTO && !config.target_modules))
    return nullptr;
  const std::string text = read_string(config.target_modules, "target_modules", 1 << 20);
  if (config.target_kind == PEFT_TARGET_REGEX) return text;
  if (config.target_kind == PEFT_TARGET_AUTO && text == "all-linear") return text;
  const std::vector<std::string> names = split_list(text.c_str(), "target_modules");
  check(!names.empty(), Code::invalid_argument, "target_modules names nothing");
  return names;
}

}  // namespace

peft_lora_config lora_defaults() {
  peft_lora_config config{};
  config.struct_size = sizeof config;
  config.r = 16;
  config.lora_alpha = 32;
  config.target_modules = "all-linear";
  config.seed = 42;
  return config;
}

Json lora_json_of(const peft_lora_config& config, const Limits& limits) {
  check_flag(config.use_rslora, "use_rslora");
  check_flag(config.exclude_is_regex, "exclude_is_regex");
  check_range<int>(config.r, 1, 65536, "r");
  check(std::isfinite(config.lora_alpha), Code::invalid_argument, "lora_alpha is not finite");
  check(config.lora_dropout >= 0 && config.lora_dropout < 1, Code::invalid_argument,
        "lora_dropout must be at least 0 and below 1, not {}", config.lora_dropout);
  check_range<int>(config.bias, PEFT_LORA_BIAS_NONE, PEFT_LORA_BIAS_LORA_ONLY, "bias");
  check_range<int>(config.init_lora_weights, PEFT_LORA_INIT_DEFAULT, PEFT_LORA_INIT_NONE,
                   "init_lora_weights");
  check_range(config.layers_to_transform_count, 0, 65536, "layers_to_transform_count");
  check(config.layers_to_transform != nullptr || config.layers_to_transform_count == 0,
        Code::invalid_argument, "layers_to_transform is NULL but its count is {}",
        config.layers_to_transform_count);
  Json json = Json::object();
  json["peft_type"] = "LORA";
  json["task_type"] = "CAUSAL_LM";
  json["r"] = config.r;
  // PEFT has whole numbers here as a rule; keep them looking so.
  if (config.lora_alpha == std::floor(config.lora_alpha) && std::abs(config.lora_alpha) < 1e15)
    json["lora_alpha"] = static_cast<int64_t>(config.lora_alpha);
  else
    json["lora_alpha"] = config.lora_alpha;
  json["lora_dropout"] = config.lora_dropout;
  json["use_rslora"] = config.use_rslora != 0;
  constexpr const char* biases[] = {"none", "all", "lora_only"};
  json["bias"] = biases[static_cast<int>(config.bias)];
  if (config.init_lora_weights == PEFT_LORA_INIT_GAUSSIAN)
    json["init_lora_weights"] = "gaussian";
  else
    json["init_lora_weights"] = config.init_lora_weights == PEFT_LORA_INIT_DEFAULT;
  json["target_modules"] = targets_of(config);
  if (config.exclude_modules) {
    if (config.exclude_is_regex)
      json["exclude_modules"] = read_string(config.exclude_modules, "exclude_modules");
    else
      json["exclude_modules"] = split_list(config.exclude_modules, "exclude_modules");
  }
  if (config.layers_to_transform_count > 0) {
    json["layers_to_transform"] = std::vector<int32_t>(
        config.layers_to_transform, config.layers_to_transform + config.layers_to_transform_count);
  }
  if (config.layers_pattern) json["layers_pattern"] = split_list(config.layers_pattern, "layers_pattern");
  json["rank_pattern"] = pattern_json(config.rank_pattern, "rank_pattern", limits);
  json["alpha_pattern"] = pattern_json(config.alpha_pattern, "alpha_pattern", limits);
  if (config.modules_to_save) json["modules_to_save"] = split_list(config.modules_to_save, "modules_to_save");
  return json;
}

}  // namespace peft::capi
