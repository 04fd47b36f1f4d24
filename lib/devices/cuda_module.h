// libpeft_cuda.so, loaded when a GPU is asked for.
#pragma once

#include <string>
#include <vector>

#include "tensor/module.h"

namespace peft {

// Where the module is looked for: $LIBPEFT_CUDA alone when set, else beside this library, then where
// dlopen(3) looks.
std::vector<std::string> cuda_module_places();

// Opens the module once; later calls give the same result. Code::device with the places and reasons when it
// cannot be opened, was built from another kernel list, or says that it cannot work here.
const ModuleTable& cuda_module();

// Opens the module at one of `places`, without remembering it; the returned table lives as long as the
// process.
const ModuleTable& open_module(const std::vector<std::string>& places);

}  // namespace peft
