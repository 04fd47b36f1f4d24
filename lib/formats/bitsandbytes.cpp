#include "formats/bitsandbytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <unordered_set>

#include "base/checked.h"
#include "base/error.h"
#include "tensor/nf4.h"

namespace peft {
namespace {

constexpr std::string_view state_suffix = ".quant_state.bitsandbytes__nf4";
constexpr std::string_view fp4_suffix = ".quant_state.bitsandbytes__fp4";
constexpr int64_t state_bytes_limit = 64 << 10;

// Some bytes of an entry's layout: from a tensor of the source, or given.
struct Segment {
  int64_t begin = 0, end = 0;          // in the layout
  const TensorEntry* entry = nullptr;  // nullptr: `literal`
  std::vector<std::byte> literal;
};

std::vector<float> read_floats(const TensorSource& source, const TensorEntry& entry) {
  std::vector<float> values(static_cast<size_t>(entry.bytes) / sizeof(float));
  source.read(entry, std::as_writable_bytes(std::span(values)));
  return values;
}

// One group of the source, checked and laid out.
class Group {
 public:
  Group(const TensorSource& source, const std::string& name, const Limits& limits)
      : source_(source), name_(name), where_(source.path() + ": tensor '" + printable(name) + "'") {
    const TensorEntry& state_entry = part(state_suffix, DType::u8);
    check(state_entry.bytes <= state_bytes_limit, Code::limit, "{}: quant state of {} bytes", where_,
          state_entry.bytes);
    std::string text(static_cast<size_t>(state_entry.bytes), '\0');
    source_.read(state_entry, std::as_writable_bytes(std::span(text)));
    const Json state = parse_json(text, where_ + ": quant state", limits);
    read_state(JsonFields(state, where_ + ": quant state"));
  }

  TensorEntry entry() const { return entry_; }
  std::vector<Segment> take_segments() { return std::move(segments_); }
  const std::vector<std::string>& parts() const { return parts_; }

 private:
  const TensorEntry& part(std::string_view suffix, DType dtype) {
    const std::string name = name_ + std::string(suffix);
    const TensorEntry* entry = source_.find(name);
    check(entry != nullptr, Code::format, "{}: its part '{}' is missing", where_, suffix);
    check(entry->readable && entry->dtype == dtype, Code::format, "{}: part '{}': expected {}, found {}",
          where_, suffix, name_of(dtype), entry->stored_type);
    parts_.push_back(name);
    return *entry;
  }

  void read_state(const JsonFields& state) {
    const std::string type = state.string("quant_type");
    check(type == "nf4", Code::unsupported, "{}: quantization type '{}' is not supported, only nf4", where_,
          printable(type));
    const int64_t block = state.integer("blocksize", 1, INT64_MAX);
    check(block == nf4_block, Code::unsupported, "{}: block size {} is not supported, only {}", where_, block,
          nf4_block);
    entry_.name = name_;
    entry_.shape = read_shape(state);
    const bool nested = source_.find(name_ + ".nested_absmax") != nullptr;
    entry_.dtype = nested ? DType::nf4_double : DType::nf4;
    entry_.stored_type = nested ? "bitsandbytes nf4, nested" : "bitsandbytes nf4";
    layout_ = with_context(where_, [&] { return Nf4Layout::of(entry_.dtype, entry_.shape.elements()); });
    entry_.bytes = layout_.total_bytes;

    // bnb_4bit_quant_storage only changes how the same bytes are declared, so any element type is taken.
    const TensorEntry* codes = source_.find(name_);
    check(codes != nullptr, Code::format, "{}: the codes are missing", where_);
    check(codes->readable && !is_quantized(codes->dtype), Code::format, "{}: codes of type {}", where_,
          codes->stored_type);
    parts_.push_back(name_);
    add(*codes, 0, layout_.codes_bytes, "codes");
    check_map(part(".quant_map", DType::f32), nf4_values, "quant_map");
    add(part(".absmax", nested ? DType::u8 : DType::f32), layout_.maxima_offset,
        layout_.blocks * (nested ? 1 : 4), "absmax");
    if (nested) read_nested(state);
    fill_gaps();
  }

  Shape read_shape(const JsonFields& state) const {
    const Json* shape = state.find("shape");
    check(shape != nullptr && shape->is_array() && !shape->empty(), Code::format,
          "{}: expected an array 'shape'", state.what());
    check(shape->size() <= static_cast<size_t>(Shape::maximum_rank), Code::unsupported,
          "{}: {} dimensions, at most {} are supported", state.what(), shape->size(), Shape::maximum_rank);
    std::vector<int64_t> sizes;
    for (const Json& size : *shape) {
      check(size.is_number_unsigned() && size.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX),
            Code::format, "{}: a size of 'shape' is not a natural number", state.what());
      sizes.push_back(size.get<int64_t>());
    }
    return Shape(std::span<const int64_t>(sizes));
  }

