// The settings of one command: each is a flag, a key of the config file, and a line of the resolved config.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "peft/base.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace peft_cli {

using Json = nlohmann::ordered_json;
using Names = std::vector<std::string>;

// Numbers that a setting may have.
struct Range {
  double low, high;  // may be infinite
  bool above_low = false, below_high = false;
};
constexpr double no_bound = std::numeric_limits<double>::infinity();
constexpr Range any_number{-no_bound, no_bound};

// Flags are --lower-case-with-dashes; config keys the same with underscores. Flags win over the config file.
// Aliases are other spellings of both, such as those of Transformers, PEFT and Axolotl.
class Settings {
 public:
  explicit Settings(CLI::App& command) : command_(command) {}
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  void text(const std::string& name, std::string& value, const std::string& help, const Names& aliases = {});
  void integer(const std::string& name, int64_t& value, int64_t low, int64_t high, const std::string& help,
               const Names& aliases = {});
  void number(const std::string& name, double& value, Range range, const std::string& help,
              const Names& aliases = {});
  // --name and --no-name.
  void flag(const std::string& name, bool& value, const std::string& help, const Names& aliases = {});
  // As flag, PEFT_CHOICE_AUTO until given.
  void choice(const std::string& name, peft_choice& value, const std::string& help,
              const Names& aliases = {});
  // One of the given words.
  void word(const std::string& name, std::string& value, const Names& words, const std::string& help,
            const Names& aliases = {});
  // The flags that every command has: --json, and --config where there is something to configure.
  void common(bool with_config);

  // Spellings made canonical, values joined to their flags. Throws UsageError for an unknown flag, with the
  // nearest one.
  Names canonical(const Names& arguments) const;
  // Reads --config, if it was given, for everything that the command line left open. Throws UsageError.
  void read_config();
  // Whether it was set by flag or file; null in a file sets nothing.
  bool given(const std::string& name) const;
  // The flag names what to do this time: it is no part of the resolved config.
  void leave_out_of_resolved(const std::string& name);
  // Throws UsageError unless every one of the names is given.
  void require(const Names& names) const;
  // All settings as they are now, for the output folder.
  Json resolved() const;
  bool json() const { return json_; }

 private:
  struct Setting {
    std::string name;  // canonical flag without dashes before it
    bool takes_value = true;
    bool in_config = true;
    bool in_resolved = true;
    std::function<void(const std::string&)>
        set;  // throws UsageError without the name, which flag and file spell
    std::function<Json()> get;
    CLI::Option* option = nullptr;
  };
  Setting& add(Setting setting, const std::string& help, const Names& aliases);
  const Setting* find(const std::string& spelling, bool* negated) const;
  size_t index_of(const std::string& name) const;
  const Setting& at(const std::string& name) const { return settings_[index_of(name)]; }
  std::string nearest(const std::string& spelling) const;

  CLI::App& command_;
  std::vector<Setting> settings_;
  std::map<std::string, std::string> canonical_;  // spelling -> name
  std::set<std::string> from_file_;               // those that are not null
  std::string config_;
  bool json_ = false;
};

}  // namespace peft_cli
