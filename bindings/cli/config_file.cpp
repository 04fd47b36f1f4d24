#include "config_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "api.h"
#include "files.h"

namespace peft_cli {
namespace {

constexpr size_t maximum_bytes = 1 << 20;
constexpr size_t maximum_keys = 1000;

int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

std::optional<std::string> value_of(const std::string& path, const std::string& key, const YAML::Node& node) {
  if (node.IsNull()) return std::nullopt;
  if (node.IsScalar()) return node.Scalar();
  if (!node.IsSequence())
    throw UsageError(fmt::format("{}:{}: key '{}': expected a value or a list, found a mapping", path,
                                 line_of(node), key));
  std::string joined;
  for (const YAML::Node& element : node) {
    if (!element.IsScalar())
      throw UsageError(
          fmt::format("{}:{}: key '{}': a list of plain values is expected", path, line_of(node), key));
    joined += (joined.empty() ? "" : ",") + element.Scalar();
  }
  return joined;
}

}  // namespace

std::vector<ConfigEntry> read_config_file(const std::string& path) {
  const std::string text = read_file(path, maximum_bytes);
  try {
    // JSON is YAML, but for tabs between its tokens.
    std::string plain = text;
    const size_t first = plain.find_first_not_of(" \t\r\n");
    if (first != plain.npos && plain[first] == '{')
      for (char& byte : plain)
        if (byte == '\t') byte = ' ';
    const YAML::Node root = YAML::Load(plain);
    if (root.IsNull()) return {};
    if (!root.IsMap()) throw UsageError(fmt::format("{}: expected a mapping of keys to values", path));
    if (root.size() > maximum_keys)
      throw UsageError(fmt::format("{}: more than {} keys", path, maximum_keys));
    std::vector<ConfigEntry> entries;
    for (const auto& pair : root) {
      if (!pair.first.IsScalar())
        throw UsageError(fmt::format("{}:{}: a key is not a word", path, line_of(pair.first)));
      ConfigEntry entry;
      entry.key = pair.first.Scalar();
      entry.line = line_of(pair.first);
      entry.value = value_of(path, entry.key, pair.second);
      entries.push_back(std::move(entry));
    }
    return entries;
  } catch (const YAML::Exception& error) {
    throw UsageError(fmt::format("{}:{}: {}", path, error.mark.line + 1, error.msg));
  }
}

}  // namespace peft_cli
