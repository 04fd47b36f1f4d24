// A shared object opened at run time and closed with its owner.
#pragma once

#include <string>
#include <vector>

namespace peft {

// Move-only. Symbols are valid as long as the object lives; calling through them later is undefined.
class SharedLibrary {
 public:
  SharedLibrary() = default;
  // Code::not_found naming `path` and the loader's reason. `path` without a slash is searched as dlopen(3)
  // does.
  static SharedLibrary open(const std::string& path);
  // The first of `candidates` that opens; Code::not_found lists every place looked at with its reason.
  static SharedLibrary open_first(const std::vector<std::string>& candidates);
  SharedLibrary(SharedLibrary&& other) noexcept;
  SharedLibrary& operator=(SharedLibrary&& other) noexcept;
  ~SharedLibrary();

  explicit operator bool() const { return handle_ != nullptr; }
  const std::string& path() const { return path_; }
  void* find_symbol(const char* name) const noexcept;  // nullptr when absent
  void* symbol(const char* name) const;                // Code::not_found when absent

  template <typename Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }
  // The same into a pointer that is there.
  template <typename Function>
  void get(const char* name, Function*& function) const {
    function = reinterpret_cast<Function*>(symbol(name));
  }

 private:
  void* handle_ = nullptr;
  std::string path_;
};

// The folder, with a slash at its end, of the file that an address was loaded from, links followed; empty when unknown.
std::string folder_of_library(const void* address);

}  // namespace peft
