/* What the two halves of the scenario share. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peft/peft.h"

static void expect(peft_status status, peft_status expected, int line, const char *what) {
  char text[512];
  if (status == expected) return;
  peft_last_error(text, sizeof text, NULL);
  fprintf(stderr, "line %d: %s: %s instead of %s: %s\n", line, what, peft_status_name(status), peft_status_name(expected), text);
  exit(1);
}
#define GIVES(expected, call) expect(call, expected, __LINE__, #call)
#define OK(call) GIVES(PEFT_OK, call)
#define THAT(condition) \
  if (!(condition)) fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition), exit(1)

enum { VOCABULARY = 96, LENGTH = 8, LOGITS = LENGTH * VOCABULARY };
extern const int32_t ids[LENGTH];
extern peft_context *context;

peft_model *load(const char *path);
/* Logits of `ids` with an adapter, or none. */
void logits_of(const peft_model *model, const peft_adapter *adapter, float *values);
double distance(const float *a, const float *b);

/* scenario_more.c */
void logs_and_clashes(peft_model *model);
void resume_after_damage(peft_model *model);
void tokenizers(const char *tests_path);
void merge_for_good(const char *model_path, const float *plain);

#endif
