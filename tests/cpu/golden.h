// Tensors of the committed golden files: a safetensors reader for trusted input, without lib/formats.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "support/paths.h"

namespace peft::testing {

class GoldenFile {
 public:
  // `name` below tests/data.
  explicit GoldenFile(const std::string& name) {
    std::ifstream file(std::string(::peft::test::source_folder()) + "/tests/data/" + name, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
    uint64_t length = 0;
    check(bytes_.size() > sizeof length, Code::io, "no golden file {}", name);
    std::memcpy(&length, bytes_.data(), sizeof length);
    header_ = parse_json(std::string_view(bytes_).substr(8, length), name);
    data_ = 8 + length;
  }
  bool has(const std::string& name) const { return header_.contains(name); }
  std::vector<int64_t> shape(const std::string& name) const { return header_.at(name).at("shape"); }
  template <typename T>
  std::vector<T> values(const std::string& name) const {
    const auto offsets = header_.at(name).at("data_offsets");
    const size_t begin = offsets[0], end = offsets[1];
    std::vector<T> result((end - begin) / sizeof(T));
    std::memcpy(result.data(), bytes_.data() + data_ + begin, end - begin);
    return result;
  }
  // Names that end in `suffix`, without it.
  std::vector<std::string> stems(const std::string& suffix) const {
    std::vector<std::string> result;
    for (const auto& [name, entry] : header_.items()) {
      if (name.size() > suffix.size() && name.ends_with(suffix))
        result.push_back(name.substr(0, name.size() - suffix.size()));
    }
    return result;
  }

 private:
  std::string bytes_;
  Json header_;
  size_t data_ = 0;
};

}  // namespace peft::testing
