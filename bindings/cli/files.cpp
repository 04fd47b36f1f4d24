#include "files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "api.h"

namespace peft_cli {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw CommandError(fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

bool holds(const std::string& path, std::string_view text) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) ||
      std::filesystem::file_size(path, error) != text.size())
    return false;
  return read_file(path, text.size()) == text;
}

}  // namespace

std::string read_file(const std::string& path, size_t maximum_bytes) {
  if (is_folder(path)) throw CommandError(fmt::format("{}: expected a file, found a folder", path));
  const int number = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (number < 0) fail(path, "cannot be read");
  const Descriptor file(number);
  std::string text;
  char chunk[1 << 16];
  for (;;) {
    const ssize_t count = read(file.get(), chunk, sizeof chunk);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "cannot be read");
    if (count == 0) return text;
    text.append(chunk, static_cast<size_t>(count));
    if (text.size() > maximum_bytes)
      throw CommandError(fmt::format("{}: longer than {} bytes", path, maximum_bytes));
  }
}

void write_file(const std::string& path, std::string_view text) {
  if (holds(path, text)) return;
  const std::string beside = path + ".tmp";
  {
    const int number = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (number < 0) fail(beside, "cannot be written");
    const Descriptor file(number);
    for (size_t done = 0; done < text.size();) {
      const ssize_t count = write(file.get(), text.data() + done, text.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        unlink(beside.c_str());
        fail(beside, "cannot be written");
      }
      done += static_cast<size_t>(count);
    }
    if (fsync(file.get()) != 0) fail(beside, "cannot be written");
  }
  if (rename(beside.c_str(), path.c_str()) != 0) fail(path, "cannot be replaced");
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw CommandError(fmt::format("{}: cannot be made: {}", path, error.message()));
}

bool is_file(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

std::string join(const std::string& folder, const std::string& name) {
  return folder.empty() || folder.ends_with('/') ? folder + name : folder + "/" + name;
}

std::string base_name(const std::string& path) {
  const std::filesystem::path clean(path);
  return clean.has_filename() ? clean.filename().string() : clean.parent_path().filename().string();
}

void check_output(const std::string& output, const std::string& model, bool overwrite) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::equivalent(output, model, error))
    throw UsageError(output + ": is the model itself; name another place for the result");
  fs::path place = fs::absolute(output, error).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  const std::string parent = place.parent_path().string();
  if (!is_folder(parent)) throw CommandError(fmt::format("{}: there is no folder {}", output, parent));
  if (access(parent.c_str(), W_OK | X_OK) != 0) fail(output, "cannot be written");
  const bool used =
      fs::is_directory(output, error) ? !fs::is_empty(output, error) : fs::exists(output, error);
  if (used && !overwrite)
    throw CommandError(output + ": is there already; --overwrite replaces the model files in it");
  if (!used) return;
  const bool file = output.ends_with(".gguf");
  if (file != is_file(output))
    throw CommandError(fmt::format("{}: expected a {} to replace, found a {}", output,
                                   file ? "file" : "folder", file ? "folder" : "file"));
  if (!file && !is_file(join(output, "config.json")))
    throw CommandError(output + ": holds no config.json, so it is no model to replace; name a new folder");
}

}  // namespace peft_cli
