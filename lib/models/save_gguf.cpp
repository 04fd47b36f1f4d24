#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "formats/gguf_writer.h"
#include "models/config_fields.h"
#include "models/save.h"
#include "models/tokenizer_files.h"
#include "models/weights.h"
#include "ops/convert.h"

namespace peft {
namespace {

// Type of a tensor in the file: vectors and positions stay f32, as llama.cpp's converter has it.
DType file_type(const Parameter& parameter, const Module& module, const SaveOptions& options) {
  if (parameter.shape.rank() == 1 || module.name == "position") return DType::f32;
  const DType held = parameter.value.dtype();
  if (!options.dtype) {
    check(!is_nf4(held), Code::unsupported, "'{}' is held as {}, which GGUF does not have; save as float32, bfloat16 or Q8_0",
          parameter.path, name_of(held));
    return held;
  }
  // ggml cannot cut a row inside a block.
  if (*options.dtype == DType::q8_0 && parameter.shape.columns() % 32 != 0) return DType::f16;
  return *options.dtype;
}

// The bytes of one tensor as the file has them, whole: turned round and interleaved where the architecture wants it.
std::vector<std::byte> bytes_of(Context& context, const Model& model, const Module& module, const Parameter& parameter,
                                DType dtype, const Shape& shape, bool bias, bool turn) {
  const auto size = static_cast<size_t>(storage_bytes(dtype, shape));
  std::vector<std::byte> bytes(size);
  if (dtype == parameter.value.dtype() && !turn) {
    context.backend().copy_to_host(parameter.value.const_view().data, bytes.data(), static_cast<int64_t>(size));
  } else {
    std::vector<float> values = context.to_host(dequantized(context, parameter.value));
    if (turn) {  // square ones too: GPT-2's attention has them
      std::vector<float> turned(values.size());
      const int64_t rows = parameter.shape[0], columns = parameter.shape[1];
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          turned[static_cast<size_t>(c * rows + r)] = values[static_cast<size_t>(r * columns + c)];
      values.swap(turned);
    }
    if (dtype == DType::q8_0) {
      encode_q8_0(values, bytes);
    } else {
      const Tensor dense = context.from_host(values, shape);
      const Tensor converted = to_dtype(context, dense, dtype);
      context.backend().copy_to_host(converted.const_view().data, bytes.data(), static_cast<int64_t>(size));
    }
  }
  const int64_t heads =
      gguf_weight_of(model.family(), model.transformer().spec(), module).interleaved_heads;
  if (heads == 0) return bytes;
  const int64_t rows = bias ? shape.columns() : shape.rows();
  std::vector<std::byte> turned(size);
  rotate_rows(bytes.data(), turned.data(), heads, rows, static_cast<int64_t>(size) / rows, /*to_gguf=*/true);
  return turned;
}

GgufMetadata metadata_of(const Model& model, const SaveOptions& options) {
  GgufMetadata metadata;
  metadata.set("general.architecture", GgufValue::of_string(std::string(model.family().gguf_architecture)));
  if (model.gguf_metadata()) {
    // What the file said of itself stays, tokenizer included; the sizes below are written anew.
    for (const auto& [key, value] : model.gguf_metadata()->items()) {
      const bool text = key.starts_with("tokenizer.");
      if (key == "general.file_type" || key == "general.alignment" || (text && !options.tokenizer)) continue;
      metadata.set(key, value);
    }
  } else if (options.tokenizer && model.tokenizer()) {
    text_to_gguf(*model.tokenizer(), model.chat_template(), model.transformer().spec().vocabulary, metadata);
  }
  model.family().config_to_gguf(model.transformer().spec(), metadata);
  return metadata;
}

// llama3 scaling as one divisor a pair.
std::vector<float> rope_divisors(const RopeSpec& rope) {
  std::vector<float> divisors;
  constexpr double pi = 3.14159265358979323846;
  for (int32_t i = 0; i < rope.rotary_dim / 2; ++i) {
    const double wavelength = 2.0 * pi * std::pow(rope.base, 2.0 * i / rope.rotary_dim);
    const double context = static_cast<double>(rope.original_context);
    double divisor = rope.factor;
    if (wavelength < context / rope.high_frequency_factor) {
      divisor = 1.0;
    } else if (wavelength <= context / rope.low_frequency_factor) {
      const double smooth = (context / wavelength - rope.low_frequency_factor) /
                            (rope.high_frequency_factor - rope.low_frequency_factor);
      divisor = 1.0 / ((1.0 - smooth) / rope.factor + smooth);
    }
    divisors.push_back(static_cast<float>(divisor));
  }
  return divisors;
}

}  // namespace

void save_gguf(const Model& model, const std::string& path, Context& context, const SaveOptions& options) {
  const Layout& layout = model.transformer().layout();
  std::vector<OutputTensor> tensors;
  for (const Module& module : layout.modules) {
    for (const ParameterId id : {module.weight, module.bias}) {
      if (id == no_parameter) continue;
      const Parameter& parameter = layout.parameters[static_cast<size_t>(id)];
      if (parameter.tied_to != no_parameter) continue;
      const bool bias = id == module.bias;
      OutputTensor output;
      output.name = resolve_name(model.family(), module.name).gguf + (bias ? ".bias" : ".weight");
      output.dtype = file_type(parameter, module, options);
      const bool turn = !bias && module.conv1d && module.layout == WeightLayout::in_out;
      output.shape = turn ? Shape{parameter.shape[1], parameter.shape[0]} : parameter.shape;
      auto kept = std::make_shared<std::vector<std::byte>>();
      output.read = [&context, &model, &module, &parameter, dtype = output.dtype, shape = output.shape, bias, turn, kept,
                     cancel = options.cancel](int64_t offset, std::span<std::byte> out) {
        poll(cancel);
        if (kept->empty()) *kept = bytes_of(context, model, module, parameter, dtype, shape, bias, turn);
        std::copy_n(kept->begin() + offset, out.size(), out.begin());
        if (offset + static_cast<int64_t>(out.size()) == static_cast<int64_t>(kept->size())) std::vector<std::byte>().swap(*kept);
      };
      tensors.push_back(std::move(output));
    }
  }
  const AttentionSpec& attention = attention_of(model.transformer().spec());
  std::vector<float> divisors;
  if (attention.rope && attention.rope->scaling == RopeScaling::llama3) {
    divisors = rope_divisors(*attention.rope);
    tensors.push_back(output_from_bytes("rope_freqs.weight", DType::f32, {static_cast<int64_t>(divisors.size())},
                                        std::as_bytes(std::span(divisors))));
  }
  write_gguf(path, metadata_of(model, options), tensors);
}

}  // namespace peft
