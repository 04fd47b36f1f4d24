#include "exact_match.h"

#include <algorithm>

#include <fmt/format.h>

#include "interrupt.h"
#include "terminal.h"

namespace peft_cli {
namespace {

std::vector<int32_t> column(const peft_dataset* rows, int64_t row, peft_row_part part) {
  return read_numbers<int32_t>([&](int32_t* data, size_t capacity, size_t* size) {
    return peft_dataset_row(rows, row, part, data, capacity, size);
  });
}

std::string trimmed(const std::string& text) {
  constexpr const char* blanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace

std::vector<HeldOutRow> held_out_rows(const peft_dataset* rows, const peft_tokenizer* tokenizer,
                                      int64_t most) {
  std::vector<HeldOutRow> result;
  const int64_t count = info_of(rows).rows;
  for (int64_t i = 0; i < count && (most == 0 || static_cast<int64_t>(result.size()) < most); ++i) {
    const std::vector<int32_t> ids = column(rows, i, PEFT_ROW_IDS);
    const std::vector<int32_t> labels = column(rows, i, PEFT_ROW_LABELS);
    const auto bears = [](int32_t label) { return label != PEFT_LABEL_IGNORED; };
    const auto begin = std::find_if(labels.begin(), labels.end(), bears);
    const auto end = std::find_if_not(begin, labels.end(), bears);
    if (begin == labels.begin() || begin == end) continue;
    HeldOutRow row;
    row.prompt.assign(ids.begin(), ids.begin() + (begin - labels.begin()));
    row.expected.assign(ids.begin() + (begin - labels.begin()), ids.begin() + (end - labels.begin()));
    if (tokenizer) {
      row.prompt_text = decode(tokenizer, row.prompt, /*skip_special=*/false);
      row.expected_text = trimmed(decode(tokenizer, row.expected, /*skip_special=*/true));
    }
    result.push_back(std::move(row));
  }
  return result;
}

ExactMatch exact_match(const peft_model* model, const peft_adapter* adapter,
                       const ArithmeticSettings& arithmetic, const std::vector<HeldOutRow>& rows,
                       bool has_text, const std::string& label) {
  constexpr size_t plain_every = 20;
  constexpr int64_t more_tokens = 8;  // an answer that is longer than this is none that matches
  ExactMatch result;
  ProgressLine line;
  const Session session = make_session(model, adapter, arithmetic);
  auto prefill = defaults(peft_prefill_options_init);
  prefill.cancel = interrupt_token();
  for (const HeldOutRow& row : rows) {
    SamplingSettings sampling;
    sampling.max_new_tokens = static_cast<int64_t>(row.expected.size()) + (has_text ? more_tokens : 0);
    sampling.ignore_eos = !has_text;
    call(peft_session_rewind(session.get(), 0));
    sampling.apply(session.get(), interrupt_token());
    call(peft_session_prefill(session.get(), row.prompt.data(), row.prompt.size(), &prefill));
    const Answer made = read_answer(session.get(), has_text);
    MatchedAnswer answer;
    answer.text = has_text ? trimmed(made.text) : fmt::format("{}", fmt::join(made.token_ids, ","));
    answer.matches = has_text ? answer.text == row.expected_text : made.token_ids == row.expected;
    result.matches += answer.matches ? 1 : 0;
    result.answers.push_back(std::move(answer));
    const std::string text = fmt::format("{}: {} of {} answers, {} right", label, result.answers.size(),
                                         rows.size(), result.matches);
    line.show(text);
    if (!line.live() && result.answers.size() % plain_every == 0) line.plain(text);
  }
  return result;
}

}  // namespace peft_cli
