// File descriptors with an owner, and errors that name the path. For the .cpp files beside file.h.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"

namespace peft {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

// Code for an errno value: a missing file, memory, or what the operating system refused.
inline Code code_of_errno(int error) {
  if (error == ENOENT || error == ENOTDIR) return Code::not_found;
  return error == ENOMEM ? Code::out_of_memory : Code::io;
}

std::string errno_text(int error);

// Throws for the current errno: "path: cannot open: No such file or directory".
[[noreturn]] void fail_errno(const std::string& path, const char* action);

// Repeats a system call that a signal interrupted.
template <typename Call>
auto retry_interrupted(Call&& call) -> decltype(call()) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

// Throws unless `path` may be handed to the operating system (not empty, no NUL byte).
void check_path(const std::string& path);
// fsync of a folder, so that a rename in it survives a power cut.
void sync_folder(const std::string& path);
// "." for a bare name, "/" for what lies in the root.
std::string parent_folder(const std::string& path);
// A name beside `path` that no other process or thread uses; `kind` says what it is to who finds it after a
// crash.
std::string temporary_name(const std::string& path, const char* kind);

}  // namespace peft
