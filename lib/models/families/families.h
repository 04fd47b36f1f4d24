// The rows of families.cpp, each defined in the file of its name.
#pragma once

#include "models/family.h"

namespace peft {

extern const Family llama_family, mistral_family, qwen2_family, qwen3_family, gpt2_family;

}  // namespace peft
