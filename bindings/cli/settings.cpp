#include "settings.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "api.h"
#include "config_file.h"
#include "nearest.h"

namespace peft_cli {
namespace {

// Spellings differ in case-insensitive dashes and underscores only.
std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

std::string underscored(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

template <typename Number>
bool parse(const std::string& text, Number& value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return !text.empty() && result.ec == std::errc() && result.ptr == end;
}

bool parse_bool(const std::string& text) {
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "1") return true;
  if (lower == "false" || lower == "no" || lower == "off" || lower == "0") return false;
  throw UsageError(fmt::format("expected true or false, found '{}'", text));
}

bool holds(const Range& range, double value) {
  return (range.above_low ? value > range.low : value >= range.low) &&
         (range.below_high ? value < range.high : value <= range.high);
}

// "a number", "a number above 0", "a number from 0 to 1".
std::string text_of(const Range& range) {
  if (range.low == -no_bound && range.high == no_bound) return "a number";
  const char* low = range.above_low ? "above" : range.high == no_bound ? "of at least" : "from";
  const std::string from = fmt::format("a number {} {}", low, range.low);
  if (range.high == no_bound) return from;
  return fmt::format("{}{} {}", from,
                     range.below_high  ? " to below"
                     : range.above_low ? " up to"
                                       : " to",
                     range.high);
}

// What `body` throws, with the name of what it is about before it.
template <typename Body>
auto naming(const std::string& name, Body body) {
  try {
    return body();
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}: {}", name, error.what()));
  }
}

}  // namespace

Settings::Setting& Settings::add(Setting setting, const std::string& help, const Names& aliases) {
  for (const std::string& alias : aliases) canonical_[dashed(alias)] = setting.name;
  canonical_[setting.name] = setting.name;
  const std::string flag = "--" + setting.name;
  // canonical() always writes --name=VALUE, --name=true or --name=false.
  const auto set = [flag, inner = setting.set](const std::string& text) {
    naming(flag, [&] { inner(text); });
  };
  setting.option = command_.add_option_function<std::string>(flag, set, help);
  setting.option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  if (setting.takes_value) {
    const Json value = setting.get();
    if (!value.is_null() && value != "") {
      const std::string shown = value.is_string() ? value.get<std::string>() : value.dump();
      setting.option->default_str(shown);
    }
  } else {
    setting.option->type_name("")->default_str("");
  }
  settings_.push_back(std::move(setting));
  return settings_.back();
}

void Settings::text(const std::string& name, std::string& value, const std::string& help,
                    const Names& aliases) {
  Setting setting;
  setting.name = name;
  setting.set = [&value](const std::string& text) { value = text; };
  setting.get = [&value] { return value.empty() ? Json() : Json(value); };
  add(std::move(setting), help, aliases);
}

void Settings::integer(const std::string& name, int64_t& value, int64_t low, int64_t high,
                       const std::string& help, const Names& aliases) {
  Setting setting;
  setting.name = name;
  setting.set = [&value, low, high](const std::string& text) {
    int64_t parsed = 0;
    if (!parse(text, parsed)) throw UsageError(fmt::format("expected a whole number, found '{}'", text));
    if (parsed < low || parsed > high)
      throw UsageError(fmt::format("expected a number from {} to {}, found {}", low, high, parsed));
    value = parsed;
  };
  setting.get = [&value] { return Json(value); };
  add(std::move(setting), help, aliases).option->type_name("N");
}

void Settings::number(const std::string& name, double& value, Range range, const std::string& help,
                      const Names& aliases) {
  Setting setting;
  setting.name = name;
  setting.set = [&value, range](const std::string& text) {
    double parsed = 0;
    if (!parse(text, parsed) || !std::isfinite(parsed) || !holds(range, parsed))
      throw UsageError(fmt::format("expected {}, found '{}'", text_of(range), text));
    value = parsed;
  };
  setting.get = [&value] { return Json(value); };
  add(std::move(setting), help, aliases).option->type_name("X");
}

void Settings::flag(const std::string& name, bool& value, const std::string& help, const Names& aliases) {
  Setting setting;
  setting.name = name;
  setting.takes_value = false;
  setting.set = [&value](const std::string& text) { value = parse_bool(text); };
  setting.get = [&value] { return Json(value); };
  add(std::move(setting), help + (value ? " (default; --no-" + name + " turns it off)" : ""), aliases);
}

void Settings::choice(const std::string& name, peft_choice& value, const std::string& help,
                      const Names& aliases) {
  Setting setting;
  setting.name = name;
  setting.takes_value = false;
  setting.set = [&value](const std::string& text) {
    value = parse_bool(text) ? PEFT_CHOICE_YES : PEFT_CHOICE_NO;
  };
  setting.get = [&value] { return value == PEFT_CHOICE_AUTO ? Json() : Json(value == PEFT_CHOICE_YES); };
  add(std::move(setting), help + " (or --no-" + name + ")", aliases);
}

