/*
 * Lesson 3: QLoRA. Quantize the frozen weights to four bits, train over them, evaluate before and after.
 *
 *   03_qlora MODEL OUTPUT_FOLDER [ROWS.jsonl]
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

/* Token rows need no tokenizer, so they fit every model. */
static const char rows[] =
    "{\"token_ids\": [5, 8, 13, 21, 34, 55, 89, 3, 5, 8, 13, 21]}\n"
    "{\"token_ids\": [2, 4, 8, 16, 32, 64, 2, 4, 8, 16, 32, 64]}\n"
    "{\"token_ids\": [9, 7, 5, 3, 1, 9, 7, 5, 3, 1, 9, 7]}\n"
    "{\"token_ids\": [11, 22, 33, 44, 55, 66, 77, 88, 11, 22, 33, 44]}\n";

static double loss_of(const peft_model *model, const peft_dataset *dataset, const peft_adapter *adapter) {
  peft_evaluate_options options;
  check(peft_evaluate_options_init(&options, sizeof options));
  options.adapters = &adapter;
  options.adapter_count = adapter != NULL;
  peft_evaluate_result result = {sizeof result};
  check(peft_evaluate(model, dataset, &options, &result));
  return result.loss;
}

/* A callback is told every event; it returns 0 to go on and 1 to stop. */
static int32_t show(void *user_data, const peft_step_result *event) {
  (void)user_data;
  if (event->kind == PEFT_EVENT_STEP && event->step % 10 == 0)
    printf("step %lld  loss %.4f\n", (long long)event->step, event->loss);
  return 0;
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

  peft_tokenizer *tokenizer = NULL;
  if (peft_tokenizer_from_model(model, &tokenizer) < 0) tokenizer = NULL;
  peft_dataset *dataset = NULL;
  if (argc > 3)
    check(peft_dataset_from_file(context, tokenizer, argv[3], NULL, &dataset));
  else
    check(peft_dataset_from_text(context, tokenizer, rows, strlen(rows), NULL, &dataset));

  /* In place, with the codes of bitsandbytes. Nothing else changes: LoRA does not know what it stands on. */
  peft_model_info before = {sizeof before}, after = {sizeof after};
  check(peft_model_get_info(model, &before));
  printf("loss in full precision    %.4f\n", loss_of(model, dataset, NULL));
  check(peft_quantize_nf4(model, NULL));
  check(peft_model_get_info(model, &after));
  printf("weights %lld -> %lld bytes\n", (long long)before.weight_bytes, (long long)after.weight_bytes);
  printf("loss in four bits         %.4f\n", loss_of(model, dataset, NULL));

  peft_adapter *adapter = NULL;
  check(peft_attach_lora(model, "lesson", NULL, &adapter));
  peft_trainer_options options;
  check(peft_trainer_options_init(&options, sizeof options));
  options.learning_rate = 5e-3;
  options.max_steps = 40;
  peft_trainer *trainer = NULL;
  check(peft_trainer_create(model, adapter, dataset, &options, &trainer));
  check(peft_trainer_run(trainer, NULL, show, NULL, NULL));
  printf("loss in four bits + LoRA  %.4f\n", loss_of(model, dataset, adapter));
  check(peft_adapter_save(adapter, argv[2], NULL));

  peft_trainer_free(trainer);
  peft_adapter_free(adapter);
  peft_dataset_free(dataset);
  peft_tokenizer_free(tokenizer);
  peft_model_free(model);
  peft_context_free(context);
  return 0;
}
