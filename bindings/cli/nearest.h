// The word that someone probably meant.
#pragma once

#include <string>
#include <vector>

namespace peft_cli {

// The known word with the smallest edit distance (insert, delete, replace, swap of neighbours), or "" when
// none is near: more than a third of the letters would have to change.
std::string nearest_word(const std::string& word, const std::vector<std::string>& known);

}  // namespace peft_cli
