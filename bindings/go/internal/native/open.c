//go:build peft_open

/* Finds libpeft.so at run time. Whoever asks for an error message of a library that is not there is told all places
 * that were looked at, and what was wrong with each. */
#include "open.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int found;
static char why_not[4096] = "libpeft was not found; looked at:";

#ifdef __APPLE__
static const char library[] = "libpeft.1.dylib";
#else
static const char library[] = "libpeft.so.1";
#endif

static void tell(const char *place, const char *what) {
  const size_t size = strlen(why_not);
  snprintf(why_not + size, sizeof why_not - size, "\n  %s: %s", place, what);
}

static int try_place(const char *place) {
  void *opened = dlopen(place, RTLD_NOW | RTLD_LOCAL);
  int i;
  if (!opened) {
    const char *error = dlerror();
    tell(place, error ? error : "cannot be opened");
    return 0;
  }
  for (i = 0; i < peft_go_name_count; ++i) {
    peft_go_functions[i] = dlsym(opened, peft_go_names[i]);
    if (!peft_go_functions[i]) {
      int32_t (*abi)(void) = (int32_t (*)(void))dlsym(opened, "peft_abi_version");
      char what[256];
      snprintf(what, sizeof what, "has no function %s (ABI version %d, this binding needs %d)", peft_go_names[i],
               abi ? (int)abi() : -1, PEFT_ABI_VERSION);
      tell(place, what);
      dlclose(opened);
      return 0;
    }
  }
  return 1;
}

static int try_folder(const char *folder) {
  char place[4096];
  if (!folder || !*folder) return 0;
  snprintf(place, sizeof place, "%s/%s", folder, library);
  return try_place(place);
}

/* PEFT_LIBRARY names the file and LIBPEFT_DIR the folder; otherwise it lies where the system's loader looks. */
static void open_library(void) {
  const char *file = getenv("PEFT_LIBRARY"), *folder = getenv("LIBPEFT_DIR");
  if (file && *file) {
    found = try_place(file);
    return;
  }
  found = try_folder(folder) || try_place(library) || try_folder("/usr/local/lib");
  if (!found && (!folder || !*folder)) tell("LIBPEFT_DIR", "is not set");
}

int peft_go_open(void) {
  pthread_once(&once, open_library);
  return found;
}

peft_status peft_go_why_not(char *buf, size_t cap, size_t *len) {
  const size_t size = strlen(why_not);
  if (len) *len = size;
  if (buf && cap) {
    const size_t copied = size < cap ? size : cap - 1;
    memcpy(buf, why_not, copied);
    buf[copied] = 0;
  }
  return PEFT_OK;
}
