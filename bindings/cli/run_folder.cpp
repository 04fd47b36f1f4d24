#include "run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "api.h"
#include "files.h"

namespace peft_cli {
namespace {

constexpr size_t maximum_metrics_bytes = size_t{1} << 30;

// What a run writes into its folder, besides checkpoints and the tokenizer's files.
constexpr const char* own_files[] = {"adapter_model.safetensors", "adapter_config.json", "metrics.jsonl",
                                     "evaluations.jsonl",         "README.md",           "train_config.yaml"};

// Steps are whole numbers; everything else is a line that does not belong here.
int64_t step_of(const std::string& line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) return -1;
  return json["step"].get<int64_t>();
}

}  // namespace

JsonLines::~JsonLines() {
  if (descriptor_ >= 0) close(descriptor_);
}

void JsonLines::cut_back(int64_t step) const {
  if (!is_file(path_)) return;
  const std::string text = read_file(path_, maximum_metrics_bytes);
  std::string kept;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == text.npos) break;
    const std::string line = text.substr(at, end - at);
    const int64_t number = step_of(line);
    if (number >= 0 && number <= step) kept += line + "\n";
    at = end + 1;
  }
  write_file(path_, kept);
}

void JsonLines::append(const Json& line) {
  if (descriptor_ < 0) descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (descriptor_ < 0 || write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw CommandError(fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
}

std::string RunFolder::file(const std::string& name) const { return join(path_, name); }

bool RunFolder::has_adapter() const {
  return is_file(file("adapter_model.safetensors")) && is_file(file("adapter_config.json"));
}

std::vector<std::string> RunFolder::checkpoints() const {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory(error) && (name.starts_with("checkpoint-") || name.starts_with(".checkpoint-")))
      paths.push_back(entry.path().string());
  }
  return paths;
}

void RunFolder::check(bool resume, bool overwrite) const {
  if (resume && overwrite) throw UsageError("--resume and --overwrite exclude each other");
  const bool used = has_adapter() || has_checkpoints() || is_file(file("metrics.jsonl"));
  if (used && !resume && !overwrite)
    throw CommandError(fmt::format(
        "{}: holds another run; --resume goes on with it, --overwrite removes it and starts anew", path_));
}

bool RunFolder::may_write_card() const {
  const std::string path = file("README.md");
  return !is_file(path) || read_file(path, maximum_metrics_bytes).find("Made with libpeft") != std::string::npos;
}

void RunFolder::prepare(bool overwrite) const {
  make_folder(path_);
  lock();
  if (!overwrite) return;
  std::error_code error;
  for (const std::string& folder : checkpoints()) {
    std::filesystem::remove_all(folder, error);
    if (error) throw CommandError(fmt::format("{}: cannot be removed: {}", folder, error.message()));
  }
  for (const char* name : own_files)
    if (name != std::string_view("README.md") || may_write_card()) std::filesystem::remove(file(name), error);
}

// Held until the process ends. Two trainings in one folder would take each other's files.
void RunFolder::lock() const {
  const int descriptor = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0 || flock(descriptor, LOCK_EX | LOCK_NB) == 0) return;  // some file systems have no locks
  const bool taken = errno == EWOULDBLOCK;
  close(descriptor);
  if (taken) throw CommandError(path_ + ": another training is at work in this folder");
}

void RunFolder::write_config(const Json& settings) const {
  // Values are JSON, which is YAML: no text needs another way of quoting.
  std::string text = "# The settings of this run; peft train --config takes this file.\n";
  for (const auto& [key, value] : settings.items()) text += fmt::format("{}: {}\n", key, value.dump());
  write_file(file("train_config.yaml"), text);
}

}  // namespace peft_cli
