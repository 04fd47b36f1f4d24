#include "devices/cuda_module.h"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>

#include "base/log.h"
#include "base/shared_library.h"

namespace peft {
namespace {

constexpr const char* file_name = "libpeft_cuda.so";

void forward_log(int32_t level, const char* text) { write_log(static_cast<LogLevel>(level), text); }

const ModuleHost host_table = {sizeof(ModuleHost), kernel_fingerprint(), forward_log};

// Devices of a module are borrowed for the life of the process, so modules are never closed.
void keep_open(SharedLibrary library) {
  static std::mutex mutex;
  static std::vector<SharedLibrary> opened;
  const std::lock_guard lock(mutex);
  opened.push_back(std::move(library));
}

}  // namespace

std::vector<std::string> cuda_module_places() {
  const char* given = std::getenv("LIBPEFT_CUDA");
  if (given && *given) return {given};
  std::vector<std::string> places;
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&cuda_module_places), &info) != 0 && info.dli_fname) {
    const std::string self = info.dli_fname;
    const size_t slash = self.rfind('/');
    if (slash != std::string::npos) places.push_back(self.substr(0, slash + 1) + file_name);
  }
  places.emplace_back(file_name);
  return places;
}

const ModuleTable& open_module(const std::vector<std::string>& places) {
  SharedLibrary library;
  try {
    library = SharedLibrary::open_first(places);
  } catch (const Error& error) {
    fail(Code::device, "no GPU support: {} is absent: {}", file_name, error.what());
  }
  void* const entry = library.find_symbol(module_entry_name);
  check(entry != nullptr, Code::device, "{}: not a device module: no symbol '{}'", library.path(),
        module_entry_name);
  char reason[512] = {};
  const ModuleTable* table = reinterpret_cast<ModuleEntry*>(entry)(&host_table, reason, sizeof reason);
  reason[sizeof reason - 1] = '\0';
  check(table != nullptr, Code::device, "{}: {}", library.path(), reason);
  check(table->struct_size == sizeof(ModuleTable) && table->fingerprint == kernel_fingerprint(), Code::device,
        "{}: built for another version of the library: expected kernel list {:016x}, found {:016x}",
        library.path(), kernel_fingerprint(),
        table->struct_size == sizeof(ModuleTable) ? table->fingerprint : 0);
  keep_open(std::move(library));
  return *table;
}

const ModuleTable& cuda_module() {
  static std::mutex mutex;
  static const ModuleTable* module = nullptr;
  const std::lock_guard lock(mutex);
  if (!module) module = &open_module(cuda_module_places());
  return *module;
}

}  // namespace peft
