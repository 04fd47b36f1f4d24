/* Training, evaluation, saving, cancelling and resuming. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runner.h"

static peft_dataset *make_dataset(const peft_context *context) {
  enum { MAX_ROWS = 16 };
  static id_list ids[MAX_ROWS], labels[MAX_ROWS];
  peft_row rows[MAX_ROWS];
  peft_dataset *dataset = NULL;
  const int count = (int)number_of("train.rows.count");
  int i;
  memset(rows, 0, sizeof rows);
  for (i = 0; i < count; ++i) {
    ids_of(&ids[i], "train.rows.%d.ids", i);
    ids_of(&labels[i], "train.rows.%d.labels", i);
    rows[i].struct_size = sizeof rows[i];
    rows[i].ids = ids[i].data;
    rows[i].id_count = (int64_t)ids[i].count;
    if (!labels[i].count) continue;
    rows[i].label_kind = PEFT_LABEL_TOKENS;
    rows[i].labels = labels[i].data;
    rows[i].label_count = (int64_t)labels[i].count;
  }
  OK(peft_dataset_from_rows(context, rows, (size_t)count, NULL, &dataset));
  return dataset;
}

static void trainer_options(peft_trainer_options *options, const char *steps_key) {
  OK(peft_trainer_options_init(options, sizeof *options));
  options->batch_size = (int32_t)number_of("train.batch_size");
  options->gradient_accumulation_steps = (int32_t)number_of("train.gradient_accumulation_steps");
  options->learning_rate = number_of("train.learning_rate");
  options->seed = (int64_t)number_of("train.seed");
  options->max_steps = (int64_t)number_of("%s", steps_key);
}

static double step(peft_trainer *trainer, int64_t number, const char *key) {
  peft_step_result result = {sizeof result};
  char name[64];
  OK(peft_train_step(trainer, NULL, &result));
  THAT(result.step == number && result.kind == PEFT_EVENT_STEP && result.loss > 0);
  snprintf(name, sizeof name, "%s.%d", key, (int)number);
  print_bits(name, result.loss);
  return result.loss;
}

void step_train(world *w) {
  peft_trainer_options options;
  peft_trainer *trainer = NULL;
  peft_trainer_info info = {sizeof info};
  const int64_t steps = (int64_t)number_of("train.max_steps");
  double first = 0, last = 0;
  int64_t i;
  THAT(w->given);
  w->dataset = make_dataset(w->context);
  trainer_options(&options, "train.max_steps");
  OK(peft_trainer_create(w->model, w->given, w->dataset, &options, &trainer));
  for (i = 1; i <= steps; ++i) {
    last = step(trainer, i, "loss");
    if (i == 1) first = last;
  }
  THAT(last < first);
  GIVES(PEFT_END, peft_train_step(trainer, NULL, NULL));
  OK(peft_trainer_get_info(trainer, &info));
  THAT(info.step == steps && info.total_steps == steps);
  print_integer("tokens", info.tokens);
  peft_trainer_free(trainer);
}

static double evaluate(world *w, const peft_adapter *adapter, const char *key) {
  peft_evaluate_options options;
  peft_evaluate_result result = {sizeof result};
  char name[64];
  OK(peft_evaluate_options_init(&options, sizeof options));
  options.adapters = &adapter;
  options.adapter_count = adapter != NULL;
  OK(peft_evaluate(w->model, w->dataset, &options, &result));
  THAT(result.rows == number_of("train.rows.count"));
  snprintf(name, sizeof name, "%s.loss", key);
  print_bits(name, result.loss);
  snprintf(name, sizeof name, "%s.token_accuracy", key);
  print_bits(name, result.token_accuracy);
  snprintf(name, sizeof name, "%s.loss_tokens", key);
  print_integer(name, result.loss_tokens);
  return result.loss;
}

void step_evaluate(world *w) {
  THAT(w->given && w->dataset);
  THAT(evaluate(w, w->given, "adapter") < evaluate(w, NULL, "base"));
}

void step_save(world *w) {
  char path[4096], file[4200];
  FILE *opened;
  THAT(w->given);
  path_in(path, sizeof path, w->work, "adapter");
  OK(peft_adapter_save(w->given, path, NULL));
  path_in(file, sizeof file, path, "adapter_config.json");
  THAT((opened = fopen(file, "rb")) != NULL && fclose(opened) == 0);
  path_in(file, sizeof file, path, "adapter_model.safetensors");
  THAT((opened = fopen(file, "rb")) != NULL && fclose(opened) == 0);
  path_in(path, sizeof path, w->work, "model.gguf");
  OK(peft_model_save(w->model, path, NULL));
}

void step_load_beside(world *w) {
  char path[4096];
  peft_model *second = NULL;
  peft_model_info info = {sizeof info};
  peft_adapter *again = NULL, *found = NULL;
  id_list ids;
  double nll;
  THAT(w->given);
  ids_of(&ids, "row.ids");
  path_in(path, sizeof path, w->work, "model.gguf");
  OK(peft_model_load(w->context, path, NULL, &second));
  THAT(score_of(second, NULL, &ids) == score_of(w->model, NULL, &ids));
  peft_model_free(second);
  path_in(path, sizeof path, w->work, "adapter");
  OK(peft_adapter_load(w->model, "again", path, NULL, &again));
  OK(peft_model_get_info(w->model, &info));
  THAT(info.adapter_count == 2);
  OK(peft_model_adapter_find(w->model, "again", &found));
  nll = score_of(w->model, w->given, &ids);
  THAT(score_of(w->model, found, &ids) == nll);
  print_bits("nll", nll);
  OK(peft_adapter_detach(again));
  peft_adapter_free(found);
  peft_adapter_free(again);
}

static void *signal_later(void *cancel) {
  const double seconds = number_of("cancel.after_seconds");
  struct timespec pause;
  pause.tv_sec = (time_t)seconds;
  pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
  nanosleep(&pause, NULL);
  peft_cancel_signal(cancel);
  return NULL;
}

void step_cancel(world *w) {
  peft_trainer_options options;
  peft_trainer *trainer = NULL;
  peft_trainer_info info = {sizeof info}, after = {sizeof after};
  peft_adapter *adapter;
  peft_cancel *cancel = NULL;
  pthread_t thread;
  peft_status status;
  const time_t begin = time(NULL);
  THAT(w->dataset);
  adapter = attach_small(w->model, "endless", 4, 1);
  trainer_options(&options, "cancel.max_steps");
  OK(peft_trainer_create(w->model, adapter, w->dataset, &options, &trainer));
  OK(peft_cancel_create(&cancel));
  THAT(pthread_create(&thread, NULL, signal_later, cancel) == 0);
  status = peft_trainer_run(trainer, cancel, NULL, NULL, NULL);
  pthread_join(thread, NULL);
  GIVES(PEFT_E_CANCELLED, status);
  THAT(difftime(time(NULL), begin) <= number_of("cancel.within_seconds"));
  OK(peft_trainer_get_info(trainer, &info));
  THAT(info.step > 0 && info.finished == 0);
  OK(peft_train_step(trainer, NULL, NULL)); /* it can go on */
  OK(peft_trainer_get_info(trainer, &after));
  THAT(after.step == info.step + 1);
  peft_trainer_free(trainer);
  peft_cancel_free(cancel);
  OK(peft_adapter_detach(adapter));
  peft_adapter_free(adapter);
}

