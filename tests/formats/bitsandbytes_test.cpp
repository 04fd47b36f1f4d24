#include "formats/bitsandbytes.h"

#include "files.h"
#include "formats/checkpoint_set.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "tensor/nf4.h"

namespace peft {
namespace {

using test::data_path;
using test::TemporaryFolder;

// Weights of one layout as bitsandbytes defines them, in double.
std::vector<float> decode(const std::vector<std::byte>& bytes, DType dtype, int64_t elements) {
  const Nf4Layout layout = Nf4Layout::of(dtype, elements);
  const auto float_at = [&](int64_t offset) {
    float value;
    std::memcpy(&value, bytes.data() + offset, 4);
    return value;
  };
  std::vector<float> values(static_cast<size_t>(elements));
  for (int64_t i = 0; i < elements; ++i) {
    const auto pair = static_cast<uint8_t>(bytes[static_cast<size_t>(i / 2)]);
    const float code = nf4_values[static_cast<size_t>(i % 2 == 0 ? pair >> 4 : pair & 15)];
    const int64_t block = i / nf4_block;
    float maximum = 0;
    if (dtype == DType::nf4) {
      maximum = float_at(layout.maxima_offset + 4 * block);
    } else {
      const auto nested = static_cast<uint8_t>(bytes[static_cast<size_t>(layout.maxima_offset + block)]);
      maximum = dynamic_map()[nested] * float_at(layout.nested_offset + 4 * (block / nf4_nested_block)) +
                float_at(layout.offset_offset);
    }
    values[static_cast<size_t>(i)] = code * maximum;
  }
  return values;
}

TEST(Bitsandbytes, GroupsAreSingleEntries) {
  for (const bool nested : {false, true}) {
    const auto source =
        open_checkpoint(Folder::open(data_path(nested ? "nf4/llama_nf4_double" : "nf4/llama_nf4")));
    const auto plain = open_checkpoint(Folder::open(data_path("nf4/llama_float32")));
    ASSERT_EQ(source->entries().size(), plain->entries().size());
    int quantized = 0;
    for (const TensorEntry& entry : plain->entries()) {
      const TensorEntry& found = source->at(entry.name);
      EXPECT_EQ(found.shape, entry.shape) << entry.name;
      if (!is_nf4(found.dtype)) continue;
      ++quantized;
      EXPECT_EQ(found.dtype, nested ? DType::nf4_double : DType::nf4);
      EXPECT_EQ(found.bytes, storage_bytes(found.dtype, found.shape));
      // Half a step between code values, of the block's maximum: the bound on any correct decoding.
      const auto original = test::read_tensor<float>(*plain, entry.name);
      const auto decoded =
          decode(test::read_tensor(*source, entry.name), found.dtype, entry.shape.elements());
      for (size_t begin = 0; begin < original.size(); begin += nf4_block) {
        float maximum = 0;
        const size_t end = std::min(original.size(), begin + nf4_block);
        for (size_t i = begin; i < end; ++i) maximum = std::max(maximum, std::fabs(original[i]));
        for (size_t i = begin; i < end; ++i)
          EXPECT_LE(std::fabs(original[i] - decoded[i]), 0.17f * maximum) << entry.name;
      }
    }
    EXPECT_EQ(quantized, 14) << "7 linear layers in each of 2 blocks";
  }
}

TEST(Bitsandbytes, RangesEqualTheWhole) {
  const auto source = open_checkpoint(Folder::open(data_path("nf4/llama_nf4_double")));
  for (const TensorEntry& entry : source->entries()) {
    if (!is_nf4(entry.dtype)) continue;
    const auto whole = test::read_tensor(*source, entry.name);
    for (const int64_t step : {1, 7, 64, 1000}) {
      std::vector<std::byte> pieces(whole.size());
      for (int64_t at = 0; at < entry.bytes; at += step) {
        const auto count = static_cast<size_t>(std::min(step, entry.bytes - at));
        source->read_range(entry, at, std::span(pieces).subspan(static_cast<size_t>(at), count));
      }
      EXPECT_EQ(pieces, whole) << entry.name << " in steps of " << step;
    }
    break;
  }
}

// What Transformers saved with bitsandbytes, resolved into our layout and split again, has the same bytes.
TEST(Bitsandbytes, WritesTheBytesOfTransformers) {
  for (const char* name : {"nf4/llama_nf4", "nf4/llama_nf4_double"}) {
    const auto source = open_checkpoint(Folder::open(data_path(name)));
    std::vector<OutputTensor> tensors;
    for (const TensorEntry& entry : source->entries()) {
      tensors.push_back(output_from_source(entry.name, *source, entry));
    }
    const Json state = parse_json(
        [&] {
          const auto file = SafetensorsFile::open(data_path(name) + std::string("/model.safetensors"));
          for (const TensorEntry& entry : file->entries()) {
            if (entry.name.ends_with("bitsandbytes__nf4")) {
              const auto text = test::read_tensor<char>(*file, entry.name);
              return std::string(text.begin(), text.end());
            }
          }
          return std::string();
        }(),
        "state");
    const DType original = state["dtype"] == "float32"   ? DType::f32
                           : state["dtype"] == "float16" ? DType::f16
                                                         : DType::bf16;
    const TemporaryFolder folder;
    write_checkpoint(folder.path(), tensors, int64_t{1} << 40, original);
    EXPECT_TRUE(test::read_bytes(folder.file("model.safetensors")) ==
                test::read_bytes(data_path(name) + std::string("/model.safetensors")))
        << name;
  }
}

TEST(Bitsandbytes, ConfigIsTransformersOwn) {
  const Json golden = parse_json(test::read_bytes(data_path("nf4/llama_nf4_double/config.json")), "config");
  const Json& expected = golden["quantization_config"];
  const std::string compute = expected["bnb_4bit_compute_dtype"];
  const Json found = bitsandbytes_config(true, compute == "float32"   ? DType::f32
                                               : compute == "float16" ? DType::f16
                                                                      : DType::bf16);
  for (const auto& [key, value] : expected.items()) {
    if (key == "llm_int8_skip_modules") continue;
    EXPECT_EQ(found[key], value) << key;
  }
  EXPECT_EQ(found.size(), expected.size());
  EXPECT_EQ(bitsandbytes_config(false, DType::f32, {"lm_head"})["llm_int8_skip_modules"], Json({"lm_head"}));
}

// One small group whose parts a test may change or drop.
struct Group {
  std::map<std::string, OutputTensor> parts;
  std::vector<std::vector<std::byte>> kept;

