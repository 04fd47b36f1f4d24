/* How a failed call reaches the language: status and message are read inside the same native call, since the
 * message belongs to the thread and languages move their work between threads. */
%{
#include <cstdint>
#include <string>

#include "peft/peft.h"

namespace peft_swig {

/* The calling thread's message, whole. */
inline std::string message() {
  size_t size = 0;
  peft_last_error(nullptr, 0, &size);
  std::string text(size + 1, '\0');
  peft_last_error(&text[0], text.size(), nullptr);
  text.resize(size);
  return text;
}

/* What a failed call leaves for languages into which C++ cannot throw: code and message in one record. */
struct Failure {
  int32_t code;
  std::string text;
};

/* The status where it is no error, else minus the address of a Failure that the caller frees. PEFT_NOTE is an
 * address too, above all statuses: its remark is lost otherwise. */
inline int64_t outcome(peft_status status) {
  if (status >= 0 && status != PEFT_NOTE) return status;
  const int64_t address = reinterpret_cast<intptr_t>(new Failure{status, message()});
  return status < 0 ? -address : address;
}

inline int64_t refuse(const char* text) {
  return -static_cast<int64_t>(reinterpret_cast<intptr_t>(new Failure{PEFT_E_INVALID_ARGUMENT, text}));
}

}  // namespace peft_swig
%}

#ifndef SWIGJAVA
%inline %{
/* Reads and frees what an outcome beyond the statuses points to; address is its absolute value. */
int32_t peft_failure_code(int64_t address) { return reinterpret_cast<peft_swig::Failure*>(address)->code; }
int64_t peft_failure_text(int64_t address) {
  return reinterpret_cast<int64_t>(reinterpret_cast<peft_swig::Failure*>(address)->text.data());
}
int64_t peft_failure_size(int64_t address) {
  return static_cast<int64_t>(reinterpret_cast<peft_swig::Failure*>(address)->text.size());
}
void peft_failure_free(int64_t address) { delete reinterpret_cast<peft_swig::Failure*>(address); }
%}
#endif