  void read_nested(const JsonFields& state) {
    const int64_t block = state.integer("nested_blocksize", 1, INT64_MAX);
    check(block == nf4_nested_block, Code::unsupported, "{}: nested block size {} is not supported, only {}",
          where_, block, nf4_nested_block);
    const std::string type = state.string("nested_dtype");
    check(type == "float32", Code::unsupported, "{}: nested type '{}' is not supported, only float32", where_,
          printable(type));
    check_map(part(".nested_quant_map", DType::f32), dynamic_map(), "nested_quant_map");
    add(part(".nested_absmax", DType::f32), layout_.nested_offset, layout_.nested_blocks * 4,
        "nested_absmax");
    const double offset = state.number("nested_offset", -3.4028234663852886e38, 3.4028234663852886e38);
    const auto stored = static_cast<float>(offset);
    Segment segment{layout_.offset_offset, layout_.offset_offset + 4, nullptr, std::vector<std::byte>(4)};
    std::memcpy(segment.literal.data(), &stored, 4);
    segments_.push_back(std::move(segment));
  }

  void add(const TensorEntry& from, int64_t begin, int64_t bytes, const char* what) {
    check(from.bytes == bytes, Code::format, "{}: {} of {} bytes expected for shape {}, found {}", where_,
          what, bytes, to_string(entry_.shape), from.bytes);
    if (bytes > 0) segments_.push_back({begin, begin + bytes, &from, {}});
  }

  // The map in the file must be ours. bitsandbytes itself takes states as equal within 1e-6; its older
  // releases made the dynamic map on other devices, an ulp apart.
  template <size_t size>
  void check_map(const TensorEntry& entry, const std::array<float, size>& expected, const char* what) {
    check(entry.bytes == static_cast<int64_t>(sizeof expected), Code::unsupported,
          "{}: {} of {} values is not supported, only {}", where_, what, entry.bytes / 4, size);
    const std::vector<float> found = read_floats(source_, entry);
    for (size_t i = 0; i < size; ++i) {
      check(std::fabs(found[i] - expected[i]) <= 1e-6f, Code::unsupported,
            "{}: {} is not the known one: value {} is {}, expected {}", where_, what, i, found[i],
            expected[i]);
    }
  }

  // The layout's padding reads as zeros.
  void fill_gaps() {
    std::sort(segments_.begin(), segments_.end(),
              [](const auto& a, const auto& b) { return a.begin < b.begin; });
    std::vector<Segment> complete;
    int64_t position = 0;
    const auto pad_to = [&](int64_t end) {
      if (end > position) {
        complete.push_back(
            {position, end, nullptr, std::vector<std::byte>(static_cast<size_t>(end - position))});
      }
    };
    for (Segment& segment : segments_) {
      PEFT_ASSERT(segment.begin >= position);
      pad_to(segment.begin);
      position = segment.end;
      complete.push_back(std::move(segment));
    }
    PEFT_ASSERT(position <= layout_.total_bytes && layout_.total_bytes - position <= 4096);
    pad_to(layout_.total_bytes);
    segments_ = std::move(complete);
  }

  const TensorSource& source_;
  std::string name_, where_;
  TensorEntry entry_;
  Nf4Layout layout_{};
  std::vector<Segment> segments_;
  std::vector<std::string> parts_;
};

class ResolvedSource final : public TensorSource {
 public:
  ResolvedSource(std::unique_ptr<TensorSource> source, const std::vector<std::string>& names,
                 const Limits& limits)
      : TensorSource(source->path(), limits), source_(std::move(source)) {
    std::unordered_set<std::string> parts;
    std::map<std::string, Group> groups;
    for (const std::string& name : names) {
      const Group& group = groups.emplace(name, Group(*source_, name, limits)).first->second;
      parts.insert(group.parts().begin(), group.parts().end());
    }
    for (const TensorEntry& entry : source_->entries()) {
      const auto group = groups.find(entry.name);
      if (group != groups.end()) {
        add(group->second.entry());
        segments_.push_back(group->second.take_segments());
      } else if (!parts.contains(entry.name)) {
        add(entry);
        std::vector<Segment> whole;
        whole.push_back({0, entry.bytes, &entry, {}});
        segments_.push_back(std::move(whole));
      }
    }
  }

 private:
  void read_bytes(int index, int64_t offset, std::span<std::byte> out) const override {
    const std::vector<Segment>& segments = segments_[static_cast<size_t>(index)];
    auto segment = std::upper_bound(segments.begin(), segments.end(), offset,
                                    [](int64_t position, const Segment& s) { return position < s.end; });
    while (!out.empty()) {
      PEFT_ASSERT(segment != segments.end() && offset >= segment->begin);
      const auto count =
          static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(out.size()), segment->end - offset));
      if (segment->entry != nullptr) {
        source_->read_range(*segment->entry, offset - segment->begin, out.first(count));
      } else {
        std::memcpy(out.data(), segment->literal.data() + (offset - segment->begin), count);
      }
      out = out.subspan(count);
      offset += static_cast<int64_t>(count);
      ++segment;
    }
  }

  std::unique_ptr<TensorSource> source_;
  std::vector<std::vector<Segment>> segments_;  // of each entry, without gaps
};

}  // namespace