void step_resume(world *w) {
  peft_trainer_options options;
  peft_trainer *whole = NULL, *resumed = NULL;
  peft_trainer_info info = {sizeof info};
  peft_adapter *first, *second;
  const int64_t all = (int64_t)number_of("resume.max_steps"), cut = (int64_t)number_of("resume.checkpoint_after");
  const int r = (int)number_of("resume.r"), seed = (int)number_of("resume.seed");
  double losses[64];
  char path[4096];
  int64_t i;
  THAT(w->dataset && all < 64);
  path_in(path, sizeof path, w->work, "checkpoint");
  trainer_options(&options, "resume.max_steps");
  first = attach_small(w->model, "whole", r, seed);
  OK(peft_trainer_create(w->model, first, w->dataset, &options, &whole));
  for (i = 1; i <= all; ++i) {
    losses[i] = step(whole, i, "loss");
    if (i == cut) OK(peft_trainer_checkpoint(whole, path, NULL));
  }
  second = attach_small(w->model, "resumed", r, seed);
  OK(peft_trainer_create(w->model, second, w->dataset, &options, &resumed));
  OK(peft_trainer_resume(resumed, path));
  OK(peft_trainer_get_info(resumed, &info));
  THAT(info.step == cut && info.checkpoint_step == cut);
  for (i = cut + 1; i <= all; ++i) THAT(step(resumed, i, "resumed") == losses[i]);
  peft_trainer_free(resumed);
  peft_trainer_free(whole);
  OK(peft_adapter_detach(first));
  OK(peft_adapter_detach(second));
  peft_adapter_free(first);
  peft_adapter_free(second);
}
