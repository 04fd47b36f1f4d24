/*
 * Lesson 4: fold an adapter into the weights, see what survives the rounding, save the result, undo it.
 *
 *   04_merge MODEL ADAPTER_FOLDER OUTPUT
 */
#include <stdio.h>
#include <stdlib.h>

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

static double score(const peft_model *model, const peft_adapter *adapter) {
  const int32_t ids[] = {1, 5, 9, 13, 17, 21, 25, 29};
  peft_score_options options;
  check(peft_score_options_init(&options, sizeof options));
  options.adapters = &adapter;
  options.adapter_count = adapter != NULL;
  peft_score_result result = {sizeof result};
  check(peft_score(model, ids, sizeof ids / sizeof ids[0], &options, &result, NULL, 0, NULL));
  return result.nll;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: %s MODEL ADAPTER_FOLDER OUTPUT\n", argv[0]);
    return 2;
  }
  peft_context *context = NULL;
  peft_model *model = NULL;
  peft_adapter *adapter = NULL;
  check(peft_context_create(NULL, &context));
  check(peft_model_load(context, argv[1], NULL, &model));
  /* PEFT_NOTE is no error: here it says that the files name another base model than this path. */
  check(peft_adapter_load(model, "lesson", argv[2], NULL, &adapter));
  printf("score of a row: base %.6f, with the adapter %.6f\n", score(model, NULL), score(model, adapter));

  /* In bfloat16 or four bits part of an update is rounded away: below 0.99 it is refused unless forced. */
  peft_merge_result result = {sizeof result};
  check(peft_merge(model, adapter, NULL, &result));
  printf("merged %lld tensors; of each update at least %.4f survived\n",
         (long long)result.tensor_count, result.minimum_retained);
  for (int64_t i = 0; i < result.tensor_count && i < 3; ++i) {
    peft_merge_tensor tensor = {sizeof tensor};
    char name[256];
    check(peft_merge_tensor_at(model, i, &tensor, name, sizeof name, NULL));
    printf("  %-44s %.6f\n", name, tensor.retained);
  }
  printf("score of the row: merged %.6f\n", score(model, NULL));
  check(peft_model_save(model, argv[3], NULL));

  /* The originals were kept: they come back bit for bit. */
  check(peft_unmerge(model));
  printf("score of the row: unmerged %.6f\n", score(model, NULL));

  peft_adapter_free(adapter);
  peft_model_free(model);
  peft_context_free(context);
  return 0;
}
