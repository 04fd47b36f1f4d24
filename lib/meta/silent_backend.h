// A backend whose kernels do nothing: every row of the kernel list as an empty override. What needs more
// overrides it again.
#pragma once

#include "tensor/backend.h"

namespace peft {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"

class SilentBackend : public Backend {
 public:
#define KERNEL(name, ...) \
  void name(__VA_ARGS__) override {}
#define SCRATCH(name, ...)
#include "tensor/kernels.def"
#undef KERNEL
#undef SCRATCH
};

#pragma GCC diagnostic pop

}  // namespace peft
