#include "peft/generate.h"

#include <cmath>

#include "capi/objects.h"
#include "capi/structs.h"
#include "capi/text.h"

using namespace peft;
using namespace peft::capi;

namespace {

peft_session_options session_defaults() {
  peft_session_options options{};
  options.struct_size = sizeof options;
  options.compute_dtype = PEFT_DTYPE_FLOAT32;
  return options;
}

peft_prefill_options prefill_defaults() {
  peft_prefill_options options{};
  options.struct_size = sizeof options;
  options.add_special = PEFT_CHOICE_AUTO;
  options.add_generation_prompt = 1;
  return options;
}

peft_sampling_options sampling_defaults() {
  peft_sampling_options options{};
  options.struct_size = sizeof options;
  options.top_p = 1;
  options.repetition_penalty = 1;
  options.max_new_tokens = 256;
  return options;
}

GenerationOptions read_sampling(const peft_sampling_options& given, const Limits& limits) {
  GenerationOptions options;
  for (const double number : {given.temperature, given.top_p, given.min_p, given.repetition_penalty})
    check(std::isfinite(number), Code::invalid_argument, "a number among the sampling options is not finite");
  check(given.seed >= 0, Code::invalid_argument, "seed must not be negative, not {}", given.seed);
  options.sampling.temperature = given.temperature;
  options.sampling.top_k = given.top_k;
  options.sampling.top_p = given.top_p;
  options.sampling.min_p = given.min_p;
  options.sampling.repetition_penalty = given.repetition_penalty;
  options.sampling.seed = static_cast<uint64_t>(given.seed);
  options.max_new_tokens = given.max_new_tokens;
  check_flag(given.ignore_eos, "ignore_eos");
  check_flag(given.include_special, "include_special");
  options.ignore_end = given.ignore_eos != 0;
  options.include_special = given.include_special != 0;
  if (given.stop_json) {
    const Json stops = parse_json(read_string(given.stop_json, "stop_json", 1 << 20), "stop_json", limits);
    check(stops.is_array(), Code::format, "stop_json: expected an array of strings, found {}",
          stops.type_name());
    for (const Json& stop : stops) {
      check(stop.is_string() && !stop.get<std::string>().empty(), Code::format,
            "stop_json: expected strings, found {}", dump_json(stop));
      options.stops.push_back(stop.get<std::string>());
    }
  }
  return options;
}

void begin_anew(SessionObject& session) { session.pending.reset(); }

const Tokenizer& tokenizer_of(const SessionObject& session) {
  check(session.session->tokenizer() != nullptr, Code::state, "the model has no tokenizer");
  return *session.session->tokenizer();
}

}  // namespace

