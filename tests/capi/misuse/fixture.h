/* What the generated misuse test works with: live objects, good arguments, and the judge of every call. */
#pragma once

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peft/peft.h"

enum { ANY = 1000, MUST_FAIL = 1001, TEXT_SIZE = 1 << 20, ROOM = 65536, RECORD_SIZE = 8192 };

static peft_cancel *live_cancel, *dead_cancel;
static peft_context *live_context, *dead_context;
static peft_model *live_model, *dead_model;
static peft_tokenizer *live_tokenizer, *dead_tokenizer;
static peft_stream_decoder *live_stream_decoder, *dead_stream_decoder;
static peft_adapter *live_adapter, *dead_adapter;
static peft_dataset *live_dataset, *dead_dataset;
static peft_trainer *live_trainer, *dead_trainer;
static peft_session *live_session, *dead_session;

static char model_path[4096], tokenizer_path[4096];
static char big_text[TEXT_SIZE], long_text[100001];
static float big_floats[ROOM];
static int32_t big_ints[ROOM];
static const int32_t good_ids[8] = {3, 4, 5, 6, 7, 8, 9, 10};
static peft_row good_rows[2];
static const peft_adapter *dead_adapters[1];
static size_t length;
static int32_t integer;
static double number;
static peft_log_level level;
static long calls, failures;
static int alone; /* the model has neither session nor trainer */

/* A structure of the caller: `size` recorded, `fill` in all else of 8192 bytes. */
static unsigned char record_bytes[RECORD_SIZE];
static uint32_t record_size;
static int record_fill;
static void *record(size_t size, int fill) {
  memset(record_bytes, 0, sizeof record_bytes);
  record_size = (uint32_t)size;
  record_fill = fill;
  if (size < RECORD_SIZE) memset(record_bytes + size, fill, RECORD_SIZE - size);
  memcpy(record_bytes, &record_size, sizeof record_size);
  return record_bytes;
}

static void *const nobody = (void *)(uintptr_t)0x5a5a;
static void *out_object;
static void *fresh_out(void) {
  out_object = nobody;
  return &out_object;
}

static void complain(const char *what, const char *why, peft_status status) {
  ++failures;
  fprintf(stderr, "%s: %s (%s)\n", what, why, peft_status_name(status));
}

/* Every call ends with a known status, a message exactly when there is something to say, and nothing made when it failed. */
static void judge(const char *what, peft_status status, int expected) {
  size_t message = 0;
  ++calls;
  if (strcmp(peft_status_name(status), "PEFT_UNKNOWN") == 0) complain(what, "no status", status);
  if (status == PEFT_E_INTERNAL) {
    char text[512];
    peft_last_error(text, sizeof text, NULL);
    fprintf(stderr, "%s\n", text);
    complain(what, "an internal error", status);
  }
  if (alone && status == PEFT_E_BUSY) complain(what, "a model that nobody uses is busy", status);
  if (expected == MUST_FAIL ? status >= 0 : expected != ANY && status != expected) {
    char text[512];
    peft_last_error(text, sizeof text, NULL);
    fprintf(stderr, "expected %s: %s\n", expected == MUST_FAIL ? "a failure" : peft_status_name(expected), text);
    complain(what, "another status", status);
  }
  if (strncmp(what, "peft_last_error", 15) == 0) return;
  peft_last_error(NULL, 0, &message);
  if (status < 0 && message == 0) complain(what, "fails without a message", status);
  if (status == PEFT_OK && message > 0) complain(what, "succeeds with a message", status);
  if (status < 0 && out_object != nobody) complain(what, "fails and gives an object", status);
}

/* Nothing was written behind a structure's end. */
static void judge_record(const char *what) {
  size_t i;
  if (record_size >= RECORD_SIZE) return;
  for (i = record_size < 4 ? 4 : record_size; i < RECORD_SIZE; ++i) {
    if (record_bytes[i] == record_fill) continue;
    complain(what, "writes behind the structure", PEFT_OK);
    return;
  }
}

static void must(const char *what, peft_status status) {
  char text[1024];
  if (status == PEFT_OK) return;
  peft_last_error(text, sizeof text, NULL);
  fprintf(stderr, "%s: %s: %s\n", what, peft_status_name(status), text);
  exit(1);
}
#define MUST(call) must(#call, call)

