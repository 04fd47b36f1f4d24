#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/descriptor.h"
#include "base/file.h"

namespace peft {
namespace {

// fsync of everything below `path`, itself last. Files may have been written by others, so all are.
void sync_tree(const std::string& path, int depth) {
  check(depth < 64, Code::limit, "{}: folders nest deeper than 64", path);
  for (const std::string& name : Folder::open(path).list()) {
    const std::string full = join_path(path, name);
    struct stat status;
    if (::lstat(full.c_str(), &status) != 0) fail_errno(full, "examine");
    if (S_ISDIR(status.st_mode)) {
      sync_tree(full, depth + 1);
    } else if (S_ISREG(status.st_mode)) {
      const Descriptor file(
          retry_interrupted([&] { return ::open(full.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW); }));
      if (!file) fail_errno(full, "open");
      if (retry_interrupted([&] { return ::fsync(file.get()); }) != 0)
        fail_errno(full, "make the file durable");
    }
  }
  sync_folder(path);
}

}  // namespace

OutputFile::OutputFile(const std::string& path) : path_(path) {
  check_path(path);
  // Renaming over a device or a pipe would replace it.
  struct stat status;
  if (::stat(path.c_str(), &status) == 0)
    check(S_ISREG(status.st_mode), Code::io, "{}: cannot be written: not a regular file", path);
  temporary_ = temporary_name(path, "tmp");
  descriptor_ = retry_interrupted(
      [&] { return ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
  if (descriptor_ < 0) fail_errno(path_, "create a file beside it");
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::discard() noexcept {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  ::unlink(temporary_.c_str());
}

void OutputFile::fail_and_discard(const char* action, int64_t bytes) {
  const int error = errno;
  discard();
  fail(code_of_errno(error), "{}: cannot {} ({} bytes written, {} more needed): {}", path_, action, written_,
       bytes, errno_text(error));
}

void OutputFile::write(std::span<const std::byte> bytes) {
  check(descriptor_ >= 0, Code::state, "{}: written to after it failed or was finished", path_);
  while (!bytes.empty()) {
    // A call writes at most 2 GB less a page; asking for less keeps it interruptible on slow disks.
    const size_t size = std::min<size_t>(bytes.size(), size_t{64} << 20);
    const ssize_t count = retry_interrupted([&] { return ::write(descriptor_, bytes.data(), size); });
    if (count == 0) errno = ENOSPC;
    if (count <= 0) fail_and_discard("write", static_cast<int64_t>(bytes.size()));
    written_ += count;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void OutputFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void OutputFile::commit() {
  check(descriptor_ >= 0, Code::state, "{}: committed after it failed or was finished", path_);
  // After a failed fsync the kernel marks the pages clean, so a second one would lie: the file is given up.
  if (retry_interrupted([&] { return ::fsync(descriptor_); }) != 0) fail_and_discard("make it durable", 0);
  // On Linux the descriptor is closed even when close reports an interruption.
  if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    fail(Code::io, "{}: cannot close after {} bytes: {}", path_, written_, errno_text(error));
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    fail(Code::io, "{}: cannot put the finished file of {} bytes in place: {}", path_, written_,
         errno_text(error));
  }
  sync_folder(parent_folder(path_));
}

void write_text_file(const std::string& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.commit();
}

void check_replaceable(const std::string& path, const std::string& marker) {
  if (!is_folder(path)) return;
  const Folder folder = Folder::open(path);
  const std::vector<std::string> names = folder.list();
  if (names.empty()) return;
  check(folder.contains(marker), Code::refused,
        "{}: holds '{}' but no {}: not ours to write over; name a new folder", path, names.front(),
        marker);
  for (const std::string& name : names)
    // Hugging Face's downloader keeps notes of its own in .cache.
    check(name == ".cache" || !is_folder(join_path(path, name)), Code::refused,
          "{}: holds the folder '{}': not ours to write over; name a new folder", path, name);
}

OutputFolder::OutputFolder(const std::string& path) : path_(path) {
  check_path(path);
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  // A link to a folder stays a link: the folder it points to is the one replaced.
  if (is_folder(path_)) {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path_.c_str(), nullptr), std::free);
    if (!real) fail_errno(path_, "resolve the path");
    path_ = real.get();
  } else {
    check(!path_exists(path_), Code::io, "{}: cannot become a folder: a file is there", path_);
  }
  staging_ = temporary_name(path_, "tmp");
  if (::mkdir(staging_.c_str(), 0777) != 0) fail_errno(path_, "create a folder beside it");
}

OutputFolder::~OutputFolder() {
  if (committed_) return;
  try {
    remove_folder(staging_);
  } catch (...) {  // a destructor has nobody to tell; the name says that it is a leftover
  }
}

void OutputFolder::commit() {
  check(!committed_, Code::state, "{}: committed twice", path_);
  sync_tree(staging_, 0);
  std::string old;
  if (is_folder(path_)) {
    // Exchanging the two leaves no moment without a folder; file systems that cannot get two renames.
    if (::renameat2(AT_FDCWD, staging_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
      old = staging_;
    } else {
      old = temporary_name(path_, "old");
      if (::rename(path_.c_str(), old.c_str()) != 0) fail_errno(path_, "move the old folder away");
    }
  }
  if (old != staging_ && ::rename(staging_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    if (!old.empty()) ::rename(old.c_str(), path_.c_str());
    fail(Code::io, "{}: cannot put the finished folder in place: {}", path_, errno_text(error));
  }
  committed_ = true;
  if (!old.empty() && ours_) {
    for (const std::string& name : Folder::open(old).list()) {
      const std::string kept = join_path(path_, name);
      if (ours_(name) || path_exists(kept)) continue;
      if (::rename(join_path(old, name).c_str(), kept.c_str()) != 0)
        fail_errno(kept, "keep what the folder held beside our files");
    }
    sync_folder(path_);
  }
  sync_folder(parent_folder(path_));
  if (!old.empty()) remove_folder(old);
}

}  // namespace peft
