#include "capi/guard.h"

#include <unistd.h>

#include <new>
#include <stdexcept>

#include "base/error.h"

namespace peft::capi {
namespace {

thread_local std::string message;

// Read while the library is loaded, before anybody can fork.
const pid_t process_at_load = getpid();

void remember(const char* text) noexcept {
  try {
    message = text;
  } catch (...) {
    message.clear();
  }
}

}  // namespace

bool in_forked_child() noexcept { return getpid() != process_at_load; }

peft_status begin_call() noexcept {
  message.clear();
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

const std::string& last_message() noexcept { return message; }

void set_message(std::string text) noexcept { message = std::move(text); }

}  // namespace peft::capi
