#include <unistd.h>

#include "base/file.h"
#include "target.h"

namespace peft::fuzz {
namespace {

struct Scratch {
  std::string path;
  Scratch() {
    path = is_folder("/dev/shm") ? "/dev/shm/peft-fuzz-XXXXXX" : "/tmp/peft-fuzz-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~Scratch() {
    try {
      remove_folder(path);
    } catch (...) {
    }
  }
};

}  // namespace

const std::string& scratch_folder() {
  static const Scratch scratch;
  return scratch.path;
}

std::string scratch_file(const std::string& name, std::string_view bytes) {
  const std::string path = join_path(scratch_folder(), name);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) std::abort();
  std::fclose(file);
  return path;
}

}  // namespace peft::fuzz
