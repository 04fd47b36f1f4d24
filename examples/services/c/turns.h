/* How long an event may have to wait: the time that each turn of the loop is away from poll. */
#ifndef TURNS_H
#define TURNS_H

#include <stddef.h>

enum { TURNS_KEPT = 1 << 14 };

/* The newest ones, in a ring. */
typedef struct turns {
  long long count;
  double milliseconds[TURNS_KEPT];
} turns;

double turns_now(void); /* seconds */
void turns_add(turns* self, double seconds);

/* "turns NAME: N, median M ms, 99th percentile P ms, longest L ms" and a line end; nothing if there are none.
 */
size_t turns_print(const turns* self, const char* name, char* text, size_t cap);

#endif
