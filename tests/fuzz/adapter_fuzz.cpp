// fuzz-links: formats
// An adapter folder: two bytes with the length of adapter_config.json, that text, then
// adapter_model.safetensors.
#include <algorithm>

#include "base/file.h"
#include "formats/adapter_folder.h"
#include "target.h"

using namespace peft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text = fuzz::text_of(data + 2, size - 2);
  const size_t length = std::min<size_t>(text.size(), data[0] | static_cast<size_t>(data[1]) << 8);
  return fuzz::accept_errors([&] {
    fuzz::scratch_file("adapter_config.json", text.substr(0, length));
    fuzz::scratch_file("adapter_model.safetensors", text.substr(length));
    const AdapterFolder adapter = open_adapter_folder(fuzz::scratch_folder());
    fuzz::require(!adapter.tensors->entries().empty(), "an adapter holds tensors");
    for (const TensorEntry& entry : adapter.tensors->entries()) {
      std::vector<std::byte> bytes(static_cast<size_t>(entry.bytes));
      adapter.tensors->read(entry, bytes);
    }
    const std::string printed = adapter_config_text(adapter.config);
    fuzz::require(adapter_config_text(parse_json(printed, "printed")) == printed,
                  "the sorted text is stable");
  });
}
