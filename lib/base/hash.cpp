#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <vector>

#include "base/file.h"

namespace peft {
namespace {

std::string as_hex(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::string text;
  for (const unsigned char byte : canonical.digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace

std::string hash_file(const InputFile& file) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  std::vector<std::byte> buffer(static_cast<size_t>(std::min<int64_t>(file.size(), 1 << 20)));
  for (int64_t offset = 0; offset < file.size();) {
    const auto size = std::min<int64_t>(static_cast<int64_t>(buffer.size()), file.size() - offset);
    const auto part = std::span(buffer).first(static_cast<size_t>(size));
    file.read_at(offset, part);
    XXH3_128bits_update(&state, part.data(), part.size());
    offset += size;
  }
  return as_hex(XXH3_128bits_digest(&state));
}

std::string hash_bytes(std::span<const std::byte> bytes) {
  return as_hex(XXH3_128bits(bytes.data(), bytes.size()));
}

}  // namespace peft
