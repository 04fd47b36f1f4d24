#include "peft/text.h"

#include <cstdio>

#include "base/file.h"
#include "capi/objects.h"
#include "capi/structs.h"
#include "capi/text.h"
#include "formats/gguf.h"
#include "models/tokenizer_files.h"
#include "text/chat_template.h"
#include "text/tokenizer_structure.h"

using namespace peft;
using namespace peft::capi;

namespace peft::capi {

peft_chat_options chat_defaults() {
  peft_chat_options options{};
  options.struct_size = sizeof options;
  options.add_generation_prompt = 1;
  return options;
}

std::string render_chat(const Tokenizer& tokenizer, const std::string& own_template, std::string_view json,
                        const peft_chat_options& options, const Limits& limits) {
  const std::string source = read_string_or(options.chat_template, "chat_template", own_template);
  check(!source.empty(), Code::not_found, "there is no chat template");
  check_flag(options.add_generation_prompt, "add_generation_prompt");
  const Json messages = parse_json(json, "messages", limits);
  ChatOptions chat;
  chat.add_generation_prompt = options.add_generation_prompt != 0;
  chat.bos_token = tokenizer.token_text(tokenizer.bos_id());
  chat.eos_token = tokenizer.token_text(tokenizer.eos_id());
  if (options.tools_json)
    chat.variables["tools"] =
        parse_json(read_string(options.tools_json, "tools_json", 1 << 24), "tools", limits);
  return ChatTemplate::compile(source, limits)->render(messages, chat);
}

void save_tokenizer(const Tokenizer& tokenizer, const std::string& chat_template, const std::string& folder) {
  make_folders(folder);
  // All are written before the first takes its name: what fails up to then leaves the folder as it was.
  const std::string template_path = join_path(folder, "chat_template.jinja");
  OutputFile json(join_path(folder, "tokenizer.json")), config(join_path(folder, "tokenizer_config.json"));
  json.write(tokenizer.to_json());
  config.write(tokenizer.config_json().empty() ? "{}\n" : tokenizer.config_json());
  std::optional<OutputFile> source;
  if (!chat_template.empty()) source.emplace(template_path).write(chat_template);
  json.commit();
  config.commit();
  if (source) source->commit();
  // One of an earlier tokenizer would be taken for this one's.
  else
    std::remove(template_path.c_str());
}

}  // namespace peft::capi

