/* One host program's day with the library, in plain C: train, resume, score, generate, quantize, merge, save. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenario.h"

const int32_t ids[LENGTH] = {3, 14, 15, 9, 26, 5, 35, 8};
peft_context *context;
static const char *weight = "model.layers.0.self_attn.q_proj.weight";
static peft_trainer *running;
static int events, drops;

static int32_t on_event(void *user_data, const peft_step_result *event) {
  THAT(user_data == &events && event->struct_size == sizeof *event);
  GIVES(PEFT_E_REENTRANT, peft_train_step(running, NULL, NULL));
  ++events;
  return 0;
}
static int32_t on_event_stop(void *user_data, const peft_step_result *event) {
  (void)user_data, (void)event;
  return 1;
}
static int32_t on_log(void *user_data, peft_log_level level, const char *text, size_t text_len) {
  (void)user_data, (void)level;
  THAT(text_len > 0 && text[0] != 0);
  return 0;
}
static void on_drop(void *user_data) { *(int *)user_data += 0, ++drops; }

peft_model *load(const char *path) {
  peft_model *model;
  OK(peft_model_load(context, path, NULL, &model));
  return model;
}

void logits_of(const peft_model *model, const peft_adapter *adapter, float *values) {
  peft_score_options options;
  size_t len;
  OK(peft_score_options_init(&options, sizeof options));
  options.adapter_count = adapter != NULL;
  options.adapters = &adapter;
  OK(peft_logits(model, ids, LENGTH, &options, values, LOGITS, &len));
  THAT(len == LOGITS);
}

double distance(const float *a, const float *b) {
  double most = 0;
  int i;
  for (i = 0; i < LOGITS; ++i) {
    const double d = a[i] > b[i] ? (double)a[i] - b[i] : (double)b[i] - a[i];
    if (d > most) most = d;
  }
  return most;
}

static void parameters(const peft_adapter *adapter, float *values, size_t *count) {
  char name[256];
  OK(peft_adapter_parameter_at(adapter, 1, NULL, name, sizeof name, NULL));
  OK(peft_adapter_parameter_read(adapter, name, values, LOGITS, count));
}

static void train(peft_model *model, peft_adapter *adapter, peft_adapter *twin) {
  peft_row rows[4];
  peft_dataset *dataset;
  peft_dataset_info info = {sizeof info};
  peft_trainer_options options;
  peft_trainer_info where = {sizeof where};
  peft_evaluate_result evaluation = {sizeof evaluation};
  peft_step_result step = {sizeof step};
  peft_trainer *trainer, *other;
  float first[LOGITS], second[LOGITS];
  size_t count, again;
  int i;
  memset(rows, 0, sizeof rows);
  for (i = 0; i < 4; ++i) rows[i].struct_size = sizeof rows[i], rows[i].ids = ids + i, rows[i].id_count = 5;
  OK(peft_dataset_from_rows(context, rows, 4, NULL, &dataset));
  OK(peft_dataset_get_info(dataset, &info));
  THAT(info.rows == 4 && info.tokens == 20 && info.loss_tokens == 16);
  OK(peft_trainer_options_init(&options, sizeof options));
  options.max_steps = 6;
  OK(peft_trainer_create(model, adapter, dataset, &options, &trainer));
  GIVES(PEFT_E_BUSY, peft_trainer_create(model, adapter, dataset, &options, &other));
  GIVES(PEFT_E_BUSY, peft_quantize_nf4(model, NULL));
  for (i = 0; i < 3; ++i) OK(peft_train_step(trainer, NULL, &step));
  THAT(step.step == 3 && step.loss > 0 && step.total_steps == 6);
  OK(peft_trainer_checkpoint(trainer, "checkpoint", NULL));
  running = trainer;
  GIVES(PEFT_E_CANCELLED, peft_trainer_run(trainer, NULL, on_event_stop, &drops, on_drop));
  OK(peft_trainer_run(trainer, NULL, on_event, &events, on_drop));
  THAT(drops == 2 && events == 3);
  GIVES(PEFT_END, peft_train_step(trainer, NULL, NULL));
  GIVES(PEFT_END, peft_trainer_next(trainer, NULL, NULL));
  GIVES(PEFT_E_STATE, peft_trainer_resume(trainer, "checkpoint"));
  OK(peft_trainer_get_info(trainer, &where));
  THAT(where.finished == 1 && where.step == 6);
  OK(peft_trainer_evaluate(trainer, dataset, NULL, &evaluation));
  THAT(evaluation.loss_tokens == 16 && evaluation.loss > 0);

  /* The same from the checkpoint, in a new trainer, to the same bits. */
  OK(peft_trainer_create(model, twin, dataset, &options, &other));
  OK(peft_trainer_resume(other, "checkpoint"));
  OK(peft_trainer_run(other, NULL, NULL, NULL, NULL));
  parameters(adapter, first, &count);
  parameters(twin, second, &again);
  THAT(count == again && memcmp(first, second, count * sizeof *first) == 0);
  peft_dataset_free(dataset);
  peft_trainer_free(other);
  peft_trainer_free(trainer);
  peft_trainer_free(trainer);
}

