/* Every kind of error that a program can meet, with its code; and giving all up in any order. */
#include <stdio.h>
#include <string.h>

#include "runner.h"

static int32_t fails(void *user_data, const peft_step_result *event) {
  (void)user_data, (void)event;
  return -1;
}

static peft_status inner;
static int32_t uses_itself(void *trainer, const peft_step_result *event) {
  (void)event;
  inner = peft_train_step(trainer, NULL, NULL);
  return 1;
}

static peft_trainer *trainer_of(world *w, const peft_adapter *adapter, const peft_dataset *dataset, double rate) {
  peft_trainer_options options;
  peft_trainer *trainer = NULL;
  OK(peft_trainer_options_init(&options, sizeof options));
  options.max_steps = 8;
  options.learning_rate = rate;
  options.warmup_ratio = 0;
  options.max_grad_norm = 0;
  options.max_skipped_in_row = 1;
  OK(peft_trainer_create(w->model, adapter, dataset, &options, &trainer));
  return trainer;
}

static peft_status small_context(world *w, int64_t bound) {
  peft_context_options options;
  peft_context *context = NULL;
  peft_model *model = NULL;
  peft_status status;
  char path[4096];
  OK(peft_context_options_init(&options, sizeof options));
  options.max_memory_bytes = bound;
  OK(peft_context_create(&options, &context));
  path_in(path, sizeof path, w->root, text_of("model.path"));
  status = peft_model_load(context, path, NULL, &model);
  peft_model_free(model);
  peft_context_free(context);
  return status;
}

static peft_status load_with(world *w, const char *device, const peft_cancel *cancel) {
  peft_model_options options;
  peft_model *model = NULL;
  char path[4096];
  OK(peft_model_options_init(&options, sizeof options));
  options.device = device;
  options.cancel = cancel;
  path_in(path, sizeof path, w->root, text_of("model.path"));
  return peft_model_load(w->context, path, &options, &model);
}

static peft_status mismatch(world *w) {
  static const int32_t beyond[] = {1, 2, 5000};
  peft_row row = {sizeof row};
  peft_dataset *dataset = NULL;
  peft_trainer *trainer = NULL;
  peft_status status;
  row.ids = beyond;
  row.id_count = 3;
  OK(peft_dataset_from_rows(w->context, &row, 1, NULL, &dataset));
  status = peft_trainer_create(w->model, w->given, dataset, NULL, &trainer);
  peft_dataset_free(dataset);
  return status;
}

/* An update so large that the second step has no finite loss. */
static peft_status numeric(world *w) {
  peft_lora_config config;
  peft_adapter *adapter = NULL;
  peft_trainer *trainer;
  peft_status status;
  OK(peft_lora_config_init(&config, sizeof config));
  config.r = 1;
  config.lora_alpha = 1e9;
  OK(peft_attach_lora(w->model, "overflow", &config, &adapter));
  OK(peft_adapter_set_scale(adapter, 1e6));
  trainer = trainer_of(w, adapter, w->dataset, 1e6);
  do
    status = peft_train_step(trainer, NULL, NULL);
  while (status == PEFT_OK || status == PEFT_STEP_SKIPPED);
  peft_trainer_free(trainer);
  peft_adapter_detach(adapter);
  peft_adapter_free(adapter);
  return status;
}

static peft_status on_fresh_model(world *w, const char *name) {
  peft_model *model = load_tiny(w->context);
  peft_adapter *adapter = NULL;
  peft_quantize_options options;
  peft_status status = PEFT_OK;
  char path[4096];
  if (strcmp(name, "unsupported") == 0) {
    OK(peft_quantize_options_init(&options, sizeof options));
    options.block_size = 128;
    status = peft_quantize_nf4(model, &options);
  } else if (strcmp(name, "state") == 0) {
    status = peft_unmerge(model);
  } else { /* refused: four bits keep too little of the update */
    path_in(path, sizeof path, w->work, "adapter");
    OK(peft_adapter_load(model, "small", path, NULL, &adapter));
    OK(peft_quantize_nf4(model, NULL));
    status = peft_merge(model, adapter, NULL, NULL);
    peft_adapter_free(adapter);
  }
  peft_model_free(model);
  return status;
}

