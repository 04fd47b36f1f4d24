#include "adapters/config_keys.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"

namespace peft {
namespace {

// PEFT's PeftConfigMixin and PeftConfig. peft_version says which release's keys are written.
constexpr std::array<ConfigKey, 8> common_keys = {{
    {"auto_mapping", "null", true},
    {"base_model_name_or_path", "null", true},
    {"inference_mode", "false", true},
    {"peft_type", "null", true},
    {"peft_version", "\"0.21.2\"", true},
    {"revision", "null", true},
    {"runtime_config", "null", true},
    {"task_type", "null", true},
}};

bool is_empty(const Json& value) {
  return value.is_null() || (value.is_boolean() && !value.get<bool>()) ||
         ((value.is_object() || value.is_array() || value.is_string()) && value.empty());
}

const ConfigKey* find_key(std::span<const ConfigKey> keys, std::string_view key) {
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& each) { return each.key == key; });
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace

void check_config_keys(const JsonFields& config, std::span<const ConfigKey> keys) {
  check(config.object().is_object(), Code::format, "{}: expected a JSON object", config.what());
  for (const auto& [key, value] : config.object().items()) {
    if (find_key(common_keys, key)) continue;
    const ConfigKey* known = find_key(keys, key);
    if (known && known->supported) continue;
    const bool harmless = is_empty(value) || (known && value == Json::parse(known->fallback));
    check(harmless, Code::unsupported, "{}: {} = {} is not supported", config.what(), key, dump_json(value));
  }
  const std::string task = config.string_or("task_type", "CAUSAL_LM");
  check(task == "CAUSAL_LM", Code::unsupported, "{}: task_type '{}' is not supported (CAUSAL_LM)",
        config.what(), task);
}

Json complete_config(std::string_view peft_type, std::span<const ConfigKey> keys, const Json& values) {
  std::map<std::string, Json> all;
  for (const ConfigKey& key : common_keys)
    if (key.key != "runtime_config") all[std::string(key.key)] = Json::parse(key.fallback);
  for (const ConfigKey& key : keys) all[std::string(key.key)] = Json::parse(key.fallback);
  all["peft_type"] = std::string(peft_type);
  all["task_type"] = "CAUSAL_LM";
  for (const auto& [key, value] : values.items()) all[key] = value;
  Json result = Json::object();
  for (auto& [key, value] : all) result[key] = std::move(value);
  return result;
}

}  // namespace peft
