#include "formats/tensor_source.h"

#include <fmt/format.h>

#include "base/checked.h"
#include "base/error.h"

namespace peft {
namespace {

// Length of the well-formed UTF-8 sequence at `at`, 0 when it is malformed (overlong, surrogate, beyond
// U+10FFFF).
size_t sequence_length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(at + 1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned low = lead == 0xe0 ? 0xa0 : 0x80, high = lead == 0xed ? 0x9f : 0xbf;
    return follows(at + 1, low, high) && follows(at + 2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned low = lead == 0xf0 ? 0x90 : 0x80, high = lead == 0xf4 ? 0x8f : 0xbf;
    return follows(at + 1, low, high) && follows(at + 2) && follows(at + 3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (result.size() >= 96) return result + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      result += c;
    } else {
      result += fmt::format("\\x{:02x}", byte);
    }
  }
  return result;
}

bool is_clean_name(std::string_view name, int64_t maximum_bytes) {
  if (name.empty() || static_cast<int64_t>(name.size()) > maximum_bytes) return false;
  for (size_t i = 0; i < name.size();) {
    const auto byte = static_cast<unsigned char>(name[i]);
    const size_t length = sequence_length(name, i);
    if (byte < 0x20 || byte == 0x7f || length == 0) return false;
    i += length;
  }
  return true;
}

const TensorEntry* TensorSource::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[static_cast<size_t>(found->second)];
}

const TensorEntry& TensorSource::at(std::string_view name) const {
  const TensorEntry* entry = find(name);
  if (entry == nullptr) fail(Code::not_found, "{}: no tensor '{}'", path_, printable(name));
  return *entry;
}

void TensorSource::add(TensorEntry entry) {
  if (!is_clean_name(entry.name, limits_.name_bytes)) {
    fail(Code::format,
         "{}: tensor name '{}': expected 1 to {} bytes of UTF-8 without control characters, found {} bytes",
         path_, printable(entry.name), limits_.name_bytes, entry.name.size());
  }
  check(static_cast<int64_t>(entries_.size()) < limits_.tensors, Code::limit, "{}: more than {} tensors",
        path_, limits_.tensors);
  entry.index = static_cast<int>(entries_.size());
  if (!by_name_.emplace(entry.name, entry.index).second) {
    fail(Code::format, "{}: tensor '{}' occurs twice", path_, printable(entry.name));
  }
  entries_.push_back(std::move(entry));
}

void TensorSource::read(const TensorEntry& entry, std::span<std::byte> out) const {
  if (static_cast<int64_t>(out.size()) != entry.bytes) {
    fail(Code::invalid_argument, "{}: tensor '{}': expected a buffer of {} bytes, found {}", path_,
         printable(entry.name), entry.bytes, out.size());
  }
  read_range(entry, 0, out);
}

void TensorSource::read_range(const TensorEntry& entry, int64_t offset, std::span<std::byte> out) const {
  PEFT_ASSERT(entry.index >= 0 && static_cast<size_t>(entry.index) < entries_.size());
  PEFT_ASSERT(entries_[static_cast<size_t>(entry.index)].name == entry.name);
  if (!entry.readable) {
    fail(Code::unsupported, "{}: tensor '{}': element type {} is not supported", path_, printable(entry.name),
         entry.stored_type);
  }
  const auto size = static_cast<int64_t>(out.size());
  if (offset < 0 || offset > entry.bytes || size > entry.bytes - offset) {
    fail(Code::invalid_argument, "{}: tensor '{}': bytes [{}, +{}) are outside its {} bytes", path_,
         printable(entry.name), offset, size, entry.bytes);
  }
  if (size > 0) read_bytes(entry.index, offset, out);
}

}  // namespace peft
