// A device of a loaded module, as contexts see it: what the module's table gives, with faults thrown as errors.
#pragma once

#include <memory>

#include "tensor/module.h"

namespace peft {

// `module` lives as long as the process.
std::unique_ptr<Device> make_module_device(const ModuleTable& module, int32_t index);

}  // namespace peft