extern "C" {

peft_status peft_session_options_init(peft_session_options* options, size_t size) {
  return init_struct(options, size, session_defaults());
}

peft_status peft_session_create(const peft_model* model, const peft_session_options* options,
                                peft_session** out) {
  return guard([&] {
    check_pointer(out, "out");
    const peft_session_options given = read_struct(options, session_defaults(), "options");
    const auto parent = shared<ModelObject>(model);
    const std::shared_ptr<ModelCore> core = parent->core;
    check(given.context_length >= 0 && given.context_length <= core->context->limits.tokens, Code::limit,
          "context_length must be between 0 and {}, not {}", core->context->limits.tokens,
          given.context_length);
    const Arithmetic arithmetic = session_arithmetic(given.compute_dtype, given.activations);
    auto object = std::make_shared<SessionObject>(core);
    object->chat_template = core->model->chat_template();
    SessionModel source{core->transformer(), core->model->tokenizer(), core->model->end_tokens()};
    object->session = std::make_unique<Session>(
        std::move(source), snapshots(given.adapters, given.adapter_count, *core),
        [core, arithmetic] {
          auto context = core->make_context();
          context->arithmetic = arithmetic;
          return context;
        },
        given.context_length);
    *out = static_cast<peft_session*>(add_handle(std::move(object)));
  });
}

void peft_session_free(peft_session* session) { free_handle(session, ObjectType::session); }

peft_status peft_session_get_info(const peft_session* session, peft_session_info* info) {
  return guard([&] {
    check_output(info, "info");
    const auto object = shared<SessionObject>(session);
    const Session& source = *object->session;
    peft_session_info result{};
    result.finish_reason = static_cast<peft_finish_reason>(source.finish_reason());
    result.position = static_cast<int64_t>(source.tokens().size());
    result.context_length = source.context_length();
    result.new_tokens = source.new_tokens();
    result.cache_bytes = source.cache_bytes();
    result.memory_bytes = source.memory_bytes() + result.cache_bytes;
    result.prefill_seconds = source.prefill_seconds();
    result.decode_seconds = source.decode_seconds();
    write_struct(info, result);
  });
}

peft_status peft_prefill_options_init(peft_prefill_options* options, size_t size) {
  return init_struct(options, size, prefill_defaults());
}

peft_status peft_session_prefill(peft_session* session, const int32_t* data, size_t n,
                                 const peft_prefill_options* options) {
  return guard([&] {
    const peft_prefill_options given = read_struct(options, prefill_defaults(), "options");
    const auto object = exclusive<SessionObject>(session);
    const CancelUse cancel(given.cancel);
    object->session->prefill(read_ids(data, n, object->hold.core()->context->limits.tokens), cancel.token());
    begin_anew(*object);
  });
}

peft_status peft_session_prefill_text(peft_session* session, const char* text, size_t text_len,
                                      const peft_prefill_options* options) {
  return guard([&] {
    const peft_prefill_options given = read_struct(options, prefill_defaults(), "options");
    const auto object = exclusive<SessionObject>(session);
    const CancelUse cancel(given.cancel);
    check_range<int>(given.add_special, PEFT_CHOICE_NO, PEFT_CHOICE_AUTO, "add_special");
    const bool special = given.add_special == PEFT_CHOICE_AUTO ? object->session->tokens().empty()
                                                               : given.add_special == PEFT_CHOICE_YES;
    const Limits& limits = object->hold.core()->context->limits;
    const std::vector<int32_t> ids =
        tokenizer_of(*object).encode(read_text(text, text_len, limits.text_bytes), special, cancel.token());
    object->session->prefill(ids, cancel.token());
    begin_anew(*object);
  });
}

peft_status peft_session_prefill_chat(peft_session* session, const char* json, size_t json_len,
                                      const peft_prefill_options* options) {
  return guard([&] {
    const peft_prefill_options given = read_struct(options, prefill_defaults(), "options");
    const auto object = exclusive<SessionObject>(session);
    const CancelUse cancel(given.cancel);
    const Limits& limits = object->hold.core()->context->limits;
    peft_chat_options chat = chat_defaults();
    chat.add_generation_prompt = given.add_generation_prompt;
    chat.chat_template = given.chat_template;
    chat.tools_json = given.tools_json;
    const Tokenizer& tokenizer = tokenizer_of(*object);
    const std::string text = render_chat(tokenizer, object->chat_template,
                                         read_text(json, json_len, limits.json_bytes, "json"), chat, limits);
    object->session->replace(tokenizer.encode(text, false, cancel.token()), cancel.token());
    begin_anew(*object);
  });
}

peft_status peft_sampling_options_init(peft_sampling_options* options, size_t size) {
  return init_struct(options, size, sampling_defaults());
}

peft_status peft_session_set_sampling(peft_session* session, const peft_sampling_options* options) {
  return guard([&] {
    const peft_sampling_options given = read_struct(options, sampling_defaults(), "options");
    const auto object = exclusive<SessionObject>(session);
    const CancelUse cancel(given.cancel);
    GenerationOptions read = read_sampling(given, object->hold.core()->context->limits);
    read.cancel = cancel.token();
    object->session->set_options(std::move(read));
    object->cancels = {cancel.object()};
    begin_anew(*object);
  });
}

peft_status peft_session_next(peft_session* session, peft_piece* piece, char* buf, size_t cap, size_t* len) {
  return guard([&]() -> peft_status {
    if (piece) check_output(piece, "piece");
    const auto object = exclusive<SessionObject>(session);
    check(buf != nullptr || cap == 0, Code::invalid_argument, "buf is NULL but cap is {}", cap);
    if (!object->pending) object->pending = object->session->next();
    const Piece made = *object->pending;
    deliver_text(made.text, buf, cap, len);
    if (piece) {
      peft_piece result{};
      result.token_id = made.token;
      result.position = made.position;
      result.logprob = made.log_probability;
      result.finish_reason = static_cast<peft_finish_reason>(made.finish);
      write_struct(piece, result);
    }
    if (made.end || takes(buf, cap, len)) object->pending.reset();
    return made.end ? PEFT_END : PEFT_OK;
  });
}

peft_status peft_session_fork(const peft_session* session, peft_session** out) {
  return guard([&] {
    check_pointer(out, "out");
    const auto source = shared<SessionObject>(session);
    auto object = std::make_shared<SessionObject>(source->hold.core());
    object->session = source->session->fork();
    object->chat_template = source->chat_template;
    object->cancels = source->cancels;
    object->pending = source->pending;
    *out = static_cast<peft_session*>(add_handle(std::move(object)));
  });
}

peft_status peft_session_rewind(peft_session* session, int64_t position) {
  return guard([&] {
    const auto object = exclusive<SessionObject>(session);
    object->session->rewind(position);
    begin_anew(*object);
  });
}

peft_status peft_session_tokens(const peft_session* session, int32_t* data, size_t cap, size_t* len) {
  return guard([&] { deliver<int32_t>(shared<SessionObject>(session)->session->tokens(), data, cap, len); });
}

peft_status peft_session_logits(const peft_session* session, float* data, size_t cap, size_t* len) {
  return guard([&] {
    const auto object = shared<SessionObject>(session);
    check(!object->session->logits().empty(), Code::state,
          "the session is empty or was rewound: prefill it first");
    deliver<float>(object->session->logits(), data, cap, len);
  });
}

}  // extern "C"
