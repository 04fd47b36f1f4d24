// Which modules an adapter's configuration names, by the rules of PEFT (tuners_utils.py,
// check_target_module_exists).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "nn/module.h"

namespace peft {

// A setting that PEFT takes as one string (a full-match pattern) or as a list of names.
struct NameSet {
  bool is_pattern = false;
  std::vector<std::string> names;  // one entry when it is a pattern
  bool empty() const { return names.empty(); }
};

struct TargetRules {
  NameSet targets;  // empty: the family's defaults
  bool all_linear = false;
  NameSet exclude;
  std::vector<std::string> modules_to_save;
  std::optional<std::vector<int64_t>> layers;  // layers_to_transform
  std::vector<std::string> layers_patterns;
};

// target_modules, exclude_modules, modules_to_save, layers_to_transform and layers_pattern of a config.
TargetRules target_rules(const JsonFields& config, std::vector<std::string> defaults);

// Which modules a method can adapt.
enum class TargetKinds : uint8_t { linear, linear_or_embedding };

// Indices of the modules that the rules choose, ascending. No match is Code::mismatch and says what there is;
// a module of another kind is Code::unsupported.
std::vector<int32_t> resolve_targets(const TargetRules& rules, const Layout& layout, const std::string& what,
                                     TargetKinds kinds = TargetKinds::linear);

// Indices of the modules that modules_to_save names: any module whose path, or that of a module around it
// ("model.layers.0.mlp"), ends with an entry. An entry that names none is Code::mismatch.
std::vector<int32_t> resolve_saved(const std::vector<std::string>& names, const Layout& layout,
                                   const std::string& what);

// True when `path` equals a name or ends with ".name", or matches the pattern in full.
bool matches(const NameSet& set, const std::string& path);

// The shortest list of names that chooses exactly `chosen` among the linear modules and the head: what is
// written as target_modules.
std::vector<std::string> shortest_names(const std::vector<int32_t>& chosen, const Layout& layout);

}  // namespace peft
