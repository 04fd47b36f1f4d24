/* What the steps of the C runner share: the flattened scenario, values and verdicts on stdout, checks. */
#ifndef CONFORMANCE_RUNNER_H
#define CONFORMANCE_RUNNER_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include "peft/peft.h"

enum { MAX_IDS = 512, MAX_TEXT = 8192, MAX_VOCABULARY = 65536 };

typedef struct {
  int32_t data[MAX_IDS];
  size_t count;
} id_list;

typedef struct {
  char data[MAX_TEXT];
  size_t size;
} bytes;

/* What later steps use of earlier ones; NULL where that step failed. */
typedef struct {
  const char *root, *work;
  peft_context *context;
  peft_model *model, *smollm2;
  peft_adapter *given;
  peft_dataset *dataset;
} world;

/* scenario.c: values of the flattened scenario by their path; a missing one is the end of the program. */
void scenario_read(const char *path);
const char *text_of(const char *format, ...);
double number_of(const char *format, ...);
void ids_of(id_list *out, const char *format, ...);
void hex_of(bytes *out, const char *format, ...);

/* scenario.c: one line "value<TAB>step<TAB>key<TAB>..." each; runners of all languages must print the same. */
void print_bits(const char *key, double value);
void print_integer(const char *key, int64_t value);
void print_ids(const char *key, const int32_t *data, size_t count);
void print_hex(const char *key, const char *data, size_t size);

extern const char *current_step;
extern jmp_buf step_failed;
void step_fail(const char *format, ...);
/* The step cannot be run here; not a failure. */
void step_skip(const char *reason);
void expect_status(peft_status found, peft_status expected, const char *what);

#define GIVES(expected, call) expect_status(call, expected, #call)
#define OK(call) GIVES(PEFT_OK, call)
#define THAT(condition) \
  do { \
    if (!(condition)) step_fail("not so: %s", #condition); \
  } while (0)

/* steps_model.c: made of the scenario's names and settings. */
void path_in(char *out, size_t cap, const char *folder, const char *name);
double score_of(const peft_model *model, const peft_adapter *adapter, const id_list *ids);
peft_model *load_tiny(const peft_context *context);
peft_adapter *attach_small(const peft_model *model, const char *name, int r, int64_t seed);
peft_session *greedy_session(const peft_model *model, const peft_adapter *adapter, int64_t new_tokens);
void generate(peft_session *session, id_list *out);

/* The steps. */
void step_load(world *w);
void step_text(world *w);
void step_load_smollm2(world *w);
void step_text_smollm2(world *w);
void step_adapter(world *w);
void step_train(world *w);
void step_evaluate(world *w);
void step_save(world *w);
void step_load_beside(world *w);
void step_stream(world *w);
void step_chat(world *w);
void step_sessions(world *w);
void step_quantize(world *w);
void step_merge(world *w);
void step_cancel(world *w);
void step_resume(world *w);
void step_errors(world *w);
void step_close(world *w);

#endif
