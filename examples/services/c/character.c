#define _GNU_SOURCE /* nftw */
#include "character.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEPS = 24, SAVE_STEPS = 4, ROW = 256, PATH = 1024 };

/* What the loop calls fails like a call of the library. */
#define TRY(call) \
  do { \
    const peft_status failed = call; \
    if (failed < 0) return failed; \
  } while (0)

static void path_of(const character* self, char* path, const char* name, int number) {
  if (number < 0)
    snprintf(path, PATH, "%s/%s", self->folder, name);
  else
    snprintf(path, PATH, "%s/%s-%d", self->folder, name, number);
}

static int remove_one(const char* path, const struct stat* info, int kind, struct FTW* place) {
  (void)info, (void)kind, (void)place;
  return remove(path);
}

static void remove_tree(const character* self, const char* name, int number) {
  char path[PATH];
  path_of(self, path, name, number);
  nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void prompt_of(const char* word, char* text, size_t cap) {
  snprintf(text, cap, "The player says: %s\nThe character does:", word);
}

/* lessons.txt has a line a lesson; learned says how many of them adapter-N knows. */
static int remember(character* self) {
  char path[PATH];
  path_of(self, path, "lessons.txt", -1);
  FILE* file = fopen(path, "r");
  while (file && self->taught < CHARACTER_LESSONS) {
    lesson* next = &self->lessons[self->taught];
    if (fscanf(file, "%79[^=\n]=%79[^\n]\n", next->word, next->action) != 2) break;
    ++self->taught;
  }
  if (file) fclose(file);
  path_of(self, path, "learned", -1);
  file = fopen(path, "r");
  const int read = file ? fscanf(file, "%d", &self->learned) : 1;
  if (file) fclose(file);
  return read == 1 && self->learned >= 0 && self->learned <= self->taught ? 0 : -1;
}

static int note_learned(const character* self, int learned) {
  char path[PATH], fresh[PATH];
  path_of(self, path, "learned", -1);
  path_of(self, fresh, "learned.new", -1);
  FILE* file = fopen(fresh, "w");
  if (!file) return -1;
  const int written = fprintf(file, "%d\n", learned) > 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
  return (fclose(file) == 0) & written ? rename(fresh, path) : -1;
}

peft_status character_wake(character* self, const char* model, const char* folder) {
  memset(self, 0, sizeof *self);
  self->folder = folder;
  self->resumed_from = -1;
  if (mkdir(folder, 0777) < 0 && errno != EEXIST) return PEFT_E_IO;
  if (remember(self) < 0) return PEFT_E_FORMAT;
  peft_context_options options;
  TRY(peft_context_options_init(&options, sizeof options));
  options.threads = 1; /* the caller's: the library starts none */
  TRY(peft_context_create(&options, &self->context));
  TRY(peft_model_load(self->context, model, NULL, &self->model));
  TRY(peft_tokenizer_from_model(self->model, &self->tokenizer));
  if (self->learned > 0) {
    char path[PATH];
    path_of(self, path, "adapter", self->learned);
    return peft_adapter_load(self->model, "character", path, NULL, &self->adapter);
  }
  peft_lora_config lora;
  TRY(peft_lora_config_init(&lora, sizeof lora));
  lora.r = 8;
  lora.target_modules = "q_proj,v_proj";
  return peft_attach_lora(self->model, "character", &lora, &self->adapter);
}

peft_status character_teach(character* self, const char* word, const char* action) {
  if (self->taught == CHARACTER_LESSONS) return PEFT_E_LIMIT;
  if (!*word || !*action || strlen(word) >= CHARACTER_WORD || strlen(action) >= CHARACTER_WORD ||
      strpbrk(word, "=\r\n") || strpbrk(action, "\r\n"))
    return PEFT_E_INVALID_ARGUMENT;
  char path[PATH];
  path_of(self, path, "lessons.txt", -1);
  FILE* file = fopen(path, "a");
  if (!file) return PEFT_E_IO;
  const int written =
      fprintf(file, "%s=%s\n", word, action) > 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
  if ((fclose(file) != 0) | !written) return PEFT_E_IO;
  lesson* next = &self->lessons[self->taught++];
  strcpy(next->word, word);
  strcpy(next->action, action);
  return PEFT_OK;
}

int character_is_busy(const character* self) { return self->learned < self->taught; }

/* The answer alone bears a loss. */
static peft_status encode(const character* self, const lesson* told, peft_row* row, int32_t* ids,
                          int32_t* labels) {
  char text[ROW];
  size_t prompt = 0, answer = 0;
  prompt_of(told->word, text, sizeof text);
  TRY(peft_tokenizer_encode(self->tokenizer, text, strlen(text), 1, ids, ROW, &prompt));
  snprintf(text, sizeof text, " %s\n", told->action);
  TRY(peft_tokenizer_encode(self->tokenizer, text, strlen(text), 0, ids + prompt, ROW - prompt, &answer));
  for (size_t i = 0; i < prompt + answer; ++i) labels[i] = i < prompt ? PEFT_LABEL_IGNORED : ids[i];
  memset(row, 0, sizeof *row);
  row->struct_size = sizeof *row;
  row->label_kind = PEFT_LABEL_TOKENS;
  row->ids = ids;
  row->labels = labels;
  row->id_count = row->label_count = (int64_t)(prompt + answer);
  return PEFT_OK;
}

/* The next lesson and all before it, so that old words are not forgotten for a new one. */
static peft_status begin(character* self) {
  static int32_t ids[CHARACTER_LESSONS][ROW], labels[CHARACTER_LESSONS][ROW];
  peft_row rows[CHARACTER_LESSONS];
  const int count = self->learned + 1;
  for (int i = 0; i < count; ++i) TRY(encode(self, &self->lessons[i], &rows[i], ids[i], labels[i]));
  peft_dataset* dataset = NULL;
  TRY(peft_dataset_from_rows(self->context, rows, (size_t)count, NULL, &dataset));
  char run[PATH];
  path_of(self, run, "run", count);
  peft_trainer_options options;
  peft_trainer_options_init(&options, sizeof options);
  options.batch_size = options.gradient_accumulation_steps = 1;
  options.max_steps = (int64_t)STEPS * count;
  options.learning_rate = 2e-3;
  options.save_steps = SAVE_STEPS;
  options.output_dir = run;
  peft_trainer* trainer = NULL;
  peft_status status = peft_trainer_create(self->model, self->adapter, dataset, &options, &trainer);
  peft_dataset_free(dataset); /* the trainer keeps it */
  TRY(status);
  status = peft_trainer_resume(trainer, NULL);
  if (status < 0 && status != PEFT_E_NOT_FOUND) {
    peft_trainer_free(trainer);
    return status;
  }
  peft_trainer_info info = {sizeof info};
  peft_trainer_get_info(trainer, &info);
  self->resumed_from = status == PEFT_E_NOT_FOUND ? -1 : info.step;
  self->step = info.step;
  self->total_steps = info.total_steps;
  self->trainer = trainer;
  return PEFT_OK;
}

/* The adapter first, then the note that it is there, then away with what is not needed any more. */
static peft_status end(character* self) {
  char path[PATH];
  const int count = self->learned + 1;
  path_of(self, path, "adapter", count);
  TRY(peft_adapter_save(self->adapter, path, NULL));
  if (note_learned(self, count) < 0) return PEFT_E_IO;
  peft_trainer_free(self->trainer);
  self->trainer = NULL;
  self->learned = count;
  remove_tree(self, "run", count);
  remove_tree(self, "adapter", count - 1);
  return PEFT_OK;
}

peft_status character_study(character* self) {
  if (!character_is_busy(self)) return PEFT_END;
  if (!self->trainer) return begin(self);
  peft_step_result event = {sizeof event};
  const peft_status status = peft_trainer_next(self->trainer, NULL, &event);
  if (status == PEFT_END) return end(self);
  if (status >= 0 && event.kind == PEFT_EVENT_STEP) {
    self->step = event.step;
    self->loss = event.loss;
  }
  return status;
}

peft_status character_ask(const character* self, const char* word, peft_session** out) {
  const peft_adapter* adapter = self->adapter;
  peft_session_options options;
  TRY(peft_session_options_init(&options, sizeof options));
  options.adapters = &adapter;
  options.adapter_count = 1;
  peft_session* session = NULL;
  TRY(peft_session_create(self->model, &options, &session));
  peft_sampling_options sampling;
  peft_sampling_options_init(&sampling, sizeof sampling);
  sampling.max_new_tokens = 8;
  sampling.stop_json = "[\"\\n\"]";
  char text[ROW];
  prompt_of(word, text, sizeof text);
  peft_status status = peft_session_set_sampling(session, &sampling);
  if (status >= 0) status = peft_session_prefill_text(session, text, strlen(text), NULL);
  if (status < 0)
    peft_session_free(session);
  else
    *out = session;
  return status;
}

peft_status character_sleep(character* self) {
  peft_status status = PEFT_OK;
  if (self->trainer && self->step > 0) status = peft_trainer_checkpoint(self->trainer, NULL, NULL);
  peft_trainer_free(self->trainer);
  peft_adapter_free(self->adapter);
  peft_tokenizer_free(self->tokenizer);
  peft_model_free(self->model);
  peft_context_free(self->context);
  return status;
}
