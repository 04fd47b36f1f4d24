// fuzz-links: formats
// A GGUF file: metadata through its accessors, tensor data.
#include "formats/gguf.h"
#include "target.h"

using namespace peft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return fuzz::accept_errors([&] {
    const auto file = GgufFile::open(fuzz::scratch_file("input.gguf", fuzz::text_of(data, size)));
    for (const TensorEntry& entry : file->entries()) {
      fuzz::require(entry.bytes <= file->file_bytes(), "a tensor fits its file");
      std::vector<std::byte> bytes(static_cast<size_t>(entry.bytes));
      file->read(entry, bytes);
    }
    const GgufMetadata& metadata = file->metadata();
    for (const auto& item : metadata.items()) {
      const std::string& key = item.first;
      fuzz::require(metadata.find(key) == &item.second, "a key leads to its value");
      fuzz::accept_errors([&] { metadata.integer(key, 0, 1000); });
      fuzz::accept_errors([&] { metadata.number(key, -1, 1); });
      fuzz::accept_errors([&] { metadata.string(key); });
      fuzz::accept_errors([&] { metadata.strings(key); });
      fuzz::accept_errors([&] { metadata.integers(key); });
      fuzz::accept_errors([&] { metadata.floats(key); });
    }
  });
}
