// Strict reading and complete writing of adapter_config.json: every key of PEFT's class, with its default.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json.h"

namespace peft {

struct ConfigKey {
  std::string_view key;
  std::string_view fallback;  // PEFT's default, as JSON text
  bool supported;             // false: only the default may be given
};

// Throws Code::unsupported naming the key: for an unsupported key with another value than its default, and
// for a key that PEFT's class does not have with a value that is not null, false or empty. Common keys
// (peft_type, task_type, revision,
// ...) are known here; a task other than causal language modelling is refused.
void check_config_keys(const JsonFields& config, std::span<const ConfigKey> keys);

// All keys of the class with their defaults and the common keys, sorted as PEFT writes them, overlaid with
// `values`.
Json complete_config(std::string_view peft_type, std::span<const ConfigKey> keys, const Json& values);

}  // namespace peft
