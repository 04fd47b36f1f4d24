// The one thread pool of the process, and loops cut into fixed slices.
//
// Slices never depend on the number of threads, and no slice sums over what another slice sums: results are bitwise the
// same for every thread count. Worker threads block all signals; the pool is joined at unload; after fork the child may
// not use it (Code::forked).
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace peft {

// Threads that may work at once when a caller asks for `automatic` (0): the CPUs this process may run on.
int available_threads();

// A borrowed callable; lives only for the call it is passed to.
class SliceFunction {
 public:
  template <typename Callable, typename = std::enable_if_t<!std::is_same_v<std::decay_t<Callable>, SliceFunction>>>
  SliceFunction(Callable&& callable)  // NOLINT: implicit on purpose
      : object_(const_cast<void*>(static_cast<const void*>(&callable))), call_([](void* object, int64_t begin, int64_t end) {
          (*static_cast<std::remove_reference_t<Callable>*>(object))(begin, end);
        }) {}
  void operator()(int64_t begin, int64_t end) const { call_(object_, begin, end); }

 private:
  void* object_;
  void (*call_)(void*, int64_t, int64_t);
};

// Calls body(begin, end) for consecutive slices of [0, count) of `grain` elements (the last may be shorter), on up to
// `threads` threads, the caller's included. Slices are handed out in order. An exception of any slice is rethrown here
// after all have stopped. Nested calls run in the caller's thread. threads <= 1 runs inline, slice by slice.
// Small loops: the caller decides with `grain`; one slice never wakes a worker.
void parallel_for(int64_t count, int64_t grain, int threads, SliceFunction body);

// Stops and joins the workers; a later parallel_for starts them again. Called at library unload.
void shut_down_threads();

}  // namespace peft
