// A module that cannot work on this machine.
#include <cstring>

#include "tensor/module.h"

extern "C" __attribute__((visibility("default"))) const peft::ModuleTable* peft_module_open(
    const peft::ModuleHost* host, char* error, size_t error_size) {
  const char* text = host->fingerprint == peft::kernel_fingerprint() ? "the driver is too old" : "wrong host";
  std::strncpy(error, text, error_size - 1);
  return nullptr;
}
