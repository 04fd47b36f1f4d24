#include "answer.h"

#include <limits>

#include <fmt/format.h>

#include "terminal.h"

namespace peft_cli {

void SamplingSettings::add(Settings& settings) {
  constexpr int64_t any = std::numeric_limits<int64_t>::max();
  settings.integer("max-new-tokens", max_new_tokens, 0, any, "most tokens of the answer; 0: until the end",
                   {"max_tokens", "n"});
  settings.number("temperature", temperature, {0, 1e6}, "0: always the most probable token", {"temp"});
  settings.integer("top-k", top_k, 0, std::numeric_limits<int32_t>::max(),
                   "only the k most probable; 0: all");
  settings.number("top-p", top_p, {1e-9, 1}, "smallest set of the most probable with this sum");
  settings.number("min-p", min_p, {0, 1}, "only those with this share of the most probable one's");
  settings.number("repetition-penalty", repetition_penalty, {1e-3, 1e3}, "1: none");
  settings.integer("seed", seed, 0, any, "equal seeds give equal answers");
  settings.text("stop", stop, "text that ends the answer, or a JSON array of such texts");
  settings.flag("ignore-eos", ignore_eos, "the end of the sequence does not end the answer");
}

void SamplingSettings::apply(peft_session* session, const peft_cancel* cancel) const {
  auto options = defaults(peft_sampling_options_init);
  options.temperature = temperature;
  options.top_k = static_cast<int32_t>(top_k);
  options.top_p = top_p;
  options.min_p = min_p;
  options.repetition_penalty = repetition_penalty;
  options.seed = seed;
  options.max_new_tokens = max_new_tokens;
  // "[/INST]" is a text: only what is an array is taken for one.
  const bool array = Json::parse(stop, nullptr, /*allow_exceptions=*/false).is_array();
  const std::string stop_json = stop.empty() || array ? stop : Json::array({stop}).dump();
  options.stop_json = stop_json.empty() ? nullptr : stop_json.c_str();
  options.ignore_eos = ignore_eos;
  options.cancel = cancel;
  call(peft_session_set_sampling(session, &options));
}

Session make_session(const peft_model* model, const peft_adapter* adapter,
                     const ArithmeticSettings& arithmetic) {
  auto options = defaults(peft_session_options_init);
  const peft_adapter* const active[] = {adapter};
  options.adapter_count = adapter ? 1 : 0;
  options.adapters = adapter ? active : nullptr;
  options.compute_dtype = arithmetic.dtype();
  options.activations = arithmetic.activation_kind();
  return make<Session>(peft_session_create, model, &options);
}

Answer read_answer(peft_session* session, bool has_text, const std::function<void(std::string_view)>& take) {
  Answer answer;
  std::string buffer(256, '\0');
  for (;;) {
    auto piece = empty_result<peft_piece>();
    size_t size = 0;
    const peft_status status = has_text
                                   ? peft_session_next(session, &piece, buffer.data(), buffer.size(), &size)
                                   : peft_session_next(session, &piece, nullptr, 0, nullptr);
    if (status == PEFT_E_LIMIT && size > buffer.size()) {
      buffer.resize(size);
      continue;
    }
    call(status);
    if (piece.finish_reason != PEFT_FINISH_NONE) answer.finish_reason = piece.finish_reason;
    if (status == PEFT_END) break;
    if (piece.token_id >= 0) {
      if (answer.token_ids.empty()) answer.first_token_seconds = process_seconds();
      answer.token_ids.push_back(piece.token_id);
    }
    if (size == 0) continue;
    const std::string_view text(buffer.data(), size);
    answer.text += text;
    if (take) take(text);
  }
  auto info = empty_result<peft_session_info>();
  call(peft_session_get_info(session, &info));
  answer.prefill_seconds = info.prefill_seconds;
  answer.decode_seconds = info.decode_seconds;
  return answer;
}

const char* name_of(peft_finish_reason reason) {
  switch (reason) {
    case PEFT_FINISH_EOS:
      return "eos";
    case PEFT_FINISH_STOP:
      return "stop";
    case PEFT_FINISH_LENGTH:
      return "length";
    case PEFT_FINISH_CONTEXT:
      return "context";
    case PEFT_FINISH_NONE:
    case PEFT_FINISH_FORCE32:
      break;
  }
  return "none";
}

double decode_speed(const Answer& answer) {
  if (answer.token_ids.size() < 2 || answer.decode_seconds <= 0) return 0;
  return static_cast<double>(answer.token_ids.size() - 1) / answer.decode_seconds;
}

Json user_messages(const std::string& system, const std::string& text) {
  Json messages = Json::array();
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  messages.push_back({{"role", "user"}, {"content", text}});
  return messages;
}

}  // namespace peft_cli
