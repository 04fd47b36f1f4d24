// A module that was built from another kernel list.
#include "tensor/module.h"

extern "C" __attribute__((visibility("default"))) const peft::ModuleTable* peft_module_open(
    const peft::ModuleHost*, char*, size_t) {
  static const peft::ModuleTable table = {sizeof(peft::ModuleTable), peft::kernel_fingerprint() ^ 1, 0, 0,
                                          nullptr, nullptr, nullptr, nullptr};
  return &table;
}