static void set_up(const char *data) {
  peft_trainer_options trainer;
  peft_session_options session;
  peft_adapter *other;
  snprintf(model_path, sizeof model_path, "%s/data/families/llama", data);
  snprintf(tokenizer_path, sizeof tokenizer_path, "%s/capi/tokenizer.json", data);
  memset(long_text, 'x', sizeof long_text - 1);
  good_rows[0].struct_size = good_rows[1].struct_size = sizeof(peft_row);
  good_rows[0].ids = good_rows[1].ids = good_ids;
  good_rows[0].id_count = good_rows[1].id_count = 8;
  MUST(peft_context_create(NULL, &live_context));
  MUST(peft_cancel_create(&live_cancel));
  MUST(peft_model_load(live_context, model_path, NULL, &live_model));
  MUST(peft_tokenizer_load(live_context, tokenizer_path, &live_tokenizer));
  MUST(peft_stream_decoder_create(live_tokenizer, 0, &live_stream_decoder));
  MUST(peft_attach_lora(live_model, "tiny", NULL, &live_adapter));
  MUST(peft_attach_lora(live_model, "other", NULL, &other));
  MUST(peft_dataset_from_rows(live_context, good_rows, 2, NULL, &live_dataset));
  peft_trainer_options_init(&trainer, sizeof trainer);
  trainer.max_steps = 100;
  MUST(peft_trainer_create(live_model, live_adapter, live_dataset, &trainer, &live_trainer));
  peft_session_options_init(&session, sizeof session);
  MUST(peft_session_create(live_model, &session, &live_session));
  MUST(peft_session_prefill(live_session, good_ids, 4, NULL));

  MUST(peft_context_create(NULL, &dead_context));
  MUST(peft_cancel_create(&dead_cancel));
  MUST(peft_model_load(live_context, model_path, NULL, &dead_model));
  MUST(peft_tokenizer_load(live_context, tokenizer_path, &dead_tokenizer));
  MUST(peft_stream_decoder_create(live_tokenizer, 0, &dead_stream_decoder));
  MUST(peft_model_adapter_find(live_model, "tiny", &dead_adapter));
  MUST(peft_dataset_from_rows(live_context, good_rows, 2, NULL, &dead_dataset));
  MUST(peft_trainer_create(live_model, other, NULL, &trainer, &dead_trainer));
  MUST(peft_session_create(live_model, NULL, &dead_session));
  peft_context_free(dead_context);
  peft_cancel_free(dead_cancel);
  peft_model_free(dead_model);
  peft_tokenizer_free(dead_tokenizer);
  peft_stream_decoder_free(dead_stream_decoder);
  peft_adapter_free(dead_adapter);
  peft_dataset_free(dead_dataset);
  peft_trainer_free(dead_trainer);
  peft_session_free(dead_session);
  peft_adapter_free(other);
  dead_adapters[0] = dead_adapter;
}

/* A model alone with one adapter, as the call before left none of it. The others go on with theirs. */
static peft_model *used_model;
static peft_adapter *used_adapter;
static void renew(void) {
  if (used_model == NULL) {
    used_model = live_model;
    used_adapter = live_adapter;
  } else {
    peft_adapter_free(live_adapter);
    peft_model_free(live_model);
  }
  MUST(peft_model_load(live_context, model_path, NULL, &live_model));
  MUST(peft_attach_lora(live_model, "tiny", NULL, &live_adapter));
}

static void back_together(void) {
  alone = 0;
  if (used_model == NULL) return;
  peft_adapter_free(live_adapter);
  peft_model_free(live_model);
  live_model = used_model;
  live_adapter = used_adapter;
}

/* After all that the objects still work, and go in any order, twice. */
static void tear_down(void) {
  peft_model_info info = {sizeof info};
  int round;
  MUST(peft_model_get_info(live_model, &info));
  if (peft_train_step(live_trainer, NULL, NULL) < 0) complain("peft_train_step", "fails after all", PEFT_OK);
  MUST(peft_session_prefill(live_session, good_ids, 1, NULL));
  MUST(peft_session_next(live_session, NULL, NULL, 0, NULL));
  for (round = 0; round < 2; ++round) {
    peft_context_free(live_context);
    peft_model_free(live_model);
    peft_adapter_free(live_adapter);
    peft_session_free(live_session);
    peft_trainer_free(live_trainer);
    peft_dataset_free(live_dataset);
    peft_stream_decoder_free(live_stream_decoder);
    peft_tokenizer_free(live_tokenizer);
    peft_cancel_free(live_cancel);
  }
}
