// What has to end before the library's code goes away.
#include "base/threads.h"
#include "capi/guard.h"

namespace {

// Runs at dlclose and at exit. At exit another thread may still be at work, and the host's later destructors
// may call the library again: the pool starts anew for them, and their messages are lost.
__attribute__((destructor)) void unload() {
  peft::shut_down_threads();
  if (!peft::capi::in_forked_child()) peft::capi::forget_messages();
}

}  // namespace
