/* The second half of the day: logs, clashes of threads, a damaged checkpoint, merges that are refused and that stay. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenario.h"

typedef struct {
  int calls;
  char text[256];
} log_notes;

static int32_t note_log(void *user_data, peft_log_level level, const char *text, size_t text_len) {
  log_notes *notes = user_data;
  ++notes->calls;
  THAT(level == PEFT_LOG_WARNING && text_len < sizeof notes->text);
  memcpy(notes->text, text, text_len);
  notes->text[text_len] = 0;
  return 1; /* ignored */
}
static void drop_notes(void *user_data) { ((log_notes *)user_data)->calls = -1; }

static peft_dataset *four_rows(void) {
  peft_row rows[4];
  peft_dataset *dataset;
  int i;
  memset(rows, 0, sizeof rows);
  for (i = 0; i < 4; ++i) rows[i].struct_size = sizeof rows[i], rows[i].ids = ids + i, rows[i].id_count = 5;
  OK(peft_dataset_from_rows(context, rows, 4, NULL, &dataset));
  return dataset;
}

typedef struct {
  peft_trainer *trainer;
  peft_status step, info;
} other_thread;

static void *use_busy_trainer(void *user_data) {
  other_thread *other = user_data;
  peft_trainer_info info = {sizeof info};
  char text[128];
  other->step = peft_train_step(other->trainer, NULL, NULL);
  THAT(peft_last_error(text, sizeof text, NULL) == PEFT_OK && strstr(text, "another thread"));
  other->info = peft_trainer_get_info(other->trainer, &info);
  return NULL;
}

static int32_t clash(void *user_data, const peft_step_result *event) {
  pthread_t thread;
  (void)event;
  THAT(pthread_create(&thread, NULL, use_busy_trainer, user_data) == 0);
  THAT(pthread_join(thread, NULL) == 0);
  return 0;
}

static int32_t fail_at_once(void *user_data, const peft_step_result *event) {
  (void)user_data, (void)event;
  return -7;
}

void logs_and_clashes(peft_model *model) {
  peft_dataset *dataset = four_rows();
  peft_trainer_options options;
  peft_trainer *trainer;
  peft_adapter *adapter, *huge;
  peft_lora_config config;
  peft_step_result step = {sizeof step};
  other_thread other;
  log_notes notes;
  peft_log_level level = PEFT_LOG_OFF;
  char text[256];
  size_t len = 0, again = 0;

  OK(peft_attach_lora(model, "busy", NULL, &adapter));
  GIVES(PEFT_E_STATE, peft_attach_lora(model, "busy", NULL, &adapter));
  GIVES(PEFT_E_INVALID_ARGUMENT, peft_attach_lora(model, "a.b", NULL, &adapter));
  OK(peft_trainer_options_init(&options, sizeof options));
  options.max_steps = 2;
  OK(peft_trainer_create(model, adapter, dataset, &options, &trainer));
  memset(&other, 0, sizeof other);
  other.trainer = trainer;
  GIVES(PEFT_E_CALLBACK, peft_trainer_run(trainer, NULL, fail_at_once, NULL, NULL));
  OK(peft_trainer_run(trainer, NULL, clash, &other, NULL));
  THAT(other.step == PEFT_E_BUSY && other.info == PEFT_OK);
  peft_trainer_free(trainer);

  /* An update that no model survives: steps are skipped and the log says so, first to the queue, then to a function. */
  OK(peft_lora_config_init(&config, sizeof config));
  config.r = 1;
  config.lora_alpha = 1e9;
  OK(peft_attach_lora(model, "overflow", &config, &huge));
  OK(peft_adapter_set_scale(huge, 1e6));
  options.max_steps = 8;
  options.learning_rate = 1e6;
  options.warmup_ratio = 0;
  options.max_grad_norm = 0;
  OK(peft_trainer_create(model, huge, dataset, &options, &trainer));
  OK(peft_log_set_level(PEFT_LOG_WARNING));
  OK(peft_train_step(trainer, NULL, &step)); /* B is still zero */
  GIVES(PEFT_STEP_SKIPPED, peft_train_step(trainer, NULL, &step));
  THAT(step.skipped == 1 && step.skipped_steps == 1 && step.step == 2);
  OK(peft_log_poll(&level, NULL, 0, &len));
  THAT(level == PEFT_LOG_WARNING && len > 0);
  GIVES(PEFT_E_LIMIT, peft_log_poll(NULL, text, 3, &again));
  THAT(again == len);
  OK(peft_log_poll(&level, text, sizeof text, &again));
  THAT(again == len && strlen(text) == len && strstr(text, "step 2 skipped"));
  GIVES(PEFT_END, peft_log_poll(&level, text, sizeof text, NULL));
  memset(&notes, 0, sizeof notes);
  OK(peft_log_set_callback(note_log, &notes, drop_notes));
  GIVES(PEFT_STEP_SKIPPED, peft_train_step(trainer, NULL, &step));
  THAT(notes.calls == 1 && strstr(notes.text, "step 3 skipped"));
  GIVES(PEFT_END, peft_log_poll(&level, text, sizeof text, NULL));
  OK(peft_log_set_callback(NULL, NULL, NULL));
  THAT(notes.calls == -1);
  OK(peft_log_set_level(PEFT_LOG_OFF));
  peft_trainer_free(trainer);
  OK(peft_adapter_detach(huge));
  peft_adapter_free(huge);
  peft_dataset_free(dataset);
  OK(peft_adapter_detach(adapter));
  peft_adapter_free(adapter);
}

