#include "devices/devices.h"

#include <charconv>
#include <map>
#include <mutex>

#include "cpu/cpu_backend.h"
#include "devices/cuda_module.h"
#include "devices/module_device.h"
#include "meta/meta_backend.h"

namespace peft {
namespace {

// Never destroyed: the host's own destructors may still use them.
Device& cpu_device() {
  static Device* const device = make_cpu_device().release();
  return *device;
}

Device& meta_device() {
  static Device* const device = make_meta_device(cpu_device()).release();
  return *device;
}

Device& cuda_device(int32_t index) {
  const ModuleTable& module = cuda_module();
  check(index < module.device_count, Code::device, "device 'cuda:{}': this machine has {} GPUs", index,
        module.device_count);
  // Kept for the life of the process, like the module.
  static std::mutex mutex;
  static auto* const devices = new std::map<int32_t, std::unique_ptr<Device>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<Device>& device = (*devices)[index];
  if (!device) device = make_module_device(module, index);
  return *device;
}

int32_t cuda_devices() {
  try {
    return cuda_module().device_count;
  } catch (const Error& error) {
    if (error.code() != Code::device) throw;
    return 0;
  }
}

struct Row {
  std::string_view name;
  bool numbered;  // takes ":N"
  Device& (*find)(int32_t number);
};

constexpr Row rows[] = {
    {"cpu", false, [](int32_t) -> Device& { return cpu_device(); }},
    {"cuda", true, cuda_device},
    {"auto", false, [](int32_t) -> Device& { return cuda_devices() > 0 ? cuda_device(0) : cpu_device(); }},
    {"meta", false, [](int32_t) -> Device& { return meta_device(); }},
};

// The N of "cuda:N"; -1 when it is not a number.
int32_t number_of(std::string_view text) {
  int32_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : -1;
}

}  // namespace

Device& find_device(std::string_view name) {
  const size_t colon = name.find(':');
  const int32_t number = colon == std::string_view::npos ? 0 : number_of(name.substr(colon + 1));
  for (const Row& row : rows) {
    if (row.name != name.substr(0, colon)) continue;
    if (colon != std::string_view::npos && (!row.numbered || number < 0)) break;
    return row.find(number);
  }
  fail(Code::invalid_argument, "device '{}': expected cpu, cuda:N, auto or meta", name);
}

std::vector<Device*> available_devices() {
  std::vector<Device*> devices = {&cpu_device()};
  const int32_t count = cuda_devices();
  for (int32_t i = 0; i < count; ++i) devices.push_back(&cuda_device(i));
  return devices;
}

}  // namespace peft
