/*
 * Lesson 5: one resident model, several characters. Each session has its own adapter and its own cache, and
 * a trainer works on the same weights at the same time.
 *
 *   05_many_sessions MODEL
 */
#include <stdio.h>
#include <stdlib.h>

#include "peft/peft.h"

enum { SESSIONS = 4, TOKENS = 12 };

static peft_status check(peft_status status) {
  if (status < 0) {
    char message[1024];
    peft_last_error(message, sizeof message, NULL);
    fprintf(stderr, "%s: %s\n", peft_status_name(status), message);
    exit(1);
  }
  return status;
}

/* Adapters whose first values already change the model, so that each speaks differently. */
static peft_adapter *make_adapter(const peft_model *model, const char *name, int64_t seed) {
  peft_lora_config lora;
  check(peft_lora_config_init(&lora, sizeof lora));
  lora.r = 4;
  lora.init_lora_weights = PEFT_LORA_INIT_NONE;
  lora.seed = seed;
  peft_adapter *adapter = NULL;
  check(peft_attach_lora(model, name, &lora, &adapter));
  return adapter;
}

/* The first session is the base model alone, the others have one adapter each. */
static peft_session *make_session(const peft_model *model, const peft_adapter *adapter) {
  peft_session_options options;
  check(peft_session_options_init(&options, sizeof options));
  options.adapters = &adapter;
  options.adapter_count = adapter != NULL;
  peft_session *session = NULL;
  check(peft_session_create(model, &options, &session));
  peft_sampling_options sampling;
  check(peft_sampling_options_init(&sampling, sizeof sampling));
  sampling.max_new_tokens = TOKENS;
  sampling.ignore_eos = 1;
  check(peft_session_set_sampling(session, &sampling));
  const int32_t prompt[] = {1, 5, 9, 13};
  check(peft_session_prefill(session, prompt, sizeof prompt / sizeof prompt[0], NULL));
  return session;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s MODEL\n", argv[0]);
    return 2;
  }
  peft_context *context = NULL;
  peft_model *model = NULL;
  check(peft_context_create(NULL, &context));
  check(peft_model_load(context, argv[1], NULL, &model));

  const char *const names[SESSIONS] = {"base", "smith", "witch", "learner"};
  peft_adapter *adapters[SESSIONS] = {NULL, NULL, NULL, NULL};
  peft_session *sessions[SESSIONS];
  int32_t answers[SESSIONS][TOKENS];
  for (int i = 0; i < SESSIONS; ++i) {
    if (i > 0) adapters[i] = make_adapter(model, names[i], i);
    sessions[i] = make_session(model, adapters[i]);
  }

  /* A step may be given its rows: what a player just said, for one. */
  const int32_t said[] = {3, 14, 15, 92, 65, 35, 89, 79, 32, 38};
  peft_row row = {sizeof row};
  row.ids = said;
  row.id_count = sizeof said / sizeof said[0];
  peft_trainer_options how;
  check(peft_trainer_options_init(&how, sizeof how));
  how.max_steps = TOKENS;
  peft_trainer *trainer = NULL;
  check(peft_trainer_create(model, adapters[3], NULL, &how, &trainer));
  peft_step_options step;
  check(peft_step_options_init(&step, sizeof step));
  step.rows = &row;
  step.row_count = 1;

  /* In turns here; from several threads it is the same, one thread at a time for each session. */
  for (int t = 0; t < TOKENS; ++t) {
    for (int i = 0; i < SESSIONS; ++i) {
      peft_piece piece = {sizeof piece};
      check(peft_session_next(sessions[i], &piece, NULL, 0, NULL));
      answers[i][t] = piece.token_id;
    }
    peft_step_result result = {sizeof result};
    check(peft_train_step(trainer, &step, &result));
    if (t == 0 || t == TOKENS - 1) printf("step %lld  loss %.4f\n", (long long)result.step, result.loss);
  }

  for (int i = 0; i < SESSIONS; ++i) {
    printf("%-8s", names[i]);
    for (int t = 0; t < TOKENS; ++t) printf(" %d", (int)answers[i][t]);
    printf("\n");
  }

  peft_trainer_free(trainer);
  peft_model_free(model); /* sessions and adapters keep what they need */
  for (int i = 0; i < SESSIONS; ++i) {
    peft_session_free(sessions[i]);
    peft_adapter_free(adapters[i]);
  }
  peft_context_free(context);
  return 0;
}