static peft_status with_trainer(world *w, const char *name) {
  peft_adapter *adapter = attach_small(w->model, "held", 2, 1);
  peft_trainer *trainer = trainer_of(w, adapter, w->dataset, 1e-3), *second = NULL;
  peft_status status;
  if (strcmp(name, "busy") == 0) {
    status = peft_trainer_create(w->model, adapter, w->dataset, NULL, &second);
  } else if (strcmp(name, "callback") == 0) {
    status = peft_trainer_run(trainer, NULL, fails, NULL, NULL);
  } else {
    GIVES(PEFT_E_CANCELLED, peft_trainer_run(trainer, NULL, uses_itself, trainer, NULL));
    status = inner;
  }
  peft_trainer_free(trainer);
  peft_adapter_detach(adapter);
  peft_adapter_free(adapter);
  return status;
}

static peft_status provoke(world *w, const char *name) {
  peft_model *model = NULL;
  peft_adapter *adapter = NULL;
  peft_dataset *dataset = NULL;
  peft_session *session = NULL;
  peft_cancel *cancel = NULL;
  peft_session_options options;
  peft_lora_config config;
  peft_status status;
  id_list ids;
  if (strcmp(name, "invalid_argument") == 0) {
    OK(peft_lora_config_init(&config, sizeof config));
    config.r = -1;
    return peft_attach_lora(w->model, "none", &config, &adapter);
  }
  if (strcmp(name, "bad_handle") == 0) {
    OK(peft_cancel_create(&cancel));
    peft_cancel_free(cancel);
    return peft_cancel_signal(cancel);
  }
  if (strcmp(name, "out_of_memory") == 0) return small_context(w, 10000);
  if (strcmp(name, "io") == 0) return peft_adapter_save(w->given, "/dev/null/adapter", NULL);
  if (strcmp(name, "format") == 0)
    return peft_dataset_from_text(w->context, NULL, "{\"token_ids\": [1, 2", 17, NULL, &dataset);
  if (strcmp(name, "not_found") == 0) return peft_model_load(w->context, "/no/such/folder", NULL, &model);
  if (strcmp(name, "mismatch") == 0) return mismatch(w);
  if (strcmp(name, "numeric") == 0) return numeric(w);
  if (strcmp(name, "device") == 0) return load_with(w, "cuda:99", NULL);
  if (strcmp(name, "cancelled") == 0) {
    OK(peft_cancel_create(&cancel));
    OK(peft_cancel_signal(cancel));
    status = load_with(w, NULL, cancel);
    peft_cancel_free(cancel);
    return status;
  }
  if (strcmp(name, "limit") == 0) {
    OK(peft_session_options_init(&options, sizeof options));
    options.context_length = 4;
    OK(peft_session_create(w->model, &options, &session));
    ids_of(&ids, "row.ids");
    status = peft_session_prefill(session, ids.data, ids.count, NULL);
    peft_session_free(session);
    return status;
  }
  if (strcmp(name, "busy") == 0 || strcmp(name, "callback") == 0 || strcmp(name, "reentrant") == 0)
    return with_trainer(w, name);
  return on_fresh_model(w, name);
}

void step_errors(world *w) {
  int i;
  THAT(w->given && w->dataset);
  for (i = 0; i < number_of("errors.names.count"); ++i) {
    const char *name = peft_status_name((peft_status)number_of("errors.names.%d.code", i));
    THAT(strcmp(name, text_of("errors.names.%d.name", i)) == 0);
  }
  for (i = 0; i < number_of("errors.cases.count"); ++i) {
    const char *name = text_of("errors.cases.%d.name", i);
    const peft_status status = provoke(w, name), expected = (peft_status)number_of("errors.cases.%d.code", i);
    char text[1024] = "";
    size_t size = 0;
    peft_last_error(text, sizeof text, &size);
    if (status != expected)
      step_fail("%s gave %s: %s", name, peft_status_name(status), text);
    print_integer(name, status);
  }
}

/* Parents first: what is still held lives on. */
void step_close(world *w) {
  id_list ids;
  peft_session *session;
  THAT(w->model);
  session = greedy_session(w->model, w->given, 2);
  peft_context_free(w->context);
  peft_model_free(w->smollm2);
  peft_model_free(w->model);
  peft_adapter_free(w->given);
  peft_dataset_free(w->dataset);
  ids_of(&ids, "row.ids");
  OK(peft_session_prefill(session, ids.data, ids.count, NULL));
  generate(session, &ids);
  THAT(ids.count == 2);
  print_ids("ids", ids.data, ids.count);
  peft_session_free(session);
  GIVES(PEFT_E_BAD_HANDLE, peft_model_retain(w->model));
}
