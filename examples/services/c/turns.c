#define _POSIX_C_SOURCE 200809L
#include "turns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double turns_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void turns_add(turns* self, double seconds) {
  self->milliseconds[self->count++ % TURNS_KEPT] = 1e3 * seconds;
}

static int compare(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

size_t turns_print(const turns* self, const char* name, char* text, size_t cap) {
  static double sorted[TURNS_KEPT];
  const size_t count = self->count < TURNS_KEPT ? (size_t)self->count : TURNS_KEPT;
  if (!count) return 0;
  memcpy(sorted, self->milliseconds, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, compare);
  const int size =
      snprintf(text, cap, "turns %s: %lld, median %.2f ms, 99th percentile %.2f ms, longest %.2f ms\n", name,
               self->count, sorted[count / 2], sorted[count * 99 / 100], sorted[count - 1]);
  return size < 0 ? 0 : (size_t)size < cap ? (size_t)size : cap - 1;
}
