#include "formats/state_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "formats/tensor_source.h"

namespace peft {
namespace {

constexpr const char* manifest_name = "manifest.json";
constexpr int64_t manifest_version = 1;
constexpr int deepest = 8;

struct FileState {
  int64_t bytes = 0;
  std::string hash;
};

// Files below `folder` by their path relative to it. `hash` empty where only names are asked for.
void gather(const std::string& folder, const std::string& prefix, int depth,
            std::map<std::string, std::string>& files) {
  check(depth <= deepest, Code::limit, "{}: folders nest deeper than {}", folder, deepest);
  const Folder opened = Folder::open(folder, /*follow_links=*/false);
  for (const std::string& name : opened.list()) {
    const std::string path = join_path(folder, name);
    const auto status = std::filesystem::symlink_status(path);
    if (std::filesystem::is_directory(status)) {
      gather(path, prefix + name + "/", depth + 1, files);
    } else if (prefix.empty() && name == manifest_name) {
      continue;
    } else {
      check(std::filesystem::is_regular_file(status), Code::format, "{}: not a regular file", path);
      files.emplace(prefix + name, path);
    }
  }
}

std::optional<int64_t> step_of(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size());
  int64_t step = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty() || step < 0)
    return std::nullopt;
  if (std::to_string(step) != digits) return std::nullopt;  // "007" is not a name that is written here
  return step;
}

}  // namespace

void write_manifest(const std::string& folder, const Json& state) {
  std::map<std::string, std::string> files;
  gather(folder, "", 0, files);
  Json entries = Json::object();
  for (const auto& [name, path] : files) {
    const InputFile file = InputFile::open(path);
    entries[name] = {{"bytes", file.size()}, {"hash", hash_file(file)}};
  }
  const Json manifest = {{"version", manifest_version}, {"files", std::move(entries)}, {"state", state}};
  write_text_file(join_path(folder, manifest_name), dump_json(manifest, 2) + "\n");
}

Json read_manifest(const std::string& folder, const Limits& limits) {
  const Folder opened = Folder::open(folder, /*follow_links=*/false);
  check(opened.contains(manifest_name), Code::not_found, "{}: no {}", folder, manifest_name);
  const std::string where = join_path(folder, manifest_name);
  const Json manifest = parse_json(opened.read_text(manifest_name, limits.json_bytes), where, limits);
  const JsonFields fields(manifest, where);
  const int64_t version = fields.integer("version", 0, INT64_MAX);
  check(version == manifest_version, Code::unsupported, "{}: version {} is not supported, only {}", where,
        version, manifest_version);
  const Json* entries = fields.find("files");
  check(entries != nullptr && entries->is_object(), Code::format, "{}: expected an object 'files'", where);

  // Only files that were found below the folder are opened; names in the manifest lead nowhere else.
  std::map<std::string, std::string> files;
  gather(folder, "", 0, files);
  for (const auto& [name, entry] : entries->items()) {
    const auto found = files.find(name);
    check(found != files.end(), Code::mismatch, "{}: file '{}' is missing", folder, printable(name));
    const JsonFields expected(entry, where + ": " + printable(name));
    const InputFile file = InputFile::open(found->second);
    const int64_t bytes = expected.integer("bytes", 0, INT64_MAX);
    check(file.size() == bytes, Code::mismatch, "{}: expected {} bytes, found {}", found->second, bytes,
          file.size());
    check(hash_file(file) == expected.string("hash"), Code::mismatch,
          "{}: its hash differs from the manifest's", found->second);
    files.erase(found);
  }
  check(files.empty(), Code::mismatch, "{}: file '{}' is not in the manifest", folder,
        files.empty() ? std::string() : printable(files.begin()->first));
  const Json* state = fields.find("state");
  return state != nullptr ? *state : Json(nullptr);
}

std::vector<int64_t> checkpoint_steps(const std::string& folder, std::string_view prefix) {
  std::vector<int64_t> steps;
  if (!is_folder(folder)) return steps;
  for (const std::string& name : Folder::open(folder).list()) {
    const std::optional<int64_t> step = step_of(name, prefix);
    if (step && is_folder(join_path(folder, name))) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

CheckpointSearch newest_complete(const std::string& folder, std::string_view prefix, const Limits& limits) {
  CheckpointSearch result;
  std::vector<int64_t> steps = checkpoint_steps(folder, prefix);
  std::reverse(steps.begin(), steps.end());
  for (const int64_t step : steps) {
    const std::string path = join_path(folder, fmt::format("{}{}", prefix, step));
    try {
      result.newest = CheckpointFolder{step, path, read_manifest(path, limits)};
      return result;
    } catch (const Error& error) {
      // Memory and interruptions say nothing about the checkpoint; passing over a good one would lose work.
      if (error.code() == Code::out_of_memory || error.code() == Code::cancelled) throw;
      result.skipped.push_back(error.what());
    }
  }
  return result;
}

void remove_stale_checkpoints(const std::string& folder, std::string_view prefix) {
  if (!is_folder(folder)) return;
  const std::string hidden = "." + std::string(prefix);
  for (const std::string& name : Folder::open(folder).list()) {
    if (name.starts_with(hidden) && (name.ends_with(".tmp") || name.ends_with(".old"))) {
      remove_folder(join_path(folder, name));
    }
  }
}

}  // namespace peft
