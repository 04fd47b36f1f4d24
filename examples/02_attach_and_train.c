/*
 * Lesson 2: attach a LoRA adapter, train it step by step, save it as Hugging Face PEFT does.
 *
 *   02_attach_and_train MODEL OUTPUT_FOLDER [ROWS.jsonl]
 *
 * Without rows of your own a few made of numbers are learned by heart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peft/peft.h"

static peft_status check(peft_status status) {
  if (status < 0) {
    char message[1024];
    peft_last_error(message, sizeof message, NULL);
    fprintf(stderr, "%s: %s\n", peft_status_name(status), message);
    exit(1);
  }
  return status;
}

/* Rows can come from a file, from text in memory, or as tokens. Labels of PEFT_LABEL_IGNORED bear no loss. */
static peft_dataset *make_rows(const peft_context *context) {
  enum { ROWS = 8, TOKENS = 12 };
  static int32_t ids[ROWS][TOKENS], labels[ROWS][TOKENS];
  peft_row rows[ROWS];
  memset(rows, 0, sizeof rows);
  for (int r = 0; r < ROWS; ++r) {
    for (int t = 0; t < TOKENS; ++t) {
      ids[r][t] = (7 * r + 3 * t) % 90;
      labels[r][t] = t < 4 ? PEFT_LABEL_IGNORED : ids[r][t]; /* the first four are the prompt */
    }
    rows[r].struct_size = sizeof rows[r];
    rows[r].label_kind = PEFT_LABEL_TOKENS;
    rows[r].ids = ids[r];
    rows[r].id_count = TOKENS;
    rows[r].labels = labels[r];
    rows[r].label_count = TOKENS;
  }
  peft_dataset *dataset = NULL;
  check(peft_dataset_from_rows(context, rows, ROWS, NULL, &dataset));
  return dataset;
}

static peft_dataset *read_rows(const peft_context *context, const peft_model *model, const char *path) {
  peft_tokenizer *tokenizer = NULL;
  if (peft_tokenizer_from_model(model, &tokenizer) < 0) tokenizer = NULL; /* token rows need none */
  peft_dataset *dataset = NULL;
  check(peft_dataset_from_file(context, tokenizer, path, NULL, &dataset));
  peft_dataset_info info = {sizeof info};
  check(peft_dataset_get_info(dataset, &info));
  printf("%s\n", info.summary);
  peft_tokenizer_free(tokenizer);
  return dataset;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s MODEL OUTPUT_FOLDER [ROWS.jsonl]\n", argv[0]);
    return 2;
  }
  peft_context *context = NULL;
  peft_model *model = NULL;
  check(peft_context_create(NULL, &context));
  check(peft_model_load(context, argv[1], NULL, &model));
  peft_dataset *dataset = argc > 3 ? read_rows(context, model, argv[3]) : make_rows(context);

  /* The base weights stay frozen: what trains is two thin matrices beside each linear layer. */
  peft_lora_config lora;
  check(peft_lora_config_init(&lora, sizeof lora));
  lora.r = 8;
  lora.lora_alpha = 16;
  peft_adapter *adapter = NULL;
  check(peft_attach_lora(model, "lesson", &lora, &adapter));

  peft_trainer_options options;
  check(peft_trainer_options_init(&options, sizeof options));
  options.batch_size = 4;
  options.gradient_accumulation_steps = 1;
  options.learning_rate = 5e-3;
  options.max_steps = 20;
  peft_trainer *trainer = NULL;
  check(peft_trainer_create(model, adapter, dataset, &options, &trainer));

  /* One call is one step: forward, backward, update. PEFT_END says that all steps have been made. */
  for (;;) {
    peft_step_result step = {sizeof step};
    if (check(peft_train_step(trainer, NULL, &step)) == PEFT_END) break;
    printf("step %2lld of %lld  loss %.4f  %.0f tokens/s\n", (long long)step.step,
           (long long)step.total_steps, step.loss, step.tokens_per_second);
  }

  /* adapter_config.json and adapter_model.safetensors: PEFT loads the folder, and so does lesson 4. */
  check(peft_adapter_save(adapter, argv[2], NULL));
  printf("saved %s\n", argv[2]);

  peft_trainer_free(trainer);
  peft_adapter_free(adapter);
  peft_dataset_free(dataset);
  peft_model_free(model);
  peft_context_free(context);
  return 0;
}
