// Identity of a data set: what a checkpoint keeps to notice that it is resumed on other rows.
#pragma once

#include <string>

namespace peft {

class Dataset;

// 32 hex digits (XXH3-128) of each row's length, ids and which of them bear a loss, in order. Neither the
// file's name nor the way of encoding counts. Dataset::fingerprint() is this, computed once.
std::string fingerprint_of(const Dataset& dataset);

}  // namespace peft