/* All numbers of an adapter one after the other, hashed. */
static double numbers_of(const peft_adapter *adapter) {
  static float values[8192];
  peft_adapter_info info = {sizeof info};
  double sum = 0;
  int64_t i;
  OK(peft_adapter_get_info(adapter, &info));
  for (i = 0; i < info.parameter_count; ++i) {
    char name[256];
    size_t count, k;
    OK(peft_adapter_parameter_at(adapter, i, NULL, name, sizeof name, NULL));
    OK(peft_adapter_parameter_read(adapter, name, values, 8192, &count));
    for (k = 0; k < count; ++k) sum = sum * 1.0000001 + values[k];
  }
  return sum;
}

void resume_after_damage(peft_model *model) {
  peft_dataset *dataset = four_rows();
  peft_trainer_options options;
  peft_trainer *trainer;
  peft_trainer_info info = {sizeof info};
  peft_adapter *adapter, *twin;
  double expected;
  char text[512];
  OK(peft_trainer_options_init(&options, sizeof options));
  options.max_steps = 6;
  options.save_steps = 2;
  options.output_dir = "run";
  OK(peft_attach_lora(model, "first_run", NULL, &adapter));
  OK(peft_attach_lora(model, "second_run", NULL, &twin));
  OK(peft_trainer_create(model, adapter, dataset, &options, &trainer));
  OK(peft_trainer_run(trainer, NULL, NULL, NULL, NULL));
  OK(peft_trainer_get_info(trainer, &info));
  THAT(info.finished == 1 && info.checkpoint_step == 6 && info.step == 6);
  expected = numbers_of(adapter);
  peft_trainer_free(trainer);

  THAT(truncate("run/checkpoint-6/adapter_model.safetensors", 100) == 0);
  OK(peft_trainer_create(model, twin, dataset, &options, &trainer));
  GIVES(PEFT_NOTE, peft_trainer_resume(trainer, NULL));
  OK(peft_last_error(text, sizeof text, NULL));
  THAT(strstr(text, "checkpoint-6"));
  OK(peft_trainer_get_info(trainer, &info));
  THAT(info.step == 4 && info.finished == 0);
  OK(peft_trainer_run(trainer, NULL, NULL, NULL, NULL));
  THAT(numbers_of(twin) == expected);
  OK(peft_trainer_checkpoint(trainer, "run/checkpoint-6", NULL));
  GIVES(PEFT_E_REFUSED, peft_trainer_checkpoint(trainer, "run", NULL)); /* holds other folders */
  peft_trainer_free(trainer);
  OK(peft_trainer_create(model, twin, dataset, &options, &trainer));
  GIVES(PEFT_E_NOT_FOUND, peft_trainer_resume(trainer, "nowhere"));
  peft_trainer_free(trainer);
  peft_dataset_free(dataset);
  OK(peft_adapter_detach(adapter));
  OK(peft_adapter_detach(twin));
  peft_adapter_free(adapter);
  peft_adapter_free(twin);
}

