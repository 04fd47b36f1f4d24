// Config files: one flat YAML or JSON mapping.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace peft_cli {

struct ConfigEntry {
  std::string key;
  std::optional<std::string> value;  // as a flag would be given; lists are joined by commas; null is nothing
  int line = 0;                      // from 1; 0: unknown
};

// Throws UsageError naming file and line for anything that is not a flat mapping, CommandError when the file
// cannot be read.
std::vector<ConfigEntry> read_config_file(const std::string& path);

}  // namespace peft_cli
