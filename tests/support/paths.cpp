#include "support/paths.h"

namespace peft::test {

const char* source_folder() { return PEFT_SOURCE_DIR; }
const char* binary_folder() { return PEFT_BINARY_DIR; }

}  // namespace peft::test
