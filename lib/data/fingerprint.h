// Identity of a data set: what a checkpoint keeps to notice that it is resumed on other rows.
#pragma once

#include <string>

namespace peft {

class Dataset;

// XXH3-128 over the number of rows and each row's length, ids and labels, in order; 32 hex digits. Neither the file's name
// nor the way of encoding counts. Dataset::fingerprint() is this, computed once.
std::string fingerprint_of(const Dataset& dataset);

}  // namespace peft
