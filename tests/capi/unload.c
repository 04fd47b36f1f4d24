/* The library can be opened, used and closed again and again: its threads end, its code goes, nothing crashes.
 *
 * unload LIBRARY TESTS */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peft/peft.h"

#define THAT(condition) \
  if (!(condition)) fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition), exit(1)
/* A function of the opened library in a variable of its own name. */
#define TAKE(name) \
  __typeof__(&name) take_##name; \
  *(void **)&take_##name = dlsym(library, #name); \
  THAT(take_##name != NULL)

static const char *library_path;
static char model_path[4096], tokenizer_path[4096];

static int threads_now(void) {
  DIR *tasks = opendir("/proc/self/task");
  struct dirent *entry;
  int count = 0;
  THAT(tasks != NULL);
  while ((entry = readdir(tasks)) != NULL) count += entry->d_name[0] != '.';
  closedir(tasks);
  return count;
}

/* Opens the library, trains, encodes, renders a chat, fails, and closes it. */
static void *use(void *unused) {
  static const int32_t ids[] = {3, 14, 15, 9, 26, 5, 35, 8};
  void *library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
  peft_context *context;
  peft_model *model;
  peft_adapter *adapter;
  peft_trainer *trainer;
  peft_tokenizer *tokenizer;
  peft_chat_options chat;
  int32_t encoded[16];
  size_t len;
  peft_row row;
  peft_step_options options;
  peft_trainer_options how;
  char text[256];
  int i;
  if (!library) fprintf(stderr, "%s\n", dlerror());
  THAT(library != NULL);
  TAKE(peft_context_create);
  TAKE(peft_context_free);
  TAKE(peft_model_load);
  TAKE(peft_model_free);
  TAKE(peft_attach_lora);
  TAKE(peft_adapter_free);
  TAKE(peft_trainer_options_init);
  TAKE(peft_trainer_create);
  TAKE(peft_trainer_free);
  TAKE(peft_step_options_init);
  TAKE(peft_train_step);
  TAKE(peft_last_error);
  TAKE(peft_tokenizer_load);
  TAKE(peft_tokenizer_encode);
  TAKE(peft_tokenizer_free);
  TAKE(peft_chat_options_init);
  TAKE(peft_chat_apply);
  THAT(take_peft_context_create(NULL, &context) == PEFT_OK);
  THAT(take_peft_model_load(context, model_path, NULL, &model) == PEFT_OK);
  THAT(take_peft_attach_lora(model, "a", NULL, &adapter) == PEFT_OK);
  THAT(take_peft_trainer_options_init(&how, sizeof how) == PEFT_OK);
  how.max_steps = 2;
  THAT(take_peft_trainer_create(model, adapter, NULL, &how, &trainer) == PEFT_OK);
  memset(&row, 0, sizeof row);
  row.struct_size = sizeof row, row.ids = ids, row.id_count = 8;
  THAT(take_peft_step_options_init(&options, sizeof options) == PEFT_OK);
  options.rows = &row, options.row_count = 1;
  for (i = 0; i < 2; ++i) THAT(take_peft_train_step(trainer, &options, NULL) == PEFT_OK);
  THAT(take_peft_tokenizer_load(context, tokenizer_path, &tokenizer) == PEFT_OK);
  THAT(take_peft_tokenizer_encode(tokenizer, "it's 1", 6, 1, encoded, 16, &len) == PEFT_OK && len == 6);
  THAT(take_peft_chat_options_init(&chat, sizeof chat) == PEFT_OK);
  chat.chat_template = "{% for m in messages %}{{ m.content|upper }}{% endfor %}";
  THAT(take_peft_chat_apply(tokenizer, "[{\"content\": \"a\"}]", 18, &chat, text, sizeof text, &len) == PEFT_OK);
  THAT(strcmp(text, "A") == 0);
  chat.chat_template = "{{ raise_exception('no') }}";
  THAT(take_peft_chat_apply(tokenizer, "[]", 2, &chat, text, sizeof text, &len) == PEFT_E_FORMAT);
  take_peft_tokenizer_free(tokenizer);
  THAT(take_peft_model_load(context, "nowhere", NULL, &model) == PEFT_E_NOT_FOUND);
  THAT(take_peft_last_error(text, sizeof text, NULL) == PEFT_OK && strstr(text, "nowhere"));
  take_peft_trainer_free(trainer);
  take_peft_adapter_free(adapter);
  take_peft_model_free(model);
  take_peft_context_free(context);
  THAT(dlclose(library) == 0);
  return unused;
}

int main(int count, char **arguments) {
  int i, before = 0;
  THAT(count == 3);
  library_path = arguments[1];
  snprintf(model_path, sizeof model_path, "%s/data/families/llama", arguments[2]);
  snprintf(tokenizer_path, sizeof tokenizer_path, "%s/capi/tokenizer.json", arguments[2]);
  for (i = 0; i < 20; ++i) {
    pthread_t other;
    use(NULL);
    THAT(dlopen(library_path, RTLD_NOW | RTLD_NOLOAD) == NULL); /* gone */
    THAT(pthread_create(&other, NULL, use, NULL) == 0);
    THAT(pthread_join(other, NULL) == 0);
    THAT(dlopen(library_path, RTLD_NOW | RTLD_NOLOAD) == NULL);
    if (i == 0) before = threads_now();
    THAT(threads_now() == before);
  }
  THAT(before == 1);
  printf("opened and closed 40 times\n");
  return 0;
}