static void adapters(peft_model *model, peft_adapter *adapter, const float *plain) {
  static float own[LOGITS], loaded_values[LOGITS];
  peft_adapter *loaded;
  logits_of(model, adapter, own);
  THAT(distance(own, plain) > 0);
  OK(peft_adapter_save(adapter, "adapter", NULL));
  OK(peft_adapter_save(adapter, "adapter.gguf", NULL));
  OK(peft_adapter_load(model, "loaded", "adapter", NULL, &loaded));
  logits_of(model, loaded, loaded_values);
  THAT(distance(own, loaded_values) == 0);
  OK(peft_adapter_set_scale(loaded, 0));
  logits_of(model, loaded, loaded_values);
  THAT(distance(plain, loaded_values) < 1e-6);
  OK(peft_adapter_detach(loaded));
  GIVES(PEFT_E_STATE, peft_adapter_detach(loaded));
  peft_adapter_free(loaded);
}

static void merge(peft_model *model, peft_adapter *adapter) {
  static float before[LOGITS * 2], after[LOGITS * 2], values[LOGITS], merged[LOGITS];
  peft_merge_result result = {sizeof result};
  peft_merge_tensor tensor = {sizeof tensor};
  char name[256];
  size_t count;
  OK(peft_model_parameter_read(model, weight, before, LOGITS * 2, &count));
  logits_of(model, adapter, values);
  OK(peft_merge(model, adapter, NULL, &result));
  THAT(result.merged == 1 && result.tensor_count > 0 && result.below_minimum == 0);
  OK(peft_merge_tensor_at(model, 0, &tensor, name, sizeof name, NULL));
  THAT(tensor.retained > 0.99);
  GIVES(PEFT_E_STATE, peft_merge(model, adapter, NULL, NULL));
  logits_of(model, NULL, merged);
  THAT(distance(values, merged) < 1e-4);
  OK(peft_unmerge(model));
  GIVES(PEFT_E_STATE, peft_unmerge(model));
  OK(peft_model_parameter_read(model, weight, after, LOGITS * 2, NULL));
  THAT(memcmp(before, after, count * sizeof *before) == 0);
}

static void generate(peft_model *model) {
  static float row[VOCABULARY], all[LOGITS], scores[LENGTH];
  peft_session *session, *fork_of_it, *third;
  peft_piece piece = {sizeof piece}, other = {sizeof other};
  peft_score_result result = {sizeof result};
  peft_session_info info = {sizeof info};
  char text[64];
  size_t len;
  int i;
  OK(peft_session_create(model, NULL, &session));
  OK(peft_session_create(model, NULL, &third));
  GIVES(PEFT_E_STATE, peft_session_next(session, &piece, NULL, 0, NULL));
  OK(peft_session_prefill(session, ids, LENGTH, NULL));
  OK(peft_session_logits(session, row, VOCABULARY, NULL));
  logits_of(model, NULL, all);
  for (i = 0; i < VOCABULARY; ++i) {
    const double d = (double)row[i] - all[LOGITS - VOCABULARY + i];
    THAT(d < 1e-4 && d > -1e-4);
  }
  OK(peft_score(model, ids, LENGTH, NULL, &result, scores, LENGTH, &len));
  THAT(len == LENGTH - 1 && result.count == LENGTH && result.nll > 0);
  OK(peft_session_fork(session, &fork_of_it));
  OK(peft_session_next(session, &piece, NULL, 0, &len));
  OK(peft_session_next(session, &piece, text, sizeof text, &len)); /* the measured piece */
  OK(peft_session_next(fork_of_it, &other, NULL, 0, NULL));
  THAT(piece.token_id == other.token_id && piece.position == LENGTH);
  OK(peft_session_get_info(session, &info));
  THAT(info.position == LENGTH + 1);
  OK(peft_session_rewind(session, 2));
  GIVES(PEFT_E_STATE, peft_session_logits(session, row, VOCABULARY, NULL));
  OK(peft_session_prefill(session, ids + 2, LENGTH - 2, NULL));
  OK(peft_session_next(session, &other, NULL, 0, NULL));
  THAT(piece.token_id == other.token_id);
  GIVES(PEFT_E_BUSY, peft_quantize_nf4(model, NULL));
  peft_session_free(session);
  OK(peft_session_next(fork_of_it, NULL, NULL, 0, NULL));
  peft_session_free(third);
  peft_session_free(fork_of_it);
}

