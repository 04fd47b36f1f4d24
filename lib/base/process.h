// What the operating system and the container grant this process. For floor 0; others ask threads.h and
// memory.h.
#pragma once

#include <cstdint>

namespace peft {

// CPUs' worth of time that the control group allows, rounded up; 0 = no bound known.
int cgroup_cpus();
// Bytes that may still be allocated within the control group's bound; -1 = no bound known.
int64_t cgroup_free_bytes();

}  // namespace peft