extern "C" {

peft_status peft_tokenizer_load(const peft_context* context, const char* path, peft_tokenizer** out) {
  return guard([&] {
    check_pointer(out, "out");
    const auto parent = shared<ContextObject>(context);
    const std::string name = read_string(path, "path");
    const Limits& limits = parent->limits;
    ModelText text;
    constexpr int64_t any_vocabulary = int64_t{1} << 31;
    if (is_folder(name)) {
      text = text_of_folder(Folder::open(name), Json::object(), any_vocabulary, limits);
    } else {
      InputFile file = InputFile::open(name);
      if (looks_like_gguf(file)) {
        text = text_of_gguf(GgufFile::open(std::move(file), limits)->metadata(), any_vocabulary, limits);
      } else {
        text.tokenizer = with_context(
            name, [&] { return Tokenizer::from_json(read_text_file(name, limits.json_bytes), "", limits); });
      }
    }
    check(text.tokenizer != nullptr, Code::not_found, "{}: there is no tokenizer", name);
    auto object = std::make_shared<TokenizerObject>();
    object->tokenizer = std::move(text.tokenizer);
    object->chat_template = std::move(text.chat_template);
    object->limits = limits;
    *out = static_cast<peft_tokenizer*>(add_handle(std::move(object)));
  });
}

peft_status peft_tokenizer_from_model(const peft_model* model, peft_tokenizer** out) {
  return guard([&] {
    check_pointer(out, "out");
    const auto parent = shared<ModelObject>(model);
    const Model& loaded = *parent->core->model;
    check(loaded.tokenizer() != nullptr, Code::not_found, "{}: the model came without a tokenizer",
          loaded.path());
    auto object = std::make_shared<TokenizerObject>();
    object->tokenizer = loaded.tokenizer();
    object->chat_template = loaded.chat_template();
    object->limits = parent->core->context->limits;
    *out = static_cast<peft_tokenizer*>(add_handle(std::move(object)));
  });
}

void peft_tokenizer_free(peft_tokenizer* tokenizer) { free_handle(tokenizer, ObjectType::tokenizer); }

peft_status peft_tokenizer_get_info(const peft_tokenizer* tokenizer, peft_tokenizer_info* info) {
  return guard([&] {
    check_output(info, "info");
    const auto object = shared<TokenizerObject>(tokenizer);
    const Tokenizer& source = *object->tokenizer;
    peft_tokenizer_info result{};
    result.vocabulary_size = static_cast<int32_t>(source.maximum_id() + 1);
    result.bos_id = source.bos_id();
    result.eos_id = source.eos_id();
    result.pad_id = source.padding_id();
    result.unknown_id = source.unknown_id();
    const std::vector<int32_t> ids = source.encode("a", true);
    result.adds_bos = result.bos_id >= 0 && !ids.empty() && ids.front() == result.bos_id;
    result.adds_eos = result.eos_id >= 0 && !ids.empty() && ids.back() == result.eos_id;
    result.has_chat_template = !object->chat_template.empty();
    const TokenizerKind kind = kind_of(source);
    copy_name(result.kind, kind.model);
    copy_name(result.pre_tokenizer, kind.pre_tokenizer);
    write_struct(info, result);
  });
}

peft_status peft_tokenizer_save(const peft_tokenizer* tokenizer, const char* path) {
  return guard([&] {
    const auto object = shared<TokenizerObject>(tokenizer);
    const std::string target = read_string(path, "path");
    check(!target.empty(), Code::invalid_argument, "path is empty");
    save_tokenizer(*object->tokenizer, object->chat_template, target);
  });
}

peft_status peft_tokenizer_encode(const peft_tokenizer* tokenizer, const char* text, size_t text_len,
                                  int32_t add_special, int32_t* data, size_t cap, size_t* len) {
  return guard([&] {
    const auto object = shared<TokenizerObject>(tokenizer);
    check_flag(add_special, "add_special");
    const std::vector<int32_t> ids =
        object->tokenizer->encode(read_text(text, text_len, object->limits.text_bytes), add_special != 0);
    deliver<int32_t>(ids, data, cap, len);
  });
}

peft_status peft_tokenizer_decode(const peft_tokenizer* tokenizer, const int32_t* data, size_t n,
                                  int32_t skip_special, char* buf, size_t cap, size_t* len) {
  return guard([&] {
    const auto object = shared<TokenizerObject>(tokenizer);
    check_flag(skip_special, "skip_special");
    const std::span<const int32_t> ids = read_ids(data, n, object->limits.text_bytes);
    for (const int32_t id : ids)
      check(id >= 0 && id <= object->tokenizer->maximum_id(), Code::invalid_argument,
            "the tokenizer has no token {}", id);
    deliver_text(object->tokenizer->decode(ids, skip_special != 0), buf, cap, len);
  });
}

peft_status peft_tokenizer_token_text(const peft_tokenizer* tokenizer, int32_t token_id, char* buf,
                                      size_t cap, size_t* len) {
  return guard(
      [&] { deliver_text(shared<TokenizerObject>(tokenizer)->tokenizer->token(token_id), buf, cap, len); });
}

peft_status peft_tokenizer_token_id(const peft_tokenizer* tokenizer, const char* text, size_t text_len,
                                    int32_t* token_id) {
  return guard([&] {
    check_pointer(token_id, "token_id");
    const auto object = shared<TokenizerObject>(tokenizer);
    const std::string_view token = read_text(text, text_len, object->limits.string_bytes);
    const std::optional<int32_t> id = object->tokenizer->token_id(token);
    check(id.has_value(), Code::not_found, "the tokenizer has no token of this spelling");
    *token_id = *id;
  });
}

peft_status peft_chat_options_init(peft_chat_options* options, size_t size) {
  return init_struct(options, size, chat_defaults());
}

peft_status peft_chat_apply(const peft_tokenizer* tokenizer, const char* json, size_t json_len,
                            const peft_chat_options* options, char* buf, size_t cap, size_t* len) {
  return guard([&] {
    const auto object = shared<TokenizerObject>(tokenizer);
    const peft_chat_options given = read_struct(options, chat_defaults(), "options");
    const std::string_view messages = read_text(json, json_len, object->limits.json_bytes, "json");
    deliver_text(render_chat(*object->tokenizer, object->chat_template, messages, given, object->limits), buf,
                 cap, len);
  });
}

peft_status peft_stream_decoder_create(const peft_tokenizer* tokenizer, int32_t skip_special,
                                       peft_stream_decoder** out) {
  return guard([&] {
    check_pointer(out, "out");
    check_flag(skip_special, "skip_special");
    const auto source = shared<TokenizerObject>(tokenizer);
    auto object = std::make_shared<StreamDecoderObject>();
    object->tokenizer = source->tokenizer;
    object->skip_special = skip_special != 0;
    object->decoder = std::make_unique<StreamDecoder>(object->tokenizer, object->skip_special);
    *out = static_cast<peft_stream_decoder*>(add_handle(std::move(object)));
  });
}

peft_status peft_stream_decoder_push(peft_stream_decoder* decoder, int32_t token_id, char* buf, size_t cap,
                                     size_t* len) {
  return guard([&] {
    const auto object = exclusive<StreamDecoderObject>(decoder);
    check(token_id == -1 || (token_id >= 0 && token_id <= object->tokenizer->maximum_id()),
          Code::invalid_argument, "the tokenizer has no token {}", token_id);
    if (!object->pending || object->pending_id != token_id) {
      // A token asked about but never taken: the decoder is brought back to what was taken.
      if (object->pending) {
        object->decoder = std::make_unique<StreamDecoder>(object->tokenizer, object->skip_special);
        for (const int32_t id : object->taken) object->decoder->step(id);
        object->pending.reset();
      }
      object->pending = token_id == -1 ? object->decoder->finish() : object->decoder->step(token_id);
      object->pending_id = token_id;
    }
    deliver_text(*object->pending, buf, cap, len);
    if (!takes(buf, cap, len)) return;
    if (token_id == -1)
      object->taken.clear();
    else
      object->taken.push_back(token_id);
    object->pending.reset();
  });
}

void peft_stream_decoder_free(peft_stream_decoder* decoder) {
  free_handle(decoder, ObjectType::stream_decoder);
}

}  // extern "C"
