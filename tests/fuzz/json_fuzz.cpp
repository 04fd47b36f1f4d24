// fuzz-links: base
// A JSON text: what is accepted survives printing and parsing.
#include "base/json.h"
#include "target.h"

using namespace peft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return fuzz::accept_errors([&] {
    const Json value = parse_json(fuzz::text_of(data, size), "input");
    for (const int indent : {-1, 2}) {
      const Json again = parse_json(dump_json(value, indent), "printed");
      fuzz::require(again == value, "printing and parsing keeps the value");
    }
    if (!value.is_object()) return;
    const JsonFields fields(value, "input");
    for (const auto& item : value.items()) {
      const std::string& key = item.key();
      fuzz::accept_errors([&] { fields.integer(key, -5, 5); });
      fuzz::accept_errors([&] { fields.number(key, -5, 5); });
      fuzz::accept_errors([&] { fields.boolean(key); });
      fuzz::accept_errors([&] { fields.string(key); });
      fuzz::accept_errors([&] { fields.strings(key); });
    }
  });
}
