// fuzz-links: formats
// A checkpoint's manifest.json beside one file.
#include "base/file.h"
#include "formats/state_file.h"
#include "target.h"

using namespace peft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return fuzz::accept_errors([&] {
    fuzz::scratch_file("state", "12345678");
    fuzz::scratch_file("manifest.json", fuzz::text_of(data, size));
    read_manifest(fuzz::scratch_folder());
  });
}
