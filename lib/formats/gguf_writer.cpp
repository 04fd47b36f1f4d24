#include "formats/gguf_writer.h"

#include <bit>
#include <cstring>
#include <unordered_set>

#include "base/checked.h"
#include "base/error.h"
#include "formats/gguf.h"

namespace peft {
namespace {

// Gathers the head of the file; data follows by streaming.
class Head {
 public:
  template <typename T>
  void scalar(T value) {
    static_assert(std::is_arithmetic_v<T>);
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void string(std::string_view value) {
    scalar<uint64_t>(value.size());
    text_ += value;
  }
  void value(const GgufValue& value) {
    scalar(static_cast<uint32_t>(value.type));
    switch (value.type) {
      case GgufType::u8:
        return scalar(static_cast<uint8_t>(natural(value)));
      case GgufType::u16:
        return scalar(static_cast<uint16_t>(natural(value)));
      case GgufType::u32:
        return scalar(static_cast<uint32_t>(natural(value)));
      case GgufType::u64:
        return scalar(natural(value));
      case GgufType::i8:
        return scalar(static_cast<int8_t>(integer(value)));
      case GgufType::i16:
        return scalar(static_cast<int16_t>(integer(value)));
      case GgufType::i32:
        return scalar(static_cast<int32_t>(integer(value)));
      case GgufType::i64:
        return scalar(integer(value));
      case GgufType::f32:
        return scalar(static_cast<float>(std::get<double>(value.data)));
      case GgufType::f64:
        return scalar(std::get<double>(value.data));
      case GgufType::boolean:
        return scalar(static_cast<uint8_t>(std::get<bool>(value.data)));
      case GgufType::string:
        return string(std::get<std::string>(value.data));
      case GgufType::array:
        return array(std::get<GgufArray>(value.data));
    }
  }
  void pad(int64_t alignment) {
    text_.append(static_cast<size_t>(round_up(static_cast<int64_t>(text_.size()), alignment)) - text_.size(),
                 '\0');
  }
  const std::string& text() const { return text_; }

 private:
  static uint64_t natural(const GgufValue& value) { return std::get<uint64_t>(value.data); }
  static int64_t integer(const GgufValue& value) { return std::get<int64_t>(value.data); }
  void array(const GgufArray& array) {
    scalar(static_cast<uint32_t>(array.element));
    scalar(static_cast<uint64_t>(array.size()));
    for (const std::string& item : array.strings) string(item);
    text_.append(reinterpret_cast<const char*>(array.numbers.data()), array.numbers.size());
  }

  std::string text_;
};

}  // namespace

void write_gguf(const std::string& path, const GgufMetadata& metadata,
                const std::vector<OutputTensor>& tensors) {
  const int64_t alignment = metadata.integer_or("general.alignment", 32, 1, 1 << 20);
  check(std::has_single_bit(static_cast<uint64_t>(alignment)), Code::invalid_argument,
        "{}: general.alignment {} is not a power of two", path, alignment);
  Head head;
  for (const char letter : {'G', 'G', 'U', 'F'}) head.scalar(letter);
  head.scalar<uint32_t>(3);
  head.scalar<uint64_t>(tensors.size());
  head.scalar<uint64_t>(metadata.items().size());
  for (const auto& [key, value] : metadata.items()) {
    check(is_clean_name(key, Limits{}.name_bytes), Code::invalid_argument,
          "{}: metadata key '{}' cannot be written", path, printable(key));
    head.string(key);
    head.value(value);
  }

  std::unordered_set<std::string_view> names;
  std::vector<int64_t> sizes;
  int64_t offset = 0;
  for (const OutputTensor& tensor : tensors) {
    check(is_clean_name(tensor.name, Limits{}.name_bytes), Code::invalid_argument,
          "{}: tensor name '{}' cannot be written", path, printable(tensor.name));
    check(names.insert(tensor.name).second, Code::invalid_argument, "{}: tensor '{}' is declared twice", path,
          tensor.name);
    const std::optional<uint32_t> type = ggml_type_of(tensor.dtype);
    check(type.has_value(), Code::unsupported, "{}: tensor '{}': a GGUF file cannot hold {}", path,
          tensor.name, name_of(tensor.dtype));
    head.string(tensor.name);
    head.scalar(static_cast<uint32_t>(tensor.shape.rank()));
    for (int i = tensor.shape.rank() - 1; i >= 0; --i) head.scalar(static_cast<uint64_t>(tensor.shape[i]));
    head.scalar(*type);
    head.scalar(static_cast<uint64_t>(offset));
    sizes.push_back(storage_bytes(tensor.dtype, tensor.shape));
    offset = checked_add(offset, round_up(sizes.back(), alignment));
  }
  head.pad(alignment);

  OutputFile file(path);
  file.write(head.text());
  for (size_t i = 0; i < tensors.size(); ++i) {
    write_pieces(tensors[i], sizes[i], file);
    file.write(std::string(static_cast<size_t>(round_up(sizes[i], alignment) - sizes[i]), '\0'));
  }
  file.commit();
}

}  // namespace peft
