#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/descriptor.h"
#include "base/file.h"

namespace peft {
namespace {

bool is_component(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == name.npos;
}

Descriptor open_folder(const std::string& path) {
  Descriptor folder(
      retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!folder) fail_errno(path, "open the folder");
  return folder;
}

}  // namespace

Folder Folder::open(const std::string& path, bool follow_links) {
  check_path(path);
  open_folder(path);
  Folder folder;
  folder.path_ = path;
  folder.follow_links_ = follow_links;
  return folder;
}

bool Folder::contains(const std::string& name) const {
  if (!is_component(name)) return false;
  struct stat status;
  const Descriptor folder = open_folder(path_);
  return ::fstatat(folder.get(), name.c_str(), &status, follow_links_ ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(status.st_mode);
}

InputFile Folder::open_file(const std::string& name) const {
  check(is_component(name), Code::format, "{}: '{}' is not the name of a file in this folder", path_,
        name.c_str());
  const std::string full = join_path(path_, name);
  const Descriptor folder = open_folder(path_);
  struct stat status;
  if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) fail_errno(full, "open");
  const bool is_link = S_ISLNK(status.st_mode);
  check(!is_link || follow_links_, Code::io, "{}: a symbolic link, and links are not followed here", full);
  if (is_link && ::fstatat(folder.get(), name.c_str(), &status, 0) != 0) fail_errno(full, "follow the link");
  check(S_ISREG(status.st_mode), Code::io, "{}: not a regular file", full);
  const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (follow_links_ ? 0 : O_NOFOLLOW);
  const int descriptor = retry_interrupted([&] { return ::openat(folder.get(), name.c_str(), flags); });
  if (descriptor < 0) fail_errno(full, "open");
  return InputFile(descriptor, full);  // looks again, at what was really opened
}

std::string Folder::read_text(const std::string& name, int64_t maximum_bytes) const {
  const InputFile file = open_file(name);
  check(file.size() <= maximum_bytes, Code::limit, "{}: {} bytes, at most {} allowed", file.path(),
        file.size(), maximum_bytes);
  std::string text(static_cast<size_t>(file.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

std::vector<std::string> Folder::list() const {
  Descriptor folder = open_folder(path_);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(folder.get()), ::closedir);
  if (!stream) fail_errno(path_, "list the folder");
  folder.release();  // the stream closes it
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry) break;
    if (is_component(entry->d_name)) names.emplace_back(entry->d_name);
  }
  if (errno != 0) fail_errno(path_, "list the folder");
  std::sort(names.begin(), names.end());
  return names;
}

void remove_folder(const std::string& path) {
  check_path(path);
  std::error_code error;
  std::filesystem::remove_all(path, error);  // works through descriptors and removes links, not their targets
  check(!error, code_of_errno(error.value()), "{}: cannot remove the folder: {}", path, error.message());
}

}  // namespace peft
