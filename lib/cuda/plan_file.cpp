#include "cuda/plan_file.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

namespace peft::cuda {
namespace {

constexpr std::string_view title = "libpeft: cuBLASLt's fastest algorithms, format 1";
constexpr int64_t most_bytes = int64_t{1} << 20;  // most_entries lines, and more

// Takes the next line, without its end; a text that does not end with one has no last line.
std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  check(end != std::string_view::npos, Code::format, "the last line has no end");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// Numbers of digits alone, with one space between.
template <typename T, size_t count>
void take_numbers(std::string_view& line, std::array<T, count>& numbers) {
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) {
      check(line.starts_with(' '), Code::format, "expected {} numbers, found {}", count, i);
      line.remove_prefix(1);
    }
    const bool digit = !line.empty() && line[0] >= '0' && line[0] <= '9';
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), numbers[i]);
    check(digit && error == std::errc(), Code::format, "expected a number, found '{}'", line.substr(0, 20));
    line.remove_prefix(static_cast<size_t>(end - line.data()));
  }
}

std::string checksum_of(std::string_view text) { return hash_bytes(std::as_bytes(std::span(text))); }

}  // namespace

std::string plan_file_path(const PlanOwner& owner) {
  if (const char* const given = std::getenv("LIBPEFT_CUDA_PLANS")) return given;
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const char* const home = std::getenv("HOME");
  std::string folder;
  if (cache && *cache == '/') {  // a relative one is to be ignored, says its specification
    folder = cache;
  } else if (home && *home == '/') {
    folder = join_path(home, ".cache");
  } else {
    return {};
  }
  std::string name = fmt::format("cuda_plans_{}_{}_{}.txt", owner.gpu, owner.multiprocessors, owner.library);
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    if (!plain) c = '_';
  }
  return join_path(join_path(folder, "libpeft"), name);
}

std::shared_ptr<PlanFile> PlanFile::shared(const std::string& path, const PlanOwner& owner) {
  using Name = std::pair<std::string, std::pair<std::string, uint64_t>>;
  static std::mutex lock;
  static std::map<Name, std::weak_ptr<PlanFile>> files;
  const std::lock_guard guard(lock);
  const std::string gpu = fmt::format("{}/{}", owner.gpu, owner.multiprocessors);
  std::weak_ptr<PlanFile>& known = files[{path, {gpu, owner.library}}];
  std::shared_ptr<PlanFile> file = known.lock();
  if (!file) known = file = std::make_shared<PlanFile>(path, owner);
  return file;
}

PlanFile::PlanFile(std::string path, PlanOwner owner) : path_(std::move(path)), owner_(std::move(owner)) {
  writable_ = !path_.empty();
}

std::optional<AlgorithmConfig> PlanFile::find(const ProductKey& key) {
  const std::lock_guard guard(lock_);
  load();
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

bool PlanFile::full() {
  const std::lock_guard guard(lock_);
  load();
  return entries_.size() >= most_entries;
}

void PlanFile::add(const ProductKey& key, const AlgorithmConfig& config) {
  const std::lock_guard guard(lock_);
  load();
  if (entries_.size() >= most_entries || !entries_.emplace(key, config).second || !writable_) return;
  try {
    if (path_exists(path_)) {
      const Entries others = read();
      // What others wrote meanwhile; ours where both did, for that is what this process uses.
      for (const auto& entry : others)
        if (entries_.size() < most_entries) entries_.insert(entry);
    } else {
      const size_t slash = path_.rfind('/');
      if (slash != std::string::npos && slash > 0) make_folders(path_.substr(0, slash));
    }
    write_text_file(path_, text_of(entries_));
  } catch (const std::exception& error) {
    give_up("not kept", error.what());
  }
}

// title, owner, checksum of all that follows; then a line each: the key, a colon, the algorithm.
std::string PlanFile::text_of(const Entries& entries) const {
  std::string lines;
  for (const auto& [key, config] : entries)
    lines += fmt::format("{} : {}\n", fmt::join(key, " "), fmt::join(config, " "));
  return fmt::format("{}\n{}, {} multiprocessors, version {}\n{}\n{}", title, owner_.gpu, owner_.multiprocessors,
                     owner_.library, checksum_of(lines), lines);
}

PlanFile::Entries PlanFile::parse(const std::string& text) const {
  std::string_view rest = text;
  check(take_line(rest) == title, Code::format, "the first line is not '{}'", title);
  const std::string owner =
      fmt::format("{}, {} multiprocessors, version {}", owner_.gpu, owner_.multiprocessors, owner_.library);
  const std::string_view found = take_line(rest);
  check(found == owner, Code::format, "expected the choices of '{}', found those of '{}'", owner, found);
  const std::string_view checksum = take_line(rest);
  check(checksum == checksum_of(rest), Code::format, "the checksum is not that of the lines");
  Entries entries;
  while (!rest.empty()) {
    std::string_view line = take_line(rest);
    ProductKey key;
    AlgorithmConfig config;
    take_numbers(line, key);
    check(line.starts_with(" : "), Code::format, "expected ' : ', found '{}'", line.substr(0, 20));
    line.remove_prefix(3);
    take_numbers(line, config);
    check(line.empty(), Code::format, "expected the end of the line, found '{}'", line.substr(0, 20));
    check(entries.emplace(key, config).second, Code::format, "a product has two lines");
    check(entries.size() <= most_entries, Code::format, "more than {} lines", most_entries);
  }
  return entries;
}

PlanFile::Entries PlanFile::read() const { return parse(read_text_file(path_, most_bytes)); }

void PlanFile::load() {
  if (std::exchange(loaded_, true) || path_.empty()) return;
  try {
    if (path_exists(path_)) entries_ = read();
  } catch (const std::exception& error) {
    give_up("not used", error.what());
  }
}

void PlanFile::give_up(const char* what, const char* why) {
  writable_ = false;
  log(LogLevel::warning, "cuBLASLt's fastest algorithms are {}, products are timed anew: '{}': {}", what, path_, why);
}

}  // namespace peft::cuda
