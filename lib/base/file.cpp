#include "base/file.h"

#include <sys/stat.h>

#include <atomic>
#include <system_error>

#include "base/checked.h"
#include "base/descriptor.h"

namespace peft {

std::string errno_text(int error) { return std::generic_category().message(error); }

void fail_errno(const std::string& path, const char* action) {
  const int error = errno;
  fail(code_of_errno(error), "{}: cannot {}: {}", path, action, errno_text(error));
}

void check_path(const std::string& path) {
  check(!path.empty(), Code::invalid_argument, "empty path");
  check(path.find('\0') == path.npos, Code::invalid_argument, "{}: path holds a NUL byte", path.c_str());
}

std::string parent_folder(const std::string& path) {
  const size_t name_end = path.find_last_not_of('/');
  if (name_end == path.npos) return "/";
  const size_t slash = path.rfind('/', name_end);
  if (slash == path.npos) return ".";
  const size_t parent_end = path.find_last_not_of('/', slash);
  return parent_end == path.npos ? "/" : path.substr(0, parent_end + 1);
}

std::string temporary_name(const std::string& path, const char* kind) {
  static std::atomic<uint64_t> counter{0};
  // Cut, because the suffix must fit into the 255 bytes of a name.
  const std::string name =
      fmt::format(".{}.{}-{}.{}", base_name(path).substr(0, 180), getpid(), ++counter, kind);
  return join_path(parent_folder(path), name);
}

void sync_folder(const std::string& path) {
  const Descriptor folder(
      retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!folder) fail_errno(path, "open the folder");
  if (retry_interrupted([&] { return ::fsync(folder.get()); }) != 0)
    fail_errno(path, "make the folder durable");
}

InputFile::InputFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {
  Descriptor owned(descriptor);
  descriptor_ = -1;
  struct stat status;
  if (::fstat(owned.get(), &status) != 0) fail_errno(path_, "examine");
  check(S_ISREG(status.st_mode), Code::io, "{}: not a regular file", path_);
  size_ = status.st_size;
  descriptor_ = owned.release();
}

InputFile InputFile::open(const std::string& path) {
  check_path(path);
  // Looked at before opening: opening a device can do something; O_NONBLOCK keeps a new pipe from blocking.
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) fail_errno(path, "open");
  check(S_ISREG(status.st_mode), Code::io, "{}: not a regular file", path);
  const int descriptor =
      retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); });
  if (descriptor < 0) fail_errno(path, "open");
  return InputFile(descriptor, path);
}

InputFile::InputFile(InputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_), path_(std::move(other.path_)) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void InputFile::read_at(int64_t offset, std::span<std::byte> out) const {
  PEFT_ASSERT(descriptor_ >= 0 && offset >= 0);
  const int64_t end = checked_add(offset, static_cast<int64_t>(out.size()), "read position");
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = retry_interrupted([&] {
      return ::pread(descriptor_, out.data() + done, out.size() - done, offset + static_cast<int64_t>(done));
    });
    if (count < 0) fail_errno(path_, "read");
    check(count > 0, Code::io, "{}: cannot read bytes {} to {}: the file ends at {}", path_, offset, end,
          offset + static_cast<int64_t>(done));
    done += static_cast<size_t>(count);
  }
}

bool is_folder(const std::string& path) {
  struct stat status;
  return path.find('\0') == path.npos && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool path_exists(const std::string& path) {
  struct stat status;
  return path.find('\0') == path.npos && ::stat(path.c_str(), &status) == 0;
}

std::string join_path(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  while (!name.empty() && name.front() == '/') name.remove_prefix(1);
  while (folder.size() > 1 && folder.back() == '/') folder.remove_suffix(1);
  return folder == "/" ? "/" + std::string(name) : fmt::format("{}/{}", folder, name);
}

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return std::string(slash == path.npos || path == "/" ? path : path.substr(slash + 1));
}

void make_folders(const std::string& path) {
  check_path(path);
  for (size_t end = path.find_first_not_of('/'); end != path.npos;) {
    end = path.find('/', end);
    const std::string folder = path.substr(0, end);
    if (::mkdir(folder.c_str(), 0777) != 0) {
      const int error = errno;  // a folder that is there may also report EACCES or EROFS
      if (!is_folder(folder))
        fail(code_of_errno(error), "{}: cannot make the folder: {}", folder, errno_text(error));
    }
    end = end == path.npos ? end : path.find_first_not_of('/', end);
  }
}

std::string read_text_file(const std::string& path, int64_t maximum_bytes) {
  const InputFile file = InputFile::open(path);
  check(file.size() <= maximum_bytes, Code::limit, "{}: {} bytes, at most {} allowed", path, file.size(),
        maximum_bytes);
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace peft
