// fuzz-links: formats
// model.safetensors.index.json beside two sound shards.
#include "base/file.h"
#include "formats/checkpoint_set.h"
#include "target.h"

using namespace peft;

namespace {

// One byte tensors 'a' (and 'b' in the second shard).
const std::string& folder() {
  static const std::string path = [] {
    const auto shard = [](const char* name, std::string header) {
      header.resize(64, ' ');
      std::string bytes(8, '\0');
      bytes[0] = 64;
      fuzz::scratch_file(name, bytes + header + "x");
    };
    shard("model-1.safetensors", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})");
    shard("model-2.safetensors", R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})");
    return fuzz::scratch_folder();
  }();
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return fuzz::accept_errors([&] {
    const Folder opened = Folder::open(folder());
    fuzz::scratch_file("model.safetensors.index.json", fuzz::text_of(data, size));
    const auto source = open_checkpoint(opened);
    fuzz::require(!source->entries().empty() && source->entries().size() <= 2, "only the shards' tensors");
    for (const TensorEntry& entry : source->entries()) {
      std::byte value;
      source->read(entry, std::span(&value, 1));
      fuzz::require(value == std::byte{'x'}, "the shard's byte");
    }
  });
}
