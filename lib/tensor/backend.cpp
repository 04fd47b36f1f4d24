#include "tensor/backend.h"

#include "base/error.h"

namespace peft {

void Backend::raise() {
  const Error error(static_cast<Code>(fault_.code), fault_.text);
  if (error.code() != Code::device_lost) fault_ = {};
  throw error;
}

}  // namespace peft
