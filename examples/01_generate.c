/*
 * Lesson 1: load a model, give it a prompt, print the answer while it is made.
 *
 *   01_generate MODEL [PROMPT]      MODEL: a Hugging Face folder or a GGUF file
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peft/peft.h"

/* Every call returns a status: 0 is success, errors are below it, information is above. */
static peft_status check(peft_status status) {
  if (status < 0) {
    char message[1024];
    peft_last_error(message, sizeof message, NULL);
    fprintf(stderr, "%s: %s\n", peft_status_name(status), message);
    exit(1);
  }
  return status;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s MODEL [PROMPT]\n", argv[0]);
    return 2;
  }
  const char *prompt = argc > 2 ? argv[2] : "Once upon a time";

  /* A context says what the library may use; NULL options are the defaults, everywhere. */
  peft_context *context = NULL;
  check(peft_context_create(NULL, &context));
  peft_model *model = NULL;
  check(peft_model_load(context, argv[1], NULL, &model));

  /* Result structures begin with their size, so that old programs and new libraries get along. */
  peft_model_info info = {sizeof info};
  check(peft_model_get_info(model, &info));
  printf("%s, %lld parameters\n", info.family, (long long)info.parameter_elements);

  /* A session is one sequence with its own cache. Option structures are filled with defaults first. */
  peft_session *session = NULL;
  check(peft_session_create(model, NULL, &session));
  peft_sampling_options sampling;
  check(peft_sampling_options_init(&sampling, sizeof sampling));
  sampling.max_new_tokens = 40;
  check(peft_session_set_sampling(session, &sampling));

  if (info.has_tokenizer) {
    check(peft_session_prefill_text(session, prompt, strlen(prompt), NULL));
  } else { /* a model without a tokenizer speaks in token ids */
    const int32_t ids[] = {1, 5, 9, 13};
    check(peft_session_prefill(session, ids, sizeof ids / sizeof ids[0], NULL));
  }

  /* Pull one piece at a time until PEFT_END. A piece is whole code points, perhaps none. */
  for (;;) {
    peft_piece piece = {sizeof piece};
    char text[256];
    size_t length = 0;
    const int wants_text = info.has_tokenizer;
    const peft_status status = check(
        peft_session_next(session, &piece, wants_text ? text : NULL, wants_text ? sizeof text : 0,
                          wants_text ? &length : NULL));
    if (status == PEFT_END) break;
    if (wants_text)
      fwrite(text, 1, length, stdout);
    else
      printf("%d ", (int)piece.token_id);
    fflush(stdout);
  }
  printf("\n");

  /* Any order would do: objects keep alive what they need. */
  peft_session_free(session);
  peft_model_free(model);
  peft_context_free(context);
  return 0;
}
