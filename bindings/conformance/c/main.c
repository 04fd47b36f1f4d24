/* The C runner: runner SCENARIO.tsv ROOT WORK. One line a step and a value, see ../README.md. */
#include <stdio.h>
#include <string.h>

#include "runner.h"

static const struct {
  const char *name;
  void (*run)(world *);
} steps[] = {
    {"load", step_load},
    {"text", step_text},
    {"load_smollm2", step_load_smollm2},
    {"text_smollm2", step_text_smollm2},
    {"adapter", step_adapter},
    {"train", step_train},
    {"evaluate", step_evaluate},
    {"save", step_save},
    {"load_beside", step_load_beside},
    {"stream", step_stream},
    {"chat", step_chat},
    {"sessions", step_sessions},
    {"quantize", step_quantize},
    {"merge", step_merge},
    {"cancel", step_cancel},
    {"resume", step_resume},
    {"errors", step_errors},
    {"close", step_close},
};

int main(int argc, char **argv) {
  static world w;
  static volatile size_t i;
  static volatile int failures;
  if (argc != 4) {
    fprintf(stderr, "usage: %s SCENARIO.tsv ROOT WORK\n", argv[0]);
    return 2;
  }
  if (peft_abi_version() != PEFT_ABI_VERSION) {
    fprintf(stderr, "the library has ABI version %d, this program needs %d\n", (int)peft_abi_version(),
            PEFT_ABI_VERSION);
    return 2;
  }
  scenario_read(argv[1]);
  w.root = argv[2];
  w.work = argv[3];
  for (i = 0; i < sizeof steps / sizeof steps[0]; ++i) {
    current_step = steps[i].name;
    switch (setjmp(step_failed)) {
      case 0:
        steps[i].run(&w);
        printf("step\t%s\tok\n", current_step);
        break;
      case 1: ++failures;
    }
    fflush(stdout);
  }
  return failures != 0;
}
