#include "adapters/gguf.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/file.h"
#include "formats/gguf.h"
#include "formats/gguf_rows.h"
#include "formats/gguf_writer.h"
#include "ops/convert.h"

namespace peft {
namespace {

// One tensor on its way out: its values, and what the file changes about them.
struct Part {
  std::string name;
  Tensor values;  // f32
  Shape shape;    // in the file
  bool transposed = false;
  int64_t interleaved_heads = 0;
};

void check_target(const Layout& layout, const Module& module, const std::string& what) {
  const auto& parameters = layout.parameters;
  check(module.name != "position", Code::unsupported, "{}: '{}': llama.cpp adapts no learned positions", what,
        module.path);
  const bool shared = parameters[static_cast<size_t>(module.weight)].tied_to != no_parameter ||
                      std::any_of(parameters.begin(), parameters.end(),
                                  [&](const Parameter& other) { return other.tied_to == module.weight; });
  check(!shared, Code::unsupported,
        "{}: '{}': the model's head is its embedding, of which a GGUF file has one tensor: the two cannot be "
        "adapted apart",
        what, module.path);
}

// llama.cpp scales by adapter.lora.alpha / rank; an alpha of 0 means no scaling to it.
float common_alpha(const std::vector<LowRankPair>& pairs, const Layout& layout, const std::string& what) {
  const auto alpha = static_cast<float>(pairs.front().alpha);
  check(alpha != 0.0f, Code::unsupported, "{}: lora_alpha 0 has no place in a GGUF file", what);
  for (const LowRankPair& pair : pairs)
    check(static_cast<float>(pair.alpha) == alpha, Code::unsupported,
          "{}: a GGUF file has one alpha for all modules; '{}' is scaled by {} / {}, '{}' by {} / {}", what,
          layout.modules[static_cast<size_t>(pairs.front().module)].path, pairs.front().alpha,
          pairs.front().rank, layout.modules[static_cast<size_t>(pair.module)].path, pair.alpha, pair.rank);
  return alpha;
}

std::vector<Part> parts_of(Context& context, const Adapter& adapter, const Layout& layout,
                           const std::vector<LowRankPair>& pairs, const SaveGgufAdapterOptions& options,
                           const std::string& what) {
  const std::vector<Tensor> values = adapter.values(&context);
  std::vector<bool> used(values.size(), false);
  std::vector<Part> parts;
  for (const LowRankPair& pair : pairs) {
    const Module& module = layout.modules[static_cast<size_t>(pair.module)];
    check_target(layout, module, what);
    const GgufTarget target = options.target_of(module);
    const Tensor &a = values[static_cast<size_t>(pair.a)], &b = values[static_cast<size_t>(pair.b)];
    used[static_cast<size_t>(pair.a)] = used[static_cast<size_t>(pair.b)] = true;
    const bool table = module.kind == ModuleKind::embedding;
    const Shape a_shape = table ? Shape{a.columns(), a.rows()} : a.shape();
    parts.push_back({target.name + ".lora_a", a, a_shape, table, 0});
    parts.push_back({target.name + ".lora_b", b, b.shape(), false, target.interleaved_heads});
  }
  for (size_t i = 0; i < used.size(); ++i)
    check(used[i], Code::unsupported,
          "{}: '{}' (modules_to_save or a trained bias) has no place in a GGUF file of a LoRA adapter", what,
          adapter.plan().tensors()[i].key);
  return parts;
}

std::vector<std::byte> bytes_of(Context& context, const Part& part, DType dtype) {
  std::vector<float> values = context.to_host(part.values);
  if (part.transposed) {
    std::vector<float> turned(values.size());
    const int64_t rows = part.shape.columns(), columns = part.shape.rows();
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        turned[static_cast<size_t>(c * rows + r)] = values[static_cast<size_t>(r * columns + c)];
    values.swap(turned);
  }
  if (part.interleaved_heads > 0) {
    std::vector<float> turned(values.size());
    rotate_rows(reinterpret_cast<const std::byte*>(values.data()),
                reinterpret_cast<std::byte*>(turned.data()), part.interleaved_heads, part.shape.rows(),
                part.shape.columns() * static_cast<int64_t>(sizeof(float)), /*to_gguf=*/true);
    values.swap(turned);
  }
  const Tensor converted =
      to_dtype(context, context.from_host(std::span<const float>(values), part.shape), dtype);
  for (const float value : context.to_host(dequantized(context, converted)))
    check(std::isfinite(value), Code::numeric, "tensor '{}' holds a value that is not finite as {}",
          part.name, name_of(dtype));
  std::vector<std::byte> bytes(static_cast<size_t>(storage_bytes(dtype, part.shape)));
  context.backend().copy_to_host(converted.const_view().data, bytes.data(),
                                 static_cast<int64_t>(bytes.size()));
  return bytes;
}

void check_written(const std::string& path, Context& context, const std::vector<Part>& parts, DType dtype) {
  const auto file = GgufFile::open(path);
  check(file->entries().size() == parts.size(), Code::io, "{}: {} tensors written, {} read again", path,
        parts.size(), file->entries().size());
  for (const Part& part : parts) {
    poll(context.cancel);
    const TensorEntry& entry = file->at(part.name);
    const std::vector<std::byte> expected = bytes_of(context, part, dtype);
    std::vector<std::byte> found(static_cast<size_t>(entry.bytes));
    file->read(entry, found);
    check(entry.shape == part.shape && entry.dtype == dtype && found == expected, Code::io,
          "{}: tensor '{}' was read again as something else", path, part.name);
  }
}

// Removes an unfinished file unless it took its place.
class Unfinished {
 public:
  explicit Unfinished(std::string path) : path_(std::move(path)) {}
  ~Unfinished() {
    if (!path_.empty()) std::remove(path_.c_str());
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  void become(const std::string& final_path) {
    if (std::rename(path_.c_str(), final_path.c_str()) != 0)
      fail_errno(final_path, "put the finished file in place");
    path_.clear();
    sync_folder(parent_folder(final_path));
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

void save_gguf_adapter(const Adapter& adapter, const Transformer& model, const std::string& path,
                       Context& context, const SaveGgufAdapterOptions& options) {
  check(is_floating(options.dtype), Code::invalid_argument, "adapters are saved as f32, f16 or bf16, not {}",
        name_of(options.dtype));
  const std::string what = "adapter '" + adapter.name() + "'";
  const std::vector<LowRankPair> pairs = adapter.plan().low_rank_pairs();
  check(!pairs.empty(), Code::unsupported, "{}: a GGUF file holds LoRA adapters, not {}", what,
        adapter.plan().peft_type());
  const float alpha = common_alpha(pairs, model.layout(), what);
  const std::vector<Part> parts = parts_of(context, adapter, model.layout(), pairs, options, what);

  GgufMetadata metadata(path);
  metadata.set("general.architecture", GgufValue::of_string(options.architecture));
  metadata.set("general.type", GgufValue::of_string("adapter"));
  metadata.set("general.name", GgufValue::of_string(adapter.name()));
  metadata.set("adapter.type", GgufValue::of_string("lora"));
  metadata.set("adapter.lora.alpha", GgufValue::of_f32(alpha));
  std::vector<OutputTensor> outputs;
  for (const Part& part : parts) {
    OutputTensor output;
    output.name = part.name;
    output.dtype = options.dtype;
    output.shape = part.shape;
    auto kept = std::make_shared<std::vector<std::byte>>();
    output.read = [&context, &part, dtype = options.dtype, kept](int64_t offset, std::span<std::byte> out) {
      poll(context.cancel);
      if (kept->empty()) *kept = bytes_of(context, part, dtype);
      std::copy_n(kept->begin() + offset, out.size(), out.begin());
      if (offset + static_cast<int64_t>(out.size()) == static_cast<int64_t>(kept->size()))
        std::vector<std::byte>().swap(*kept);
    };
    outputs.push_back(std::move(output));
  }
  Unfinished file(path + ".being-checked");
  write_gguf(file.path(), metadata, outputs);
  check_written(file.path(), context, parts, options.dtype);
  file.become(path);
}

}  // namespace peft