std::unique_ptr<TensorSource> resolve_bitsandbytes(std::unique_ptr<TensorSource> source,
                                                   const Limits& limits) {
  std::vector<std::string> names;
  for (const TensorEntry& entry : source->entries()) {
    check(!entry.name.ends_with(fp4_suffix), Code::unsupported,
          "{}: tensor '{}': bitsandbytes' fp4 is not supported, only nf4", source->path(),
          printable(entry.name));
    if (entry.name.ends_with(state_suffix)) {
      names.push_back(entry.name.substr(0, entry.name.size() - state_suffix.size()));
    }
  }
  if (names.empty()) return source;
  return std::make_unique<ResolvedSource>(std::move(source), names, limits);
}

std::vector<OutputTensor> bitsandbytes_parts(const OutputTensor& tensor, DType original) {
  PEFT_ASSERT(is_nf4(tensor.dtype));
  check(is_floating(original), Code::invalid_argument, "tensor '{}': {} is not a type that is quantized",
        tensor.name, name_of(original));
  const Nf4Layout layout = Nf4Layout::of(tensor.dtype, tensor.shape.elements());
  const auto range = [&tensor](int64_t begin) {
    return
        [read = tensor.read, begin](int64_t offset, std::span<std::byte> out) { read(begin + offset, out); };
  };
  const auto literal = [](std::string_view bytes) {
    return [text = std::string(bytes)](int64_t offset, std::span<std::byte> out) {
      if (!out.empty()) std::memcpy(out.data(), text.data() + offset, out.size());
    };
  };
  const auto bytes_of = [](const auto& values) {
    return std::string_view(reinterpret_cast<const char*>(values.data()), sizeof values);
  };
  const bool nested = tensor.dtype == DType::nf4_double;
  const char* original_name = original == DType::f32   ? "float32"
                              : original == DType::f16 ? "float16"
                                                       : "bfloat16";
  // bitsandbytes' own text, spaces and order of keys included.
  std::string state = fmt::format(R"({{"quant_type": "nf4", "blocksize": {}, "dtype": "{}", "shape": {})",
                                  nf4_block, original_name, to_string(tensor.shape));
  std::vector<OutputTensor> parts;
  parts.push_back({tensor.name, DType::u8, Shape{layout.codes_bytes, 1}, range(0)});
  parts.push_back({tensor.name + ".absmax", nested ? DType::u8 : DType::f32, Shape{layout.blocks},
                   range(layout.maxima_offset)});
  parts.push_back({tensor.name + ".quant_map", DType::f32, Shape{16}, literal(bytes_of(nf4_values))});
  if (nested) {
    float offset = 0;
    tensor.read(layout.offset_offset, std::as_writable_bytes(std::span(&offset, 1)));
    check(std::isfinite(offset), Code::numeric, "tensor '{}': the offset of its block maxima is not finite",
          tensor.name);
    state += fmt::format(R"(, "nested_blocksize": {}, "nested_dtype": "float32", "nested_offset": {})",
                         nf4_nested_block, dump_json(Json(static_cast<double>(offset))));
    parts.push_back({tensor.name + ".nested_absmax", DType::f32, Shape{layout.nested_blocks},
                     range(layout.nested_offset)});
    parts.push_back(
        {tensor.name + ".nested_quant_map", DType::f32, Shape{256}, literal(bytes_of(dynamic_map()))});
  }
  state += '}';
  parts.push_back({tensor.name + std::string(state_suffix), DType::u8,
                   Shape{static_cast<int64_t>(state.size())}, literal(state)});
  return parts;
}

Json bitsandbytes_config(bool double_quantization, DType compute, const std::vector<std::string>& skipped) {
  check(is_floating(compute), Code::invalid_argument, "{} is not a compute type", name_of(compute));
  return {{"_load_in_4bit", true},
          {"_load_in_8bit", false},
          {"bnb_4bit_compute_dtype", compute == DType::f32   ? "float32"
                                     : compute == DType::f16 ? "float16"
                                                             : "bfloat16"},
          {"bnb_4bit_quant_storage", "uint8"},
          {"bnb_4bit_quant_type", "nf4"},
          {"bnb_4bit_use_double_quant", double_quantization},
          {"llm_int8_enable_fp32_cpu_offload", false},
          {"llm_int8_has_fp16_weight", false},
          {"llm_int8_skip_modules", skipped.empty() ? Json(nullptr) : Json(skipped)},
          {"llm_int8_threshold", 6.0},
          {"load_in_4bit", true},
          {"load_in_8bit", false},
          {"quant_method", "bitsandbytes"}};
}

}  // namespace peft
