/* A process may end while other threads are inside the library: nothing crashes and nothing hangs. Only during the very
 * first product of matrices oneDNN builds its tables, and cannot be kept from tearing them down at the same time: the
 * threads tell when they are past that.
 *
 * exit TESTS [MICROSECONDS]: without a second argument it runs itself again and again. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peft/peft.h"

#define THAT(condition) \
  if (!(condition)) fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition), _exit(1)

static char path[4096];
static int started[2]; /* a pipe */

/* Loads, trains, fails and frees for ever. A call may end with PEFT_E_CANCELLED, and then all that follow do. */
static void *work(void *unused) {
  static const int32_t ids[] = {3, 14, 15, 9, 26, 5, 35, 8};
  peft_row row;
  peft_step_options options;
  peft_trainer_options how;
  int first = 1;
  memset(&row, 0, sizeof row);
  row.struct_size = sizeof row, row.ids = ids, row.id_count = 8;
  for (;;) {
    peft_context *context = NULL;
    peft_model *model = NULL;
    peft_adapter *adapter = NULL;
    peft_trainer *trainer = NULL;
    peft_status status = peft_context_create(NULL, &context);
    int i;
    if (status == PEFT_OK) status = peft_model_load(context, path, NULL, &model);
    if (status == PEFT_OK) status = peft_attach_lora(model, "a", NULL, &adapter);
    if (status == PEFT_OK) status = peft_trainer_options_init(&how, sizeof how);
    how.max_steps = 5;
    if (status == PEFT_OK) status = peft_trainer_create(model, adapter, NULL, &how, &trainer);
    if (status == PEFT_OK) status = peft_step_options_init(&options, sizeof options);
    options.rows = &row, options.row_count = 1;
    for (i = 0; i < 5 && status == PEFT_OK; ++i) status = peft_train_step(trainer, &options, NULL);
    THAT(status == PEFT_OK || status == PEFT_E_CANCELLED);
    status = peft_model_load(context, "nowhere", NULL, &model);
    THAT(status == PEFT_E_NOT_FOUND || status == PEFT_E_CANCELLED || status == PEFT_E_BAD_HANDLE);
    peft_trainer_free(trainer);
    peft_adapter_free(adapter);
    peft_model_free(model);
    peft_context_free(context);
    if (first) THAT(write(started[1], "", 1) == 1);
    first = 0;
  }
  return unused;
}

static void sleep_for(long microseconds) {
  struct timespec time = {0, 0};
  time.tv_nsec = microseconds * 1000;
  nanosleep(&time, NULL);
}

int main(int count, char **arguments) {
  pthread_t threads[3];
  char token[1];
  int i;
  THAT(count > 1);
  if (count > 2) {
    snprintf(path, sizeof path, "%s/data/families/llama", arguments[1]);
    THAT(pipe(started) == 0);
    for (i = 0; i < 3; ++i) THAT(pthread_create(&threads[i], NULL, work, NULL) == 0);
    for (i = 0; i < 3; ++i) THAT(read(started[0], token, 1) == 1);
    sleep_for(atol(arguments[2]));
    exit(0);
  }
  for (i = 0; i < 60; ++i) {
    char moment[32];
    int status = 0;
    const pid_t child = fork();
    snprintf(moment, sizeof moment, "%d", 711 * i);
    if (child == 0) {
      execl("/proc/self/exe", arguments[0], arguments[1], moment, (char *)NULL);
      _exit(9);
    }
    THAT(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fprintf(stderr, "ended after %s us: %d\n", moment, status);
    THAT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  printf("ended 60 times\n");
  return 0;
}
