// Where the checkout and the build lie. Their paths stand in one object file (paths.cpp), so that all others are the same
// wherever a checkout is, and a compiler's cache knows them.
#pragma once

namespace peft::test {

const char* source_folder();
const char* binary_folder();

}  // namespace peft::test