void Settings::word(const std::string& name, std::string& value, const Names& words, const std::string& help,
                    const Names& aliases) {
  Setting setting;
  setting.name = name;
  setting.set = [&value, words](const std::string& text) {
    if (std::find(words.begin(), words.end(), text) == words.end())
      throw UsageError(fmt::format("expected one of {}, found '{}'", fmt::join(words, ", "), text));
    value = text;
  };
  setting.get = [&value] { return Json(value); };
  add(std::move(setting), fmt::format("{}: {}", help, fmt::join(words, ", ")), aliases)
      .option->type_name("WORD");
}

void Settings::common(bool with_config) {
  flag("json", json_, "the result as JSON, alone on stdout; messages go to stderr");
  settings_.back().in_config = false;
  if (!with_config) return;
  text("config", config_, "YAML or JSON file with settings; flags win over it", {"c"});
  settings_.back().in_config = false;
}

const Settings::Setting* Settings::find(const std::string& spelling, bool* negated) const {
  *negated = false;
  auto found = canonical_.find(spelling);
  if (found == canonical_.end() && spelling.starts_with("no-")) {
    found = canonical_.find(spelling.substr(3));
    if (found == canonical_.end() || at(found->second).takes_value) return nullptr;
    *negated = true;
  }
  return found == canonical_.end() ? nullptr : &at(found->second);
}

size_t Settings::index_of(const std::string& name) const {
  for (size_t i = 0; i < settings_.size(); ++i)
    if (settings_[i].name == name) return i;
  throw CommandError("there is no setting " + name);
}

void Settings::leave_out_of_resolved(const std::string& name) {
  settings_[index_of(name)].in_resolved = false;
}

std::string Settings::nearest(const std::string& spelling) const {
  Names known;
  for (const auto& [name, canonical] : canonical_) known.push_back(name);
  return nearest_word(spelling, known);
}

Names Settings::canonical(const Names& arguments) const {
  Names result;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "-c" || argument == "-h") {
      if (argument == "-h" || !canonical_.contains("config")) {
        result.push_back(argument);
        continue;
      }
    } else if (!argument.starts_with("--") || argument == "--help") {
      result.push_back(argument);
      continue;
    }
    const size_t equals = argument.find('=');
    const size_t dashes = argument.starts_with("--") ? 2 : 1;
    const std::string spelling =
        dashed(argument.substr(dashes, equals == argument.npos ? equals : equals - dashes));
    bool negated = false;
    const Setting* setting = find(spelling, &negated);
    if (!setting) {
      const std::string near = nearest(spelling);
      throw UsageError(fmt::format("unknown option --{}{}", spelling,
                                   near.empty() ? "; see --help" : "; did you mean --" + near + "?"));
    }
    std::string value;
    if (equals != argument.npos) {
      value = argument.substr(equals + 1);
    } else if (!setting->takes_value) {
      value = "true";
    } else {
      bool unused = false;
      const bool is_flag = i + 1 < arguments.size() && arguments[i + 1].starts_with("--") &&
                           find(dashed(arguments[i + 1].substr(2)), &unused);
      if (i + 1 >= arguments.size() || is_flag)
        throw UsageError(fmt::format("--{} needs a value", setting->name));
      value = arguments[++i];
    }
    if (negated)
      value = naming("--no-" + setting->name, [&] { return parse_bool(value); }) ? "false" : "true";
    result.push_back("--" + setting->name + "=" + value);
  }
  return result;
}

void Settings::read_config() {
  if (config_.empty()) return;
  std::set<std::string> seen;
  for (const ConfigEntry& entry : read_config_file(config_)) {
    bool negated = false;
    const std::string place = entry.line > 0 ? fmt::format("{}:{}", config_, entry.line) : config_;
    const Setting* setting = find(dashed(entry.key), &negated);
    if (!setting || !setting->in_config) {
      const std::string near = nearest(dashed(entry.key));
      throw UsageError(fmt::format("{}: unknown key '{}'{}", place, entry.key,
                                   near.empty() ? "" : "; did you mean '" + underscored(near) + "'?"));
    }
    if (!seen.insert(setting->name).second)
      throw UsageError(fmt::format("{}: key '{}' stands there twice", place, underscored(setting->name)));
    if (!entry.value) continue;
    from_file_.insert(setting->name);
    if (setting->option->count() > 0) continue;
    naming(place + ": " + entry.key,
           [&] { setting->set(negated ? (parse_bool(*entry.value) ? "false" : "true") : *entry.value); });
  }
}

bool Settings::given(const std::string& name) const {
  return at(name).option->count() > 0 || from_file_.contains(name);
}

void Settings::require(const Names& names) const {
  for (const std::string& name : names) {
    const Json value = at(name).get();
    if (value.is_null() || value == "")
      throw UsageError(fmt::format("--{} is missing; see peft {} --help", name, command_.get_name()));
  }
}

Json Settings::resolved() const {
  Json result = Json::object();
  for (const Setting& setting : settings_)
    if (setting.in_config && setting.in_resolved) result[underscored(setting.name)] = setting.get();
  return result;
}

}  // namespace peft_cli
