#include "adapters/targets.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "text/pattern.h"

namespace peft {
namespace {

bool ends_with_name(const std::string& path, const std::string& name) {
  return path == name ||
         (path.size() > name.size() && path.ends_with(name) && path[path.size() - name.size() - 1] == '.');
}

NameSet name_set(const JsonFields& config, std::string_view key) {
  NameSet set;
  const Json* value = config.find(key);
  if (!value) return set;
  if (value->is_string()) {
    set.is_pattern = true;
    set.names = {config.string(key)};
    if (set.names[0].empty()) set.names.clear();
  } else {
    set.names = *config.strings(key);
  }
  return set;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// PEFT leaves modules alone that are saved whole: any part of the path is an entry.
bool is_saved(const std::vector<std::string>& saved, const std::string& path) {
  const std::string dotted = "." + path + ".";
  return std::any_of(saved.begin(), saved.end(), [&](const std::string& name) {
    return dotted.find("." + name + ".") != std::string::npos;
  });
}

// PEFT compares plain endings, of the module's own path and of those around it.
bool names_it_or_what_is_around(const std::string& name, const std::string& path) {
  if (name.empty()) return false;
  for (size_t end = path.size(); end != std::string::npos && end > 0; end = path.rfind('.', end - 1))
    if (std::string_view(path).substr(0, end).ends_with(name)) return true;
  return false;
}

bool layer_allowed(const TargetRules& rules, const Module& module) {
  if (!rules.layers || rules.layers->empty()) return true;
  if (module.layer < 0) return false;
  if (!rules.layers_patterns.empty()) {
    const auto fits = [&](const std::string& pattern) {
      return Pattern(fmt::format("(?:.*?\\.)?(?:{})\\.{}\\..*", pattern, module.layer))
          .full_match(module.path);
    };
    if (std::none_of(rules.layers_patterns.begin(), rules.layers_patterns.end(), fits)) return false;
  }
  return std::find(rules.layers->begin(), rules.layers->end(), module.layer) != rules.layers->end();
}

std::string examples(const Layout& layout) {
  std::set<std::string> names;
  for (const Module& module : layout.modules)
    if (module.kind == ModuleKind::linear) names.insert(module.path.substr(module.path.rfind('.') + 1));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

TargetRules target_rules(const JsonFields& config, std::vector<std::string> defaults) {
  TargetRules rules;
  rules.targets = name_set(config, "target_modules");
  if (rules.targets.is_pattern && lower(rules.targets.names[0]) == "all-linear") {
    rules.all_linear = true;
  } else if (rules.targets.empty()) {
    check(!config.has("target_modules"), Code::invalid_argument, "{}: target_modules is empty",
          config.what());
    rules.targets.names = std::move(defaults);
  }
  rules.exclude = name_set(config, "exclude_modules");
  rules.modules_to_save = config.strings("modules_to_save").value_or(std::vector<std::string>{});
  if (const Json* layers = config.find("layers_to_transform")) {
    rules.layers.emplace();
    const Json list = layers->is_array() ? *layers : Json::array({*layers});
    for (const Json& layer : list) {
      check(layer.is_number_integer(), Code::format, "{}: layers_to_transform: expected integers, found {}",
            config.what(), dump_json(layer));
      rules.layers->push_back(layer.get<int64_t>());
    }
    check(rules.layers->empty() || !rules.targets.is_pattern, Code::invalid_argument,
          "{}: layers_to_transform needs target_modules as a list of names, found a single string",
          config.what());
  }
  const NameSet patterns = name_set(config, "layers_pattern");
  rules.layers_patterns = patterns.names;
  check(rules.layers_patterns.empty() || rules.layers, Code::invalid_argument,
        "{}: layers_pattern needs layers_to_transform", config.what());
  return rules;
}

bool matches(const NameSet& set, const std::string& path) {
  if (set.empty()) return false;
  if (set.is_pattern) return Pattern(set.names[0]).full_match(path);
  return std::any_of(set.names.begin(), set.names.end(),
                     [&](const std::string& name) { return ends_with_name(path, name); });
}

std::vector<int32_t> resolve_targets(const TargetRules& rules, const Layout& layout, const std::string& what,
                                     TargetKinds kinds) {
  std::vector<int32_t> chosen;
  std::string refused;
  bool excluded = false;
  for (size_t i = 0; i < layout.modules.size(); ++i) {
    const Module& module = layout.modules[i];
    const bool named =
        rules.all_linear ? module.kind == ModuleKind::linear : matches(rules.targets, module.path);
    if (!named) continue;
    if (matches(rules.exclude, module.path) || is_saved(rules.modules_to_save, module.path)) {
      excluded = true;
      continue;
    }
    // A whole path needs no other permission.
    const bool exact = !rules.targets.is_pattern &&
                       std::find(rules.targets.names.begin(), rules.targets.names.end(), module.path) !=
                           rules.targets.names.end();
    if (!exact && !layer_allowed(rules, module)) continue;
    const bool fits = module.kind == ModuleKind::linear || module.kind == ModuleKind::head ||
                      (module.kind == ModuleKind::embedding && kinds == TargetKinds::linear_or_embedding);
    if (!fits) refused += (refused.empty() ? "'" : ", '") + module.path + "'";
    chosen.push_back(static_cast<int32_t>(i));
  }
  check(refused.empty(), Code::unsupported, "{}: target_modules names {}, which is no {}", what, refused,
        kinds == TargetKinds::linear ? "linear layer" : "linear layer and no embedding");
  check(!chosen.empty(), Code::mismatch,
        "{}: target_modules {} match no module{}; linear layers here are named {}", what,
        rules.targets.is_pattern ? "'" + rules.targets.names[0] + "'"
                                 : fmt::format("[{}]", fmt::join(rules.targets.names, ", ")),
        excluded ? " that is not excluded" : "", examples(layout));
  return chosen;
}

std::vector<int32_t> resolve_saved(const std::vector<std::string>& names, const Layout& layout,
                                   const std::string& what) {
  std::vector<int32_t> saved;
  std::vector<bool> used(names.size(), false);
  for (size_t i = 0; i < layout.modules.size(); ++i) {
    bool found = false;
    for (size_t n = 0; n < names.size(); ++n) {
      if (!names_it_or_what_is_around(names[n], layout.modules[i].path)) continue;
      used[n] = found = true;
    }
    if (found) saved.push_back(static_cast<int32_t>(i));
  }
  for (size_t n = 0; n < names.size(); ++n)
    check(used[n], Code::mismatch, "{}: modules_to_save: '{}' matches no module", what, names[n]);
  return saved;
}

std::vector<std::string> shortest_names(const std::vector<int32_t>& chosen, const Layout& layout) {
  std::set<int32_t> wanted(chosen.begin(), chosen.end());
  std::set<std::string> names;
  for (const int32_t index : chosen) {
    const std::string& path = layout.modules[static_cast<size_t>(index)].path;
    // Grow the suffix until it names chosen modules only.
    size_t begin = path.size();
    std::string name;
    bool exact = false;
    while (!exact && begin > 0) {
      begin = path.rfind('.', begin - 1);
      begin = begin == std::string::npos ? 0 : begin;
      name = path.substr(begin == 0 ? 0 : begin + 1);
      exact = true;
      for (size_t i = 0; i < layout.modules.size(); ++i)
        if (ends_with_name(layout.modules[i].path, name) && !wanted.contains(static_cast<int32_t>(i)))
          exact = false;
    }
    names.insert(name);
  }
  return {names.begin(), names.end()};
}

}  // namespace peft
