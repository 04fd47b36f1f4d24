#include "base/shared_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "base/error.h"

namespace peft {
namespace {

std::string loader_error() {
  const char* text = dlerror();
  return text ? text : "no reason given";
}

}  // namespace

SharedLibrary SharedLibrary::open(const std::string& path) { return open_first({path}); }

SharedLibrary SharedLibrary::open_first(const std::vector<std::string>& candidates) {
  std::string reasons;
  for (const std::string& path : candidates) {
    SharedLibrary library;
    // An empty name would open the host program itself.
    const bool usable = !path.empty() && path.find('\0') == std::string::npos;
    if (usable) library.handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    library.path_ = path;
    if (library.handle_) return library;
    reasons += fmt::format("{}'{}': {}", reasons.empty() ? "" : "; ", path,
                           usable ? loader_error() : "not a file name");
  }
  fail(Code::not_found, "shared library not loaded: {}", reasons.empty() ? "no candidates" : reasons);
}

SharedLibrary::SharedLibrary(SharedLibrary&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), path_(std::move(other.path_)) {}

SharedLibrary& SharedLibrary::operator=(SharedLibrary&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(path_, other.path_);
  return *this;
}

SharedLibrary::~SharedLibrary() {
  if (handle_) dlclose(handle_);
}

void* SharedLibrary::find_symbol(const char* name) const noexcept {
  return handle_ ? dlsym(handle_, name) : nullptr;
}

void* SharedLibrary::symbol(const char* name) const {
  void* const address = find_symbol(name);
  check(address != nullptr, Code::not_found, "{}: no symbol '{}'", path_, name);
  return address;
}

std::string folder_of_library(const void* address) {
  Dl_info info;
  if (address == nullptr || dladdr(address, &info) == 0 || !info.dli_fname) return {};
  const std::unique_ptr<char, decltype(&std::free)> file(realpath(info.dli_fname, nullptr), &std::free);
  if (!file) return {};
  const std::string path = file.get();
  return path.substr(0, path.rfind('/') + 1);
}

}  // namespace peft
