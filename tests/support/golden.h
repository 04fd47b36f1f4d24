// Golden files of tests/data: committed safetensors with reference values.
#pragma once

#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "formats/safetensors.h"
#include "support/paths.h"
#include "support/test_device.h"

namespace peft::test {

// PEFT_TEST_DATA: where a test program runs away from the sources it was built from.
inline std::string data_path(const std::string& name) {
  const char* given = std::getenv("PEFT_TEST_DATA");
  return (given ? std::string(given) : std::string(::peft::test::source_folder()) + "/tests/data") + "/" + name;
}

class Golden {
 public:
  explicit Golden(const std::string& name) : file_(SafetensorsFile::open(data_path(name))) {}

  template <typename T>
  std::vector<T> read(const std::string& name) const {
    const TensorEntry& entry = file_->at(name);
    std::vector<T> values(static_cast<size_t>(entry.shape.elements()));
    file_->read(entry, std::as_writable_bytes(std::span(values)));
    return values;
  }
  std::vector<int32_t> ids(const std::string& name) const {
    const std::vector<int64_t> wide = read<int64_t>(name);
    return {wide.begin(), wide.end()};
  }
  bool has(const std::string& name) const { return file_->find(name) != nullptr; }
  const std::map<std::string, std::string>& metadata() const { return file_->metadata(); }

 private:
  std::unique_ptr<SafetensorsFile> file_;
};

// Largest absolute difference; infinite when sizes differ or a value is not finite.
inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= largest)) largest = std::isfinite(difference) ? difference : INFINITY;
  }
  return largest;
}

}  // namespace peft::test
