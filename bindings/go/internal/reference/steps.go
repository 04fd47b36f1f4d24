//go:build !peft_open

// Package reference makes calls from C, for tests to compare Go's with.
package reference

/*
#cgo pkg-config: libpeft
#cgo CFLAGS: -O1 -I${SRCDIR}/../native
#include <time.h>
#include "peft/peft.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int32_t one_step(int64_t trainer, double *seconds) {
  peft_step_result result = {sizeof result};
  const double begin = now();
  const int32_t status = peft_train_step((peft_trainer *)(intptr_t)trainer, NULL, &result);
  *seconds = now() - begin;
  return status;
}

static double trivial(int64_t context, int32_t calls) {
  const double begin = now();
  int32_t i;
  for (i = 0; i < calls; ++i) peft_context_trim((const peft_context *)(intptr_t)context);
  return (now() - begin) / calls;
}
*/
import "C"

// Step makes one training step and gives its status and time.
func Step(trainer int64) (status int32, seconds float64) {
	var took C.double
	status = int32(C.one_step(C.int64_t(trainer), &took))
	return status, float64(took)
}

// Trivial is the time of one call of peft_context_trim.
func Trivial(context int64, calls int) float64 {
	return float64(C.trivial(C.int64_t(context), C.int32_t(calls)))
}
