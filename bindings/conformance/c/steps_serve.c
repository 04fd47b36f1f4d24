/* Streaming, chat, many sessions at once, quantizing and merging. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"

peft_session *greedy_session(const peft_model *model, const peft_adapter *adapter, int64_t new_tokens) {
  peft_session_options options;
  peft_sampling_options sampling;
  peft_session *session = NULL;
  OK(peft_session_options_init(&options, sizeof options));
  options.adapters = &adapter;
  options.adapter_count = adapter != NULL;
  OK(peft_session_create(model, &options, &session));
  OK(peft_sampling_options_init(&sampling, sizeof sampling));
  sampling.max_new_tokens = new_tokens;
  sampling.ignore_eos = 1;
  OK(peft_session_set_sampling(session, &sampling));
  return session;
}

/* Also called on other threads, where a failed step must not jump: gives the status instead. */
static peft_status pull(peft_session *session, id_list *out) {
  for (out->count = 0;;) {
    peft_piece piece = {sizeof piece};
    const peft_status status = peft_session_next(session, &piece, NULL, 0, NULL);
    if (status != PEFT_OK) return status;
    out->data[out->count++] = piece.token_id;
  }
}

void generate(peft_session *session, id_list *out) { GIVES(PEFT_END, pull(session, out)); }

void step_stream(world *w) {
  id_list prompt, made, held;
  peft_session *session, *twin = NULL;
  double sum = 0;
  THAT(w->given);
  ids_of(&prompt, "stream.prompt");
  session = greedy_session(w->model, w->given, (int64_t)number_of("stream.max_new_tokens"));
  OK(peft_session_prefill(session, prompt.data, prompt.count, NULL));
  OK(peft_session_fork(session, &twin));
  for (made.count = 0;;) {
    peft_piece piece = {sizeof piece};
    const peft_status status = peft_session_next(session, &piece, NULL, 0, NULL);
    if (status == PEFT_END) {
      THAT(piece.finish_reason == PEFT_FINISH_LENGTH);
      break;
    }
    OK(status);
    THAT(piece.position == (int64_t)(prompt.count + made.count));
    made.data[made.count++] = piece.token_id;
    sum += piece.logprob;
  }
  THAT(made.count == number_of("stream.max_new_tokens"));
  print_ids("ids", made.data, made.count);
  print_bits("logprob", sum);
  generate(twin, &held);
  THAT(held.count == made.count && memcmp(held.data, made.data, made.count * sizeof *made.data) == 0);
  OK(peft_session_tokens(session, held.data, MAX_IDS, &held.count));
  THAT(held.count == prompt.count + made.count);
  THAT(memcmp(held.data + prompt.count, made.data, made.count * sizeof *made.data) == 0);
  peft_session_free(session);
  peft_session_free(twin);
}

void step_chat(world *w) {
  const char *messages = text_of("smollm2.messages_json");
  peft_session *session = NULL;
  peft_sampling_options sampling;
  bytes expected, text;
  id_list ids, made;
  if (!w->smollm2) step_skip("no model");
  OK(peft_session_create(w->smollm2, NULL, &session));
  OK(peft_sampling_options_init(&sampling, sizeof sampling));
  sampling.max_new_tokens = (int64_t)number_of("smollm2.max_new_tokens");
  OK(peft_session_set_sampling(session, &sampling));
  OK(peft_session_prefill_chat(session, messages, strlen(messages), NULL));
  for (made.count = text.size = 0;;) {
    peft_piece piece = {sizeof piece};
    size_t size = 0;
    const peft_status status =
        peft_session_next(session, &piece, text.data + text.size, MAX_TEXT - text.size, &size);
    if (status == PEFT_END) break;
    OK(status);
    if (piece.token_id >= 0) made.data[made.count++] = piece.token_id;
    text.size += size;
  }
  ids_of(&ids, "smollm2.answer_ids");
  hex_of(&expected, "smollm2.answer_hex");
  print_ids("ids", made.data, made.count);
  print_hex("text", text.data, text.size);
  THAT(made.count == ids.count && memcmp(made.data, ids.data, ids.count * sizeof *ids.data) == 0);
  THAT(text.size == expected.size && memcmp(text.data, expected.data, text.size) == 0);
  peft_session_free(session);
}

typedef struct {
  peft_session *session;
  id_list made;
  peft_status status;
} talk;

static void *speak(void *user_data) {
  talk *t = user_data;
  t->status = pull(t->session, &t->made);
  return NULL;
}

typedef struct {
  peft_trainer *trainer;
  peft_cancel *cancel;
  peft_status status;
} lesson;

static void *learn(void *user_data) {
  lesson *l = user_data;
  l->status = peft_trainer_run(l->trainer, l->cancel, NULL, NULL, NULL);
  return NULL;
}

