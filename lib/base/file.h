// Files: bounded reads at offsets, folders that nothing escapes from, and writes that never leave half a file.
//
// Models are read with pread into our own memory, not mapped: a file that is truncated or replaced while in use gives
// an error instead of SIGBUS.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peft {

// A regular file opened for reading. Movable; safe for concurrent read_at.
class InputFile {
 public:
  // Opens `path`; anything but a regular file is an error. `path` is kept for messages.
  static InputFile open(const std::string& path);
  InputFile(InputFile&&) noexcept;
  InputFile& operator=(InputFile&&) noexcept;
  ~InputFile();

  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }  // bytes, at the time of opening
  // Reads exactly out.size() bytes at `offset`; a short file is Code::io naming the path.
  void read_at(int64_t offset, std::span<std::byte> out) const;

 private:
  friend class Folder;
  InputFile(int descriptor, std::string path);
  int descriptor_ = -1;
  int64_t size_ = 0;
  std::string path_;
};

// A directory given by the caller. Names looked up in it are single path components: no "/", no "..", no NUL.
// A symbolic link inside is followed only when its target is a regular file (Hugging Face caches are built of them) and
// `follow_links` was set; otherwise it is refused.
class Folder {
 public:
  static Folder open(const std::string& path, bool follow_links = true);
  const std::string& path() const { return path_; }
  bool contains(const std::string& name) const;
  InputFile open_file(const std::string& name) const;
  std::string read_text(const std::string& name, int64_t maximum_bytes) const;
  std::vector<std::string> list() const;  // sorted names, without "." and ".."

 private:
  std::string path_;
  bool follow_links_ = true;
};

bool is_folder(const std::string& path);
bool path_exists(const std::string& path);
// Joins with exactly one slash.
std::string join_path(std::string_view folder, std::string_view name);
std::string base_name(std::string_view path);
// mkdir -p; existing folders are fine.
void make_folders(const std::string& path);
std::string read_text_file(const std::string& path, int64_t maximum_bytes);

// Writes beside `path` under a temporary name; commit() does fsync, rename, fsync of the folder. Without commit the
// destructor removes the temporary file, and what was at `path` stays. Every error names the path and the bytes needed.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  int64_t size() const { return written_; }
  void commit();

 private:
  void discard() noexcept;
  [[noreturn]] void fail_and_discard(const char* action, int64_t bytes);

  std::string path_, temporary_;
  int descriptor_ = -1;
  int64_t written_ = 0;
};

void write_text_file(const std::string& path, std::string_view text);  // through OutputFile

// A folder written beside its final place and renamed into it as one step (fsync of files, folder and parent).
// commit() replaces an existing folder of the same name: the old one is renamed away first and removed last.
class OutputFolder {
 public:
  explicit OutputFolder(const std::string& path);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();
  const std::string& staging_path() const { return staging_; }  // write the files here
  // Files of the folder replaced for which this is false are not ours to remove: they go on in the new one.
  void replaces(std::function<bool(std::string_view name)> ours) { ours_ = std::move(ours); }
  void commit();

 private:
  std::string path_, staging_;
  std::function<bool(std::string_view)> ours_;
  bool committed_ = false;
};

// An existing folder may be replaced when it is empty, or holds `marker` and no folders: anything else is somebody's and
// Code::refused. No folder at all is fine.
void check_replaceable(const std::string& path, const std::string& marker);

void remove_folder(const std::string& path);  // recursively; a missing one is fine; never follows links

// XXH3-128 of a file's bytes as 32 hex digits: detects accidents, not attacks.
std::string hash_file(const InputFile& file);
std::string hash_bytes(std::span<const std::byte> bytes);

}  // namespace peft
