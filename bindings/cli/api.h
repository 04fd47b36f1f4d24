// The C API with owners for its handles and exceptions for its statuses. Only include/peft is used here.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "peft/peft.h"

namespace peft_cli {

// A call of the library failed; what() is the library's own message.
class ApiError : public std::runtime_error {
 public:
  ApiError(peft_status status, const std::string& message) : std::runtime_error(message), status_(status) {}
  peft_status status() const { return status_; }

 private:
  peft_status status_;
};

// The command line or a config file is wrong: exit status 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Something outside the library failed: exit status 1.
class CommandError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* handle) const {
    Free(handle);
  }
};

using Cancel = std::unique_ptr<peft_cancel, Freer<peft_cancel_free>>;
using Context = std::unique_ptr<peft_context, Freer<peft_context_free>>;
using Model = std::unique_ptr<peft_model, Freer<peft_model_free>>;
using Adapter = std::unique_ptr<peft_adapter, Freer<peft_adapter_free>>;
using Tokenizer = std::unique_ptr<peft_tokenizer, Freer<peft_tokenizer_free>>;
using Dataset = std::unique_ptr<peft_dataset, Freer<peft_dataset_free>>;
using Trainer = std::unique_ptr<peft_trainer, Freer<peft_trainer_free>>;
using Session = std::unique_ptr<peft_session, Freer<peft_session_free>>;

// The message of the calling thread's last failed call.
std::string last_error();

// Throws ApiError for an error, shows the remark of a PEFT_NOTE, returns the status.
peft_status call(peft_status status);

// make<Model>(peft_model_load, context, path, &options): the last parameter of the function is the new
// handle.
template <typename Owner, typename Function, typename... Arguments>
Owner make(Function function, Arguments... arguments) {
  typename Owner::element_type* handle = nullptr;
  call(function(arguments..., &handle));
  return Owner(handle);
}

// Option structures with the library's defaults.
template <typename Options>
Options defaults(peft_status (*init)(Options*, size_t)) {
  Options options;
  call(init(&options, sizeof options));
  return options;
}

// Result structures as the library wants them: struct_size set, the rest zero.
template <typename Result>
Result empty_result() {
  Result result{};
  result.struct_size = sizeof result;
  return result;
}

// Outputs of variable size: `function(buffer, capacity, length)` is asked for the size, then for the content.
template <typename Function>
std::string read_text(Function function) {
  size_t size = 0;
  call(function(static_cast<char*>(nullptr), size_t{0}, &size));
  std::string text(size, '\0');
  if (size > 0) call(function(text.data(), size, &size));
  return text;
}

template <typename T, typename Function>
std::vector<T> read_numbers(Function function) {
  size_t size = 0;
  call(function(static_cast<T*>(nullptr), size_t{0}, &size));
  std::vector<T> numbers(size);
  if (size > 0) call(function(numbers.data(), size, &size));
  return numbers;
}

// Thin readers of what several commands need.
peft_model_info info_of(const peft_model* model);
peft_dataset_info info_of(const peft_dataset* dataset);
peft_adapter_info info_of(const peft_adapter* adapter);
std::vector<int32_t> encode(const peft_tokenizer* tokenizer, std::string_view text, bool add_special);
std::string decode(const peft_tokenizer* tokenizer, const std::vector<int32_t>& ids, bool skip_special);
const char* name_of(peft_dtype dtype);

}  // namespace peft_cli