/* Session i begins at token i of the row; even ones speak with the adapter. */
static peft_session *prompted(world *w, int i) {
  id_list row;
  peft_session *session =
      greedy_session(w->model, i % 2 ? NULL : w->given, (int64_t)number_of("sessions.max_new_tokens"));
  ids_of(&row, "row.ids");
  OK(peft_session_prefill(session, row.data + i, (size_t)number_of("sessions.prompt_length"), NULL));
  return session;
}

void step_sessions(world *w) {
  enum { MAX_SESSIONS = 8 };
  static talk talks[MAX_SESSIONS];
  pthread_t threads[MAX_SESSIONS], trainer_thread;
  const int count = (int)number_of("sessions.count");
  peft_adapter *learner;
  peft_trainer_options options;
  lesson l;
  int i;
  THAT(w->given && w->dataset && count <= MAX_SESSIONS);
  memset(&l, 0, sizeof l);
  learner = attach_small(w->model, "learner", (int)number_of("sessions.learner_r"),
                         (int64_t)number_of("sessions.learner_seed"));
  OK(peft_trainer_options_init(&options, sizeof options));
  options.max_steps = (int64_t)number_of("cancel.max_steps");
  OK(peft_trainer_create(w->model, learner, w->dataset, &options, &l.trainer));
  OK(peft_cancel_create(&l.cancel));
  THAT(pthread_create(&trainer_thread, NULL, learn, &l) == 0);
  for (i = 0; i < count; ++i) talks[i].session = prompted(w, i);
  for (i = 0; i < count; ++i) THAT(pthread_create(&threads[i], NULL, speak, &talks[i]) == 0);
  for (i = 0; i < count; ++i) pthread_join(threads[i], NULL);
  OK(peft_cancel_signal(l.cancel));
  pthread_join(trainer_thread, NULL);
  THAT(l.status == PEFT_E_CANCELLED);
  peft_trainer_free(l.trainer);
  peft_cancel_free(l.cancel);
  OK(peft_adapter_detach(learner));
  peft_adapter_free(learner);
  for (i = 0; i < count; ++i) {
    char key[32];
    id_list alone;
    peft_session *session = prompted(w, i);
    THAT(talks[i].status == PEFT_END);
    generate(session, &alone);
    THAT(alone.count == talks[i].made.count);
    THAT(memcmp(alone.data, talks[i].made.data, alone.count * sizeof *alone.data) == 0);
    snprintf(key, sizeof key, "ids.%d", i);
    print_ids(key, alone.data, alone.count);
    peft_session_free(session);
    peft_session_free(talks[i].session);
  }
}

void step_quantize(world *w) {
  peft_model *model = load_tiny(w->context);
  peft_model_info before = {sizeof before}, after = {sizeof after};
  id_list ids;
  ids_of(&ids, "row.ids");
  OK(peft_model_get_info(model, &before));
  OK(peft_quantize_nf4(model, NULL));
  OK(peft_model_get_info(model, &after));
  THAT(after.dtype == number_of("quantize.dtype") && after.weight_bytes < before.weight_bytes);
  print_integer("weight_bytes", after.weight_bytes);
  print_bits("nll", score_of(model, NULL, &ids));
  GIVES(PEFT_E_STATE, peft_quantize_nf4(model, NULL)); /* nothing is left to quantize */
  peft_model_free(model);
}

void step_merge(world *w) {
  peft_model *model = load_tiny(w->context);
  peft_adapter *adapter = NULL;
  peft_merge_options options;
  peft_merge_result dry = {sizeof dry}, result = {sizeof result};
  peft_merge_tensor tensor = {sizeof tensor};
  id_list ids;
  char path[4096], name[256];
  double before, adapted, merged, difference;
  int64_t i;
  path_in(path, sizeof path, w->work, "adapter");
  OK(peft_adapter_load(model, "merged", path, NULL, &adapter));
  ids_of(&ids, "row.ids");
  before = score_of(model, NULL, &ids);
  adapted = score_of(model, adapter, &ids);
  OK(peft_merge_options_init(&options, sizeof options));
  options.dry_run = 1;
  OK(peft_merge(model, adapter, &options, &dry));
  THAT(dry.merged == 0 && score_of(model, NULL, &ids) == before);
  OK(peft_merge(model, adapter, NULL, &result));
  THAT(result.merged == 1 && result.below_minimum == 0 && result.tensor_count == dry.tensor_count);
  for (i = 0; i < result.tensor_count; ++i) {
    OK(peft_merge_tensor_at(model, i, &tensor, name, sizeof name, NULL));
    THAT(tensor.retained > 0.99 && tensor.update_norm > 0);
  }
  print_integer("tensor_count", result.tensor_count);
  print_bits("minimum_retained", result.minimum_retained);
  print_bits("mean_retained", result.mean_retained);
  print_hex("last_tensor", name, strlen(name));
  merged = score_of(model, NULL, &ids);
  print_bits("nll", merged);
  difference = merged - adapted;
  THAT(difference < 1e-3 && difference > -1e-3);
  OK(peft_unmerge(model));
  THAT(score_of(model, NULL, &ids) == before);
  peft_adapter_free(adapter);
  peft_model_free(model);
}
