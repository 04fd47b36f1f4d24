/* step_cost MODEL: what CostTest.AStepCostsWhatItCostsInC does, in C: microseconds around a step, and in it (medians). */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peft/peft.h"

enum { ROWS = 16, LENGTH = 64, WARM = 10, STEPS = 50 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int rising(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void ok(peft_status status) {
  char text[512];
  if (status >= 0) return;
  peft_last_error(text, sizeof text, NULL);
  fprintf(stderr, "step_cost: %s\n", text);
  exit(1);
}

int main(int argc, char **argv) {
  static int32_t ids[ROWS][LENGTH];
  static peft_row rows[ROWS];
  double around[STEPS], inside[STEPS];
  peft_context *context = NULL;
  peft_model *model = NULL;
  peft_dataset *dataset = NULL;
  peft_adapter *adapter = NULL;
  peft_trainer *trainer = NULL;
  peft_lora_config config;
  peft_trainer_options options;
  int i, j;
  if (argc != 2) return 2;
  ok(peft_context_create(NULL, &context));
  ok(peft_model_load(context, argv[1], NULL, &model));
  for (i = 0; i < ROWS; ++i) {
    for (j = 0; j < LENGTH; ++j) ids[i][j] = (7 * i + 3 * j) % 96;
    rows[i].struct_size = sizeof rows[i];
    rows[i].ids = ids[i];
    rows[i].id_count = LENGTH;
  }
  ok(peft_dataset_from_rows(context, rows, ROWS, NULL, &dataset));
  ok(peft_lora_config_init(&config, sizeof config));
  config.r = 8;
  ok(peft_attach_lora(model, "measured", &config, &adapter));
  ok(peft_trainer_options_init(&options, sizeof options));
  options.max_steps = WARM + STEPS;
  options.batch_size = 8;
  options.gradient_accumulation_steps = 2;
  ok(peft_trainer_create(model, adapter, dataset, &options, &trainer));
  for (i = 0; i < WARM + STEPS; ++i) {
    peft_step_result result = {sizeof result};
    const double begin = now();
    ok(peft_train_step(trainer, NULL, &result));
    if (i < WARM) continue;
    around[i - WARM] = now() - begin - result.seconds;
    inside[i - WARM] = result.seconds;
  }
  qsort(around, STEPS, sizeof *around, rising);
  qsort(inside, STEPS, sizeof *inside, rising);
  printf("%.3f %.3f\n", 1e6 * around[STEPS / 2], 1e6 * inside[STEPS / 2]);
  return 0;
}
