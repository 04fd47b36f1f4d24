/* Loading, text, adapters, training: what one host program does first. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

double score_of(const peft_model *model, const peft_adapter *adapter, const id_list *ids) {
  peft_score_options options;
  peft_score_result result = {sizeof result};
  OK(peft_score_options_init(&options, sizeof options));
  options.adapters = &adapter;
  options.adapter_count = adapter != NULL;
  OK(peft_score(model, ids->data, ids->count, &options, &result, NULL, 0, NULL));
  THAT(result.count == (int64_t)ids->count);
  return result.nll;
}

static const world *the_world;

peft_model *load_tiny(const peft_context *context) {
  char path[4096];
  peft_model *model = NULL;
  path_in(path, sizeof path, the_world->root, text_of("model.path"));
  OK(peft_model_load(context, path, NULL, &model));
  return model;
}

peft_adapter *attach_small(const peft_model *model, const char *name, int r, int64_t seed) {
  peft_lora_config config;
  peft_adapter *adapter = NULL;
  OK(peft_lora_config_init(&config, sizeof config));
  config.r = r;
  config.seed = seed;
  OK(peft_attach_lora(model, name, &config, &adapter));
  return adapter;
}

void step_load(world *w) {
  peft_model_info info = {sizeof info};
  id_list ids;
  double nll;
  the_world = w;
  OK(peft_context_create(NULL, &w->context));
  w->model = load_tiny(w->context);
  OK(peft_model_get_info(w->model, &info));
  THAT(strcmp(info.family, text_of("model.family")) == 0);
  THAT(info.layers == number_of("model.layers"));
  THAT(info.hidden_size == number_of("model.hidden_size"));
  THAT(info.attention_heads == number_of("model.attention_heads"));
  THAT(info.key_value_heads == number_of("model.key_value_heads"));
  THAT(info.vocabulary_size == number_of("model.vocabulary_size"));
  THAT(info.tied_head == number_of("model.tied_head"));
  THAT(info.parameter_elements == number_of("model.parameter_elements"));
  THAT(info.weight_bytes == number_of("model.weight_bytes"));
  ids_of(&ids, "row.ids");
  nll = score_of(w->model, NULL, &ids);
  THAT(fabs(nll - number_of("row.nll")) <= number_of("row.tolerance"));
  print_bits("nll", nll);
}

/* Every token alone through a stream decoder: the pieces together are the text. */
static void stream(const peft_tokenizer *tokenizer, const id_list *ids, const bytes *text) {
  peft_stream_decoder *decoder = NULL;
  bytes all;
  size_t i;
  all.size = 0;
  OK(peft_stream_decoder_create(tokenizer, 0, &decoder));
  for (i = 0; i <= ids->count; ++i) {
    char piece[256];
    size_t size = 0;
    OK(peft_stream_decoder_push(decoder, i < ids->count ? ids->data[i] : -1, piece, sizeof piece, &size));
    THAT(size == 0 || (piece[0] & 0xc0) != 0x80); /* whole code points */
    memcpy(all.data + all.size, piece, size);
    all.size += size;
  }
  peft_stream_decoder_free(decoder);
  THAT(all.size == text->size && memcmp(all.data, text->data, text->size) == 0);
}

static void encode_and_decode(const peft_tokenizer *tokenizer, const bytes *text, const id_list *expected) {
  id_list ids;
  bytes again;
  ids.count = again.size = 0;
  OK(peft_tokenizer_encode(tokenizer, text->data, text->size, 0, ids.data, MAX_IDS, &ids.count));
  if (ids.count != expected->count || memcmp(ids.data, expected->data, ids.count * sizeof *ids.data) != 0)
    step_fail("other ids for %.*s", (int)text->size, text->data);
  OK(peft_tokenizer_decode(tokenizer, ids.data, ids.count, 0, again.data, MAX_TEXT, &again.size));
  if (again.size != text->size || memcmp(again.data, text->data, text->size) != 0)
    step_fail("decoded to %.*s instead of %.*s", (int)again.size, again.data, (int)text->size, text->data);
  stream(tokenizer, &ids, text);
}

