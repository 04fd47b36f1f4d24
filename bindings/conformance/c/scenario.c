/* The flattened scenario, and what the runner prints. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

enum { MAX_LINES = 1024 };
static char *keys[MAX_LINES], *values[MAX_LINES];
static size_t lines;

const char *current_step = "";
jmp_buf step_failed;

void scenario_read(const char *path) {
  FILE *file = fopen(path, "rb");
  static char line[65536];
  if (!file) {
    fprintf(stderr, "%s: cannot be read\n", path);
    exit(2);
  }
  while (lines < MAX_LINES && fgets(line, sizeof line, file)) {
    char *tab = strchr(line, '\t'), *end = strchr(line, '\n');
    if (!tab || !end) continue;
    *tab = *end = 0;
    keys[lines] = strdup(line);
    values[lines++] = strdup(tab + 1);
  }
  fclose(file);
}

static const char *find(const char *format, va_list arguments) {
  char key[256];
  size_t i;
  vsnprintf(key, sizeof key, format, arguments);
  for (i = 0; i < lines; ++i)
    if (strcmp(keys[i], key) == 0) return values[i];
  fprintf(stderr, "the scenario has no %s\n", key);
  exit(2);
}

const char *text_of(const char *format, ...) {
  va_list arguments;
  const char *found;
  va_start(arguments, format);
  found = find(format, arguments);
  va_end(arguments);
  return found;
}

double number_of(const char *format, ...) {
  va_list arguments;
  double found;
  va_start(arguments, format);
  found = strtod(find(format, arguments), NULL);
  va_end(arguments);
  return found;
}

void ids_of(id_list *out, const char *format, ...) {
  va_list arguments;
  const char *at;
  char *next;
  va_start(arguments, format);
  at = find(format, arguments);
  va_end(arguments);
  for (out->count = 0; *at && out->count < MAX_IDS; at = *next ? next + 1 : next)
    out->data[out->count++] = (int32_t)strtol(at, &next, 10);
}

static int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

void hex_of(bytes *out, const char *format, ...) {
  va_list arguments;
  const char *at;
  va_start(arguments, format);
  at = find(format, arguments);
  va_end(arguments);
  for (out->size = 0; at[0] && at[1] && out->size < MAX_TEXT; at += 2)
    out->data[out->size++] = (char)(digit(at[0]) << 4 | digit(at[1]));
}

void print_bits(const char *key, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  printf("value\t%s\t%s\t%016llx\n", current_step, key, (unsigned long long)bits);
}

void print_integer(const char *key, int64_t value) {
  printf("value\t%s\t%s\t%lld\n", current_step, key, (long long)value);
}

void print_ids(const char *key, const int32_t *data, size_t count) {
  size_t i;
  printf("value\t%s\t%s\t", current_step, key);
  for (i = 0; i < count; ++i) printf(i ? " %d" : "%d", (int)data[i]);
  printf("\n");
}

void print_hex(const char *key, const char *data, size_t size) {
  size_t i;
  printf("value\t%s\t%s\t", current_step, key);
  for (i = 0; i < size; ++i) printf("%02x", (unsigned char)data[i]);
  printf("\n");
}

/* The verdict of a failed step is one line: tabs and line ends become blanks. */
void step_fail(const char *format, ...) {
  char text[1024];
  va_list arguments;
  char *c;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  for (c = text; *c; ++c)
    if (*c == '\t' || *c == '\n' || *c == '\r') *c = ' ';
  printf("step\t%s\t%s\n", current_step, text);
  longjmp(step_failed, 1);
}

void step_skip(const char *reason) {
  printf("step\t%s\tskipped: %s\n", current_step, reason);
  longjmp(step_failed, 2);
}

void expect_status(peft_status found, peft_status expected, const char *what) {
  char text[512];
  if (found == expected) return;
  peft_last_error(text, sizeof text, NULL);
  step_fail("%s gave %s instead of %s: %s", what, peft_status_name(found), peft_status_name(expected), text);
}

void path_in(char *out, size_t cap, const char *folder, const char *name) {
  snprintf(out, cap, "%s/%s", folder, name);
}
