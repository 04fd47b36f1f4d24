// A folder of its own for one test, removed with everything in it.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "base/file.h"

namespace peft::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    const char* root = std::getenv("TMPDIR");
    path_ = join_path(root && *root ? root : "/tmp", "peft-test-XXXXXX");
    if (!mkdtemp(path_.data())) throw std::runtime_error("cannot make a temporary folder: " + path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    try {
      remove_folder(path_);
    } catch (...) {
    }
  }
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return join_path(path_, name); }

 private:
  std::string path_;
};

}  // namespace peft::test