void step_text(world *w) {
  static const char messages[] = "[{\"role\": \"user\", \"content\": \"caf\\u00e9 \\ud83d\\ude00\"}]";
  static const char rendered[] = "user=caf\xc3\xa9 \xf0\x9f\x98\x80;";
  char path[4096], chat[256];
  const char *end = text_of("text.end_token");
  peft_tokenizer *tokenizer = NULL;
  peft_tokenizer_info info = {sizeof info};
  peft_chat_options options;
  size_t size = 0;
  int i, id = 0;
  path_in(path, sizeof path, w->root, text_of("text.tokenizer"));
  OK(peft_tokenizer_load(w->context, path, &tokenizer));
  OK(peft_tokenizer_get_info(tokenizer, &info));
  THAT(info.vocabulary_size == number_of("text.vocabulary_size"));
  OK(peft_tokenizer_token_id(tokenizer, end, strlen(end), &id));
  THAT(id == number_of("text.end_token_id"));
  for (i = 0; i < number_of("text.cases.count"); ++i) {
    bytes text;
    id_list ids;
    hex_of(&text, "text.cases.%d.utf8_hex", i);
    ids_of(&ids, "text.cases.%d.ids", i);
    encode_and_decode(tokenizer, &text, &ids);
  }
  for (i = 0; i < number_of("text.invalid.count"); ++i) {
    bytes text;
    hex_of(&text, "text.invalid.%d.hex", i);
    GIVES(PEFT_E_INVALID_ARGUMENT,
          peft_tokenizer_encode(tokenizer, text.data, text.size, 0, NULL, 0, &size));
  }
  OK(peft_chat_options_init(&options, sizeof options));
  options.chat_template = "{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}";
  OK(peft_chat_apply(tokenizer, messages, sizeof messages - 1, &options, chat, sizeof chat, &size));
  THAT(size == sizeof rendered - 1 && memcmp(chat, rendered, size) == 0);
  peft_tokenizer_free(tokenizer);
}

void step_load_smollm2(world *w) {
  const char *path = getenv("PEFT_SMOLLM2_GGUF"), *home = getenv("HOME");
  char usual[4096];
  peft_model_info info = {sizeof info};
  FILE *file;
  snprintf(usual, sizeof usual, "%s/.cache/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf", home ? home : "");
  if (!path || !*path) path = usual;
  file = fopen(path, "rb");
  if (!file) step_skip("no model");
  fclose(file);
  OK(peft_model_load(w->context, path, NULL, &w->smollm2));
  OK(peft_model_get_info(w->smollm2, &info));
  THAT(strcmp(info.family, text_of("smollm2.family")) == 0);
  THAT(info.vocabulary_size == number_of("smollm2.vocabulary_size"));
  THAT(info.layers == number_of("smollm2.layers"));
  THAT(info.has_tokenizer == 1 && info.has_chat_template == 1);
  print_integer("parameter_elements", info.parameter_elements);
}

void step_text_smollm2(world *w) {
  peft_tokenizer *tokenizer = NULL;
  const char *messages = text_of("smollm2.messages_json");
  bytes rendered, chat;
  id_list ids, prompt;
  int i;
  if (!w->smollm2) step_skip("no model");
  OK(peft_tokenizer_from_model(w->smollm2, &tokenizer));
  for (i = 0; i < number_of("smollm2.cases.count"); ++i) {
    bytes text;
    hex_of(&text, "smollm2.cases.%d.utf8_hex", i);
    ids_of(&ids, "smollm2.cases.%d.ids", i);
    encode_and_decode(tokenizer, &text, &ids);
  }
  hex_of(&rendered, "smollm2.rendered_hex");
  OK(peft_chat_apply(tokenizer, messages, strlen(messages), NULL, chat.data, MAX_TEXT, &chat.size));
  THAT(chat.size == rendered.size && memcmp(chat.data, rendered.data, chat.size) == 0);
  ids_of(&prompt, "smollm2.prompt_ids");
  OK(peft_tokenizer_encode(tokenizer, chat.data, chat.size, 0, ids.data, MAX_IDS, &ids.count));
  THAT(ids.count == prompt.count && memcmp(ids.data, prompt.data, ids.count * sizeof *ids.data) == 0);
  peft_tokenizer_free(tokenizer);
}

void step_adapter(world *w) {
  peft_adapter_info info = {sizeof info};
  char path[4096];
  id_list ids;
  peft_status status;
  double nll;
  THAT(w->model);
  path_in(path, sizeof path, w->root, text_of("adapter.path"));
  /* PEFT_NOTE: the files name another base model than the path it was loaded from. */
  status = peft_adapter_load(w->model, text_of("adapter.name"), path, NULL, &w->given);
  if (status != PEFT_NOTE) OK(status);
  OK(peft_adapter_get_info(w->given, &info));
  THAT(strcmp(info.method, text_of("adapter.method")) == 0);
  THAT(info.r == number_of("adapter.r") && info.lora_alpha == number_of("adapter.lora_alpha"));
  THAT(info.parameter_count == number_of("adapter.parameter_count"));
  THAT(info.trainable == 1 && info.attached == 1 && info.scale == 1);
  ids_of(&ids, "adapter.row_ids");
  nll = score_of(w->model, w->given, &ids);
  THAT(fabs(nll - number_of("adapter.nll")) <= number_of("adapter.tolerance"));
  print_bits("nll", nll);
}
