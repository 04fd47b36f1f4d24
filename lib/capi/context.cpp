#include "peft/context.h"

#include <malloc.h>

#include "base/memory.h"
#include "base/threads.h"
#include "capi/objects.h"
#include "capi/structs.h"

using namespace peft;
using namespace peft::capi;

namespace {

peft_context_options defaults() {
  peft_context_options options{};
  options.struct_size = sizeof options;
  return options;
}

void bound(int64_t value, int64_t& limit, const char* what) {
  check(value >= 0, Code::invalid_argument, "{} must not be negative, not {}", what, value);
  if (value > 0) limit = value;
}

}  // namespace

extern "C" {

peft_status peft_context_options_init(peft_context_options* options, size_t size) {
  return init_struct(options, size, defaults());
}

peft_status peft_context_create(const peft_context_options* options, peft_context** out) {
  return guard([&] {
    check_pointer(out, "out");
    const peft_context_options given = read_struct(options, defaults(), "options");
    auto object = std::make_shared<ContextObject>();
    check_range(given.threads, 0, 4096, "threads");
    object->threads = given.threads;
    bound(given.max_memory_bytes, object->max_memory_bytes, "max_memory_bytes");
    bound(given.max_json_bytes, object->limits.json_bytes, "max_json_bytes");
    bound(given.max_text_bytes, object->limits.text_bytes, "max_text_bytes");
    bound(given.max_data_row_bytes, object->limits.data_row_bytes, "max_data_row_bytes");
    bound(given.max_tokens, object->limits.tokens, "max_tokens");
    bound(given.max_template_steps, object->limits.template_fuel, "max_template_steps");
    *out = static_cast<peft_context*>(add_handle(std::move(object)));
  });
}

void peft_context_free(peft_context* context) { free_handle(context, ObjectType::context); }

peft_status peft_context_get_info(const peft_context* context, peft_context_info* info) {
  return guard([&] {
    check_output(info, "info");
    const auto object = shared<ContextObject>(context);
    peft_context_info result{};
    result.threads = object->threads > 0 ? object->threads : available_threads();
    result.memory_bytes = object->held();
    result.peak_memory_bytes = object->peak();
    result.resident_bytes = current_resident_bytes();
    result.peak_resident_bytes = peak_resident_bytes();
    result.available_bytes = available_memory_bytes();
    write_struct(info, result);
  });
}

// Pools give memory back when the objects that own them are freed; what the C library then keeps goes here.
peft_status peft_context_trim(const peft_context* context) {
  return guard([&] {
    shared<ContextObject>(context);
    malloc_trim(0);
  });
}

}  // extern "C"
