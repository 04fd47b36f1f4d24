// Greedy answers to held-out rows, compared with the answers that the rows hold.
#pragma once

#include <string>
#include <vector>

#include "answer.h"
#include "api.h"

namespace peft_cli {

struct HeldOutRow {
  std::vector<int32_t> prompt;    // ids up to the first label that is not ignored
  std::vector<int32_t> expected;  // from there to the next label that is
  std::string prompt_text, expected_text;
};

// Texts are empty without a tokenizer. Rows without a prompt or an answer are left out.
std::vector<HeldOutRow> held_out_rows(const peft_dataset* rows, const peft_tokenizer* tokenizer,
                                      int64_t most);

struct MatchedAnswer {
  std::string text;
  bool matches = false;
};

struct ExactMatch {
  std::vector<MatchedAnswer> answers;  // one a row
  int64_t matches = 0;
  double share() const {
    return answers.empty() ? 0 : static_cast<double>(matches) / static_cast<double>(answers.size());
  }
};

// Texts are compared without blanks around them; token ids where there is no tokenizer. `label` stands on the
// progress line.
ExactMatch exact_match(const peft_model* model, const peft_adapter* adapter,
                       const ArithmeticSettings& arithmetic, const std::vector<HeldOutRow>& rows,
                       bool has_text, const std::string& label);

}  // namespace peft_cli
