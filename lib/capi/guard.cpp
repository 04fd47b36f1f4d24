#include "capi/guard.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#include "base/error.h"

namespace peft::capi {
namespace {

// A thread's message is a block of its own that the C library frees at the thread's end. A thread_local
// string would call back into this library then, and so keep it from being unloaded.
struct Message {
  size_t size, capacity;
  char text[1];
};

// All are made while the library is loaded, before anybody can fork.
pthread_key_t message_key;
std::atomic<bool> has_key = pthread_key_create(&message_key, std::free) == 0;
const pid_t process_at_load = getpid();

Message* own_message() noexcept {
  return has_key ? static_cast<Message*>(pthread_getspecific(message_key)) : nullptr;
}

// Where there is no memory for it, as much of the text as fits what the thread has.
void remember(std::string_view text) noexcept {
  Message* own = own_message();
  if (!own || own->capacity < text.size()) {
    const size_t capacity = std::max<size_t>(text.size(), 240);
    auto* const larger = static_cast<Message*>(std::malloc(sizeof(Message) + capacity));
    if (larger && has_key && pthread_setspecific(message_key, larger) == 0) {
      std::free(own);
      own = larger;
      own->capacity = capacity;
    } else {
      std::free(larger);
    }
  }
  if (!own) return;
  own->size = std::min(text.size(), own->capacity);
  std::memcpy(own->text, text.data(), own->size);
}

}  // namespace

void forget_messages() noexcept {
  Message* const own = own_message();
  if (!has_key.exchange(false)) return;
  pthread_key_delete(message_key);
  std::free(own);
}

bool in_forked_child() noexcept { return getpid() != process_at_load; }

peft_status begin_call() noexcept {
  if (Message* const own = own_message()) own->size = 0;
  static const bool watched = (watch_exit(), true);
  if (watched && process_ends()) {
    remember("the process ends");
    return PEFT_E_CANCELLED;
  }
  if (!in_forked_child()) return PEFT_OK;
  remember("libpeft was loaded before this process was forked; a child has to start libpeft anew by exec");
  return PEFT_E_FORKED;
}

peft_status translate_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    remember(error.what());
    return static_cast<peft_status>(error.code());
  } catch (const std::bad_alloc&) {
    remember("out of memory");
    return PEFT_E_OUT_OF_MEMORY;
  } catch (const std::length_error& error) {
    remember(error.what());
    return PEFT_E_LIMIT;
  } catch (const std::exception& error) {
    remember(error.what());
    return PEFT_E_INTERNAL;
  } catch (...) {
    remember("unknown exception");
    return PEFT_E_INTERNAL;
  }
}

std::string_view last_message() noexcept {
  const Message* const own = own_message();
  return own ? std::string_view(own->text, own->size) : std::string_view();
}

void set_message(std::string_view text) noexcept { remember(text); }

}  // namespace peft::capi