  explicit Group(bool nested) {
    const DType dtype = nested ? DType::nf4_double : DType::nf4;
    const Nf4Layout layout = Nf4Layout::of(dtype, 2 * 64);
    kept.emplace_back(static_cast<size_t>(layout.total_bytes));
    const OutputTensor whole = output_from_bytes("w", dtype, Shape{2, 64}, kept.front());
    for (OutputTensor& part : bitsandbytes_parts(whole, DType::f32)) parts.emplace(part.name, part);
  }
  void state(const std::string& text) {
    parts.erase("w.quant_state.bitsandbytes__nf4");
    const auto bytes = std::as_bytes(std::span(text));
    kept.emplace_back(bytes.begin(), bytes.end());
    const std::string name = "w.quant_state.bitsandbytes__nf4";
    parts.emplace(name,
                  output_from_bytes(name, DType::u8, Shape{static_cast<int64_t>(text.size())}, kept.back()));
  }
  void replace(const std::string& name, DType dtype, const Shape& shape) {
    kept.emplace_back(static_cast<size_t>(storage_bytes(dtype, shape)));
    parts[name] = output_from_bytes(name, dtype, shape, kept.back());
  }
  std::unique_ptr<TensorSource> open() const {
    const TemporaryFolder folder;
    std::vector<OutputTensor> tensors;
    for (const auto& [name, part] : parts) tensors.push_back(part);
    write_safetensors(folder.file("x"), tensors);
    return open_checkpoint_file(folder.file("x"));
  }
};

std::string state_text(const std::string& type, const std::string& block, const std::string& shape,
                       const std::string& more = "") {
  return R"({"quant_type": ")" + type + R"(", "blocksize": )" + block + R"(, "dtype": "float32", "shape": )" +
         shape + more + "}";
}
std::string nested_text(const std::string& block, const std::string& dtype, const std::string& offset) {
  return state_text("nf4", "64", "[2, 64]",
                    R"(, "nested_blocksize": )" + block + R"(, "nested_dtype": ")" + dtype +
                        R"(", "nested_offset": )" + offset);
}

TEST(Bitsandbytes, SoundGroupsOpen) {
  EXPECT_EQ(Group(false).open()->at("w").dtype, DType::nf4);
  EXPECT_EQ(Group(true).open()->at("w").dtype, DType::nf4_double);
  // bnb_4bit_quant_storage = bfloat16: the same bytes under another name.
  Group other(false);
  other.replace("w", DType::bf16, Shape{32, 1});
  EXPECT_EQ(other.open()->at("w").dtype, DType::nf4);
}

TEST(Bitsandbytes, OtherSettingsAreNamed) {
  const auto refused = [](bool nested, const std::string& text, const char* message) {
    Group group(nested);
    group.state(text);
    EXPECT_ERROR(Code::unsupported, message, group.open());
  };
  refused(false, state_text("fp4", "64", "[2, 64]"), "quantization type 'fp4'");
  refused(false, state_text("nf4", "128", "[2, 64]"), "block size 128");
  refused(false, state_text("nf4", "64", "[1, 1, 1, 2, 64]"), "5 dimensions");
  refused(true, nested_text("128", "float32", "0.5"), "nested block size 128");
  refused(true, nested_text("256", "float16", "0.5"), "nested type 'float16'");
  Group map(false);
  map.replace("w.quant_map", DType::f32, Shape{16});
  EXPECT_ERROR(Code::unsupported, "quant_map is not the known one: value 0 is 0, expected -1", map.open());
  Group size(false);
  size.replace("w.quant_map", DType::f32, Shape{8});
  EXPECT_ERROR(Code::unsupported, "quant_map of 8 values", size.open());
  Group nested_map(true);
  nested_map.replace("w.nested_quant_map", DType::f32, Shape{256});
  EXPECT_ERROR(Code::unsupported, "nested_quant_map is not the known one", nested_map.open());
  Group fp4(false);
  fp4.replace("v.quant_state.bitsandbytes__fp4", DType::u8, Shape{4});
  EXPECT_ERROR(Code::unsupported, "fp4", fp4.open());
}

TEST(Bitsandbytes, BrokenGroupsAreRefused) {
  for (const char* part : {"w", "w.absmax", "w.quant_map", "w.nested_quant_map"}) {
    Group group(true);
    group.parts.erase(part);
    EXPECT_ERROR(Code::format, "missing", group.open());
  }
  const auto refused = [](const std::string& text, const char* message, bool nested = false,
                          Code code = Code::format) {
    Group group(nested);
    group.state(text);
    EXPECT_ERROR(code, message, group.open());
  };
  refused("", "JSON");
  refused("[]", "expected an object");
  refused(state_text("nf4", "64", "null"), "'shape'");
  refused(state_text("nf4", "64", "[]"), "'shape'");
  refused(state_text("nf4", "64", "[2, -64]"), "natural number");
  refused(state_text("nf4", "64", "[2, 64.0]"), "natural number");
  refused(state_text("nf4", "64", "[4294967296, 4294967296]"), "overflow");
  refused(state_text("nf4", "64", "[2, 65]"), "codes of 65 bytes expected");
  refused(state_text("nf4", "-64", "[2, 64]"), "blocksize");
  refused(nested_text("256", "float32", "1e39"), "nested_offset", true);
  refused(nested_text("256", "float32", "null"), "nested_offset", true);
  refused(state_text("nf4", "64", "[2, 64]"), "nested_blocksize", true);

  Group absmax(false);
  absmax.replace("w.absmax", DType::f32, Shape{3});
  EXPECT_ERROR(Code::format, "absmax of 8 bytes expected", absmax.open());
  Group type(false);
  type.replace("w.absmax", DType::u8, Shape{2});
  EXPECT_ERROR(Code::format, "expected f32, found U8", type.open());
  Group nested(true);
  nested.replace("w.nested_absmax", DType::f32, Shape{2});
  EXPECT_ERROR(Code::format, "nested_absmax of 4 bytes expected", nested.open());
  Group state(false);
  state.replace("w.quant_state.bitsandbytes__nf4", DType::u8, Shape{1 << 20});
  EXPECT_ERROR(Code::limit, "quant state of 1048576 bytes", state.open());
}

}  // namespace
}  // namespace peft
