// Making answers: sampling settings and the loop over the pieces of a session.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api.h"
#include "model_settings.h"
#include "settings.h"

namespace peft_cli {

struct SamplingSettings {
  double temperature = 0, top_p = 1, min_p = 0, repetition_penalty = 1;
  int64_t top_k = 0, seed = 0, max_new_tokens = 256;
  std::string stop;  // one text, or a JSON array of texts
  bool ignore_eos = false;

  void add(Settings& settings);
  void apply(peft_session* session, const peft_cancel* cancel) const;
};

struct Answer {
  std::vector<int32_t> token_ids;  // new ones, the end of the sequence included
  std::string text;
  peft_finish_reason finish_reason = PEFT_FINISH_NONE;
  double prefill_seconds = 0, decode_seconds = 0;
  double first_token_seconds = 0;  // since the process was started
};

Session make_session(const peft_model* model, const peft_adapter* adapter,
                     const ArithmeticSettings& arithmetic);

// Takes every piece until the end; `take` is told each text, where the model has a tokenizer.
Answer read_answer(peft_session* session, bool has_text,
                   const std::function<void(std::string_view)>& take = nullptr);

const char* name_of(peft_finish_reason reason);
// Tokens a second after the first one, which belongs to the prefill.
double decode_speed(const Answer& answer);

// [{"role": "user", "content": text}], with a system message before it unless that is empty.
Json user_messages(const std::string& system, const std::string& text);

}  // namespace peft_cli
