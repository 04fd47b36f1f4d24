// The table of devices. A backend is added as a row of devices.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/backend.h"

namespace peft {

// The device of a name; safe from any thread. It lives as long as the process.
//   "cpu"     always there
//   "cuda:N"  GPU N, "cuda" is "cuda:0"; Code::device naming the places looked at when libpeft_cuda.so or the GPU is
//             absent
//   "auto"    the first GPU when there is one, else the CPU
//   "meta"    counts for the CPU; an estimate makes its own (meta/meta_backend.h) so that counters are not shared
// Anything else is Code::invalid_argument with the known names. Nothing falls back silently.
Device& find_device(std::string_view name);

// Devices that can be used now, the CPU first, GPUs after it.
std::vector<Device*> available_devices();

}  // namespace peft