static void save_again(const peft_model *model, const char *path) {
  static float values[LOGITS], found[LOGITS];
  peft_model *again;
  OK(peft_model_save(model, path, NULL));
  again = load(path);
  logits_of(model, NULL, values);
  logits_of(again, NULL, found);
  THAT(distance(values, found) < 1e-6);
  peft_model_free(again);
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  THAT(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* The adapter that the first half saved as "adapter", merged dry, refused, and for good. */
void merge_for_good(const char *model_path, const float *plain) {
  static float adapted[LOGITS], merged[LOGITS], now[LOGITS];
  peft_model *model = load(model_path);
  peft_model_info info = {sizeof info};
  peft_adapter *adapter, *none;
  peft_adapter_info adapter_info = {sizeof adapter_info};
  peft_merge_options options;
  peft_merge_result result = {sizeof result};
  peft_quantize_options quantize;

  OK(peft_adapter_load(model, "adapter", "adapter", NULL, &adapter));
  logits_of(model, adapter, adapted);
  OK(peft_merge_options_init(&options, sizeof options));
  options.dry_run = 1;
  OK(peft_merge(model, adapter, &options, &result));
  THAT(result.merged == 0 && result.tensor_count > 0 && result.minimum_retained > 0.99 && result.original_bytes == 0);
  logits_of(model, NULL, now);
  THAT(distance(now, plain) == 0);
  GIVES(PEFT_E_STATE, peft_merge_discard(model));

  /* Into float32: saved as merged, and quantizing waits until that is final. */
  OK(peft_merge(model, adapter, NULL, &result));
  THAT(result.merged == 1 && result.original_bytes > 0);
  GIVES(PEFT_E_STATE, peft_adapter_set_scale(adapter, 2));
  GIVES(PEFT_E_STATE, peft_adapter_detach(adapter));
  logits_of(model, NULL, merged);
  THAT(distance(merged, adapted) < 1e-4);
  save_again(model, "merged");
  save_again(model, "merged.gguf");
  GIVES(PEFT_E_STATE, peft_quantize_nf4(model, NULL));
  OK(peft_unmerge(model));
  OK(peft_adapter_get_info(adapter, &adapter_info));
  THAT(adapter_info.merged == 0 && adapter_info.attached == 1);
  OK(peft_quantize_options_init(&quantize, sizeof quantize));
  quantize.block_size = 128;
  GIVES(PEFT_E_UNSUPPORTED, peft_quantize_nf4(model, &quantize));
  OK(peft_quantize_nf4(model, NULL));

  /* Four bits keep too little of a small update: refused, and nothing has changed. */
  logits_of(model, NULL, now);
  memset(&result, 0, sizeof result);
  result.struct_size = sizeof result;
  GIVES(PEFT_E_REFUSED, peft_merge(model, adapter, NULL, &result));
  THAT(result.merged == 0 && result.below_minimum > 0 && result.minimum_retained < 0.99);
  logits_of(model, NULL, merged);
  THAT(distance(now, merged) == 0);
  options.dry_run = 0;
  options.force = 1;
  OK(peft_merge(model, adapter, &options, &result));
  THAT(result.merged == 1 && result.below_minimum > 0);
  OK(peft_merge_discard(model));
  GIVES(PEFT_E_STATE, peft_unmerge(model));
  GIVES(PEFT_E_STATE, peft_merge(model, adapter, &options, NULL));
  OK(peft_model_get_info(model, &info));
  THAT(info.merged_adapters == 0 && info.original_bytes == 0 && info.adapter_count == 0);
  GIVES(PEFT_E_NOT_FOUND, peft_model_adapter_find(model, "adapter", &none));
  save_again(model, "merged_nf4");
  save_again(model, "merged_nf4"); /* over it */

  /* A folder of somebody's is not taken for a model's. */
  THAT(mkdir("mine", 0777) == 0 || access("mine/diary.txt", F_OK) == 0);
  write_file("mine/diary.txt", "dear diary\n");
  GIVES(PEFT_E_REFUSED, peft_model_save(model, "mine", NULL));
  THAT(access("mine/diary.txt", F_OK) == 0 && access("mine/config.json", F_OK) != 0);
  peft_adapter_free(adapter);
  peft_model_free(model);
}

/* All files of a tokenizer or none, and none of an earlier one. */
void tokenizers(const char *tests_path) {
  peft_tokenizer *tokenizer, *again;
  peft_tokenizer_info info = {sizeof info};
  int32_t data[64], other[64];
  size_t count, same;
  char path[4096];
  const char *text = "It's 12 \xed\x95\x9c<end>";
  snprintf(path, sizeof path, "%s/capi/tokenizer.json", tests_path);
  OK(peft_tokenizer_load(context, path, &tokenizer));
  OK(peft_tokenizer_get_info(tokenizer, &info));
  THAT(info.vocabulary_size == 257 && info.bos_id == -1 && info.has_chat_template == 0 && info.adds_bos == 0);
  THAT(strcmp(info.kind, "byte_level_bpe") == 0 && strcmp(info.pre_tokenizer, "gpt-2") == 0);
  OK(peft_tokenizer_save(tokenizer, "tokenizer"));
  write_file("tokenizer/chat_template.jinja", "of another tokenizer");
  write_file("tokenizer/notes.txt", "mine");
  OK(peft_tokenizer_save(tokenizer, "tokenizer"));
  THAT(access("tokenizer/chat_template.jinja", F_OK) != 0 && access("tokenizer/notes.txt", F_OK) == 0);
  OK(peft_tokenizer_load(context, "tokenizer", &again));
  OK(peft_tokenizer_encode(tokenizer, text, strlen(text), 1, data, 64, &count));
  OK(peft_tokenizer_encode(again, text, strlen(text), 1, other, 64, &same));
  THAT(count == same && memcmp(data, other, count * sizeof *data) == 0 && data[count - 1] == 256);
  peft_tokenizer_free(again);

  THAT(mkdir("half", 0777) == 0 || access("half", F_OK) == 0);
  THAT(mkdir("half/tokenizer_config.json", 0777) == 0 || access("half/tokenizer_config.json", F_OK) == 0);
  GIVES(PEFT_E_IO, peft_tokenizer_save(tokenizer, "half"));
  THAT(access("half/tokenizer.json", F_OK) != 0);
  peft_tokenizer_free(tokenizer);
}
