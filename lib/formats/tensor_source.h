// Where the weights of a model or an adapter are read from: named tensors that stay on disk until asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/limits.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace peft {

struct TensorEntry {
  std::string name;          // as in the file
  DType dtype = DType::f32;  // what read() delivers; meaningless unless `readable`
  Shape shape;               // row-major, the slowest dimension first (GGUF's order is already turned round)
  int64_t bytes = 0;         // of the whole tensor as read() delivers it: storage_bytes(dtype, shape)
  std::string stored_type;   // as the file calls it: "BF16", "Q4_1", "BOOL"
  bool readable = true;      // false: no DType has this element type; reading it is Code::unsupported
  int index = -1;            // position in TensorSource::entries()
};

// A file or a set of files that holds tensors. Immutable after opening; any number of threads may read at
// once.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  TensorSource(const TensorSource&) = delete;
  TensorSource& operator=(const TensorSource&) = delete;

  const std::string& path() const { return path_; }  // file or folder, for messages
  const std::vector<TensorEntry>& entries() const { return entries_; }
  const TensorEntry* find(std::string_view name) const;  // nullptr when absent
  const TensorEntry& at(std::string_view name) const;    // absent: Code::not_found

  // Reads a whole tensor; out.size() must equal entry.bytes. `entry` must be one of entries() (or a copy of
  // it).
  void read(const TensorEntry& entry, std::span<std::byte> out) const;
  // Reads out.size() bytes from byte `offset` of the tensor's layout in memory.
  void read_range(const TensorEntry& entry, int64_t offset, std::span<std::byte> out) const;

 protected:
  TensorSource(std::string path, const Limits& limits) : path_(std::move(path)), limits_(limits) {}
  // Sets `index`; checks the name, its uniqueness and the number of tensors (Code::format, Code::limit).
  void add(TensorEntry entry);
  virtual void read_bytes(int index, int64_t offset, std::span<std::byte> out) const = 0;

  const Limits& limits() const { return limits_; }

 private:
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };
  std::string path_;
  Limits limits_;
  std::vector<TensorEntry> entries_;
  std::unordered_map<std::string, int, NameHash, std::equal_to<>> by_name_;
};

// A name that came from a file, fit for a message: control and non-ASCII bytes escaped, cut at 96 characters.
std::string printable(std::string_view text);
// Well-formed UTF-8 without control characters, 1 to `maximum_bytes` bytes.
bool is_clean_name(std::string_view name, int64_t maximum_bytes);

}  // namespace peft
