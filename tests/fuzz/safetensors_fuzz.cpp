// fuzz-links: formats
// A safetensors file: header, tensor data, bitsandbytes groups.
#include "base/limits.h"
#include "formats/checkpoint_set.h"
#include "formats/safetensors_header.h"
#include "target.h"

using namespace peft;

namespace {

// A header that was accepted, written by us and parsed again, says the same.
void round_trip(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  if (text.size() < 8) return;
  uint64_t length = 0;
  for (size_t i = 0; i < 8; ++i) length |= static_cast<uint64_t>(data[i]) << (8 * i);
  if (length > text.size() - 8) return;
  SafetensorsHeader header = parse_safetensors_header(
      text.substr(8, length), static_cast<int64_t>(text.size() - 8 - length), "input", Limits{});
  try {
    const std::string again = build_safetensors_header(header);
    const SafetensorsHeader parsed =
        parse_safetensors_header(again, static_cast<int64_t>(text.size() - 8 - length), "again", Limits{});
    fuzz::require(parsed.tensors.size() == header.tensors.size(), "as many tensors");
    fuzz::require(parsed.metadata == header.metadata, "the same metadata");
  } catch (const Error& error) {  // names that a file may hold and we do not write
    fuzz::require(error.code() == Code::invalid_argument, error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::accept_errors([&] { round_trip(data, size); });
  return fuzz::accept_errors([&] {
    const auto source =
        open_checkpoint_file(fuzz::scratch_file("input.safetensors", fuzz::text_of(data, size)));
    for (const TensorEntry& entry : source->entries()) {
      if (!entry.readable) continue;
      std::vector<std::byte> bytes(static_cast<size_t>(entry.bytes));
      source->read(entry, bytes);
    }
  });
}