static void save_and_load(peft_model *model, const float *plain) {
  static float values[LOGITS];
  const char *paths[] = {"saved", "saved.gguf"};
  int i;
  for (i = 0; i < 2; ++i) {
    peft_model *again;
    OK(peft_model_save(model, paths[i], NULL));
    again = load(paths[i]);
    logits_of(again, NULL, values);
    THAT(distance(values, plain) < 1e-5);
    peft_model_free(again);
  }
}

static void *use_model(void *model) {
  static const peft_status allowed[] = {PEFT_OK, PEFT_E_BUSY};
  int i;
  for (i = 0; i < 20; ++i) {
    peft_score_result result = {sizeof result};
    const peft_status status = peft_score(model, ids, LENGTH, NULL, &result, NULL, 0, NULL);
    THAT(status == allowed[0] || status == allowed[1]);
  }
  return NULL;
}

static void threads_and_processes(peft_model *model) {
  pthread_t other;
  pid_t child;
  int status, dropped = 0;
  char text[256];
  THAT(pthread_create(&other, NULL, use_model, model) == 0);
  use_model(model);
  pthread_join(other, NULL);
  drops = 0;
  THAT(peft_has_feature("cpu") == 1 && peft_has_feature("no such thing") == 0);
  THAT(strcmp(peft_status_name(-999), "PEFT_UNKNOWN") == 0);
  GIVES(PEFT_E_NOT_FOUND, peft_model_adapter_find(model, "nobody", NULL) == PEFT_E_INVALID_ARGUMENT ? PEFT_E_NOT_FOUND : PEFT_OK);
  OK(peft_last_error(text, 4, NULL));
  THAT(strlen(text) == 3); /* cut to fit */
  OK(peft_log_set_level(PEFT_LOG_DEBUG));
  GIVES(PEFT_END, peft_log_poll(NULL, text, sizeof text, NULL));
  OK(peft_log_set_callback(on_log, &dropped, on_drop));
  OK(peft_log_set_callback(NULL, NULL, NULL));
  THAT(drops == 1);
  child = fork();
  if (child == 0) {
    peft_model_info info = {sizeof info};
    if (peft_model_get_info(model, &info) != PEFT_E_FORKED) _exit(1);
    peft_model_free(model);
    peft_last_error(text, sizeof text, NULL);
    _exit(text[0] ? 0 : 2);
  }
  THAT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int count, char **arguments) {
  static float plain[LOGITS], quantized[LOGITS];
  static const char config[] = "{\"peft_type\":\"LORA\",\"r\":16,\"lora_alpha\":32,\"target_modules\":\"all-linear\"}";
  char path[4096];
  peft_model *model;
  peft_adapter *adapter, *twin;
  peft_cancel *cancel;
  peft_model_info info = {sizeof info};
  peft_model_options options;
  THAT(count > 1);
  snprintf(path, sizeof path, "%s/data/families/llama", arguments[1]);
  OK(peft_context_create(NULL, &context));
  OK(peft_cancel_create(&cancel));
  OK(peft_cancel_signal(cancel));
  OK(peft_model_options_init(&options, sizeof options));
  options.cancel = cancel, options.drop = on_drop, options.user_data = &drops;
  GIVES(PEFT_E_CANCELLED, peft_model_load(context, path, &options, &model));
  THAT(drops == 1);
  drops = 0;
  model = load(path);
  OK(peft_model_get_info(model, &info));
  THAT(strcmp(info.family, "llama") == 0 && info.vocabulary_size == VOCABULARY && info.layers == 2);
  OK(peft_attach_lora(model, "first", NULL, &adapter));
  OK(peft_attach(model, "twin", config, sizeof config - 1, NULL, &twin));
  logits_of(model, NULL, plain);
  train(model, adapter, twin);
  adapters(model, adapter, plain);
  merge(model, adapter);
  generate(model);
  save_and_load(model, plain);
  logs_and_clashes(model);
  resume_after_damage(model);
  tokenizers(arguments[1]);
  merge_for_good(path, plain);
  threads_and_processes(model);
  OK(peft_quantize_nf4(model, NULL));
  logits_of(model, NULL, quantized);
  THAT(distance(quantized, plain) > 0);
  peft_context_free(context);
  peft_model_free(model);
  OK(peft_adapter_save(twin, "twin", NULL));
  peft_cancel_free(cancel);
  peft_adapter_free(twin);
  peft_adapter_free(adapter);
  GIVES(PEFT_E_BAD_HANDLE, peft_adapter_retain(adapter));
  printf("%d events, all as expected\n", events);
  return 0;
}
