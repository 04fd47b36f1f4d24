#include "models/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_set>

#include "base/checked.h"
#include "base/error.h"
#include "models/config_fields.h"
#include "models/quantize.h"
#include "ops/convert.h"

namespace peft {

void name_layout(const Family& family, Layout& layout) {
  for (Module& module : layout.modules) {
    module.path = resolve_name(family, module.name).hugging_face;
    layout.parameters[static_cast<size_t>(module.weight)].path = module.path + ".weight";
    if (module.bias != no_parameter) layout.parameters[static_cast<size_t>(module.bias)].path = module.path + ".bias";
  }
}

GgufWeight gguf_weight_of(const Family& family, const ModelSpec& spec, const Module& module) {
  const ResolvedName name = resolve_name(family, module.name);
  GgufWeight weight{name.gguf + ".weight", 0};
  if (name.transform == GgufTransform::rotate_query) weight.interleaved_heads = attention_of(spec).heads;
  if (name.transform == GgufTransform::rotate_key) weight.interleaved_heads = attention_of(spec).kv_heads;
  return weight;
}

namespace {

// Buffers that old checkpoints carry and that follow from the config.
bool is_buffer(std::string_view name) {
  return name.ends_with(".rotary_emb.inv_freq") || name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") ||
         name == "rope_freqs.weight";
}

class WeightReader {
 public:
  WeightReader(Transformer& transformer, const Family& family, const TensorSource& source, Naming naming, Context& context,
               const LoadOptions& options)
      : transformer_(transformer), family_(family), source_(source), naming_(naming), context_(context), options_(options) {}

  void run() {
    Layout& layout = transformer_.layout();
    if (options_.embedding_on_host) check_host_embedding();
    int64_t total = 0, done = 0;
    for (const Parameter& parameter : layout.parameters) total += parameter.shape.elements();
    for (Module& module : layout.modules) {
      for (const ParameterId id : {module.weight, module.bias}) {
        if (id == no_parameter) continue;
        poll(options_.cancel);
        Parameter& parameter = layout.parameters[static_cast<size_t>(id)];
        load(module, parameter, id == module.bias);
        done += parameter.shape.elements();
        if (options_.progress) options_.progress(done, total);
      }
    }
    refuse_surplus();
    context_.backend().synchronize();  // other contexts read the weights
  }

 private:
  void check_host_embedding() const {
    check(context_.has_host_memory(), Code::unsupported,
          "{}: embedding_placement: the embedding cannot be placed in host memory: the model's device has no other "
          "memory",
          source_.path());
    check(!transformer_.spec().tied_head, Code::unsupported,
          "{}: embedding_placement: the embedding cannot be placed in host memory: the head is the same tensor "
          "(tie_word_embeddings) and reads it whole for every token",
          source_.path());
  }

  std::string stored_name(const Module& module, bool bias) const {
    const ResolvedName name = resolve_name(family_, module.name);
    return (naming_ == Naming::gguf ? name.gguf : name.hugging_face) + (bias ? ".bias" : ".weight");
  }

  // Checkpoints of the bare model (without its head) leave the prefix out.
  const TensorEntry* find(const std::string& name) const {
    if (const TensorEntry* entry = source_.find(name)) return entry;
    if (naming_ == Naming::hugging_face && name.starts_with(family_.base_prefix))
      return source_.find(std::string_view(name).substr(family_.base_prefix.size()));
    return nullptr;
  }

  void load(Module& module, Parameter& parameter, bool bias) {
    const std::string name = stored_name(module, bias);
    const TensorEntry* entry = find(name);
    if (parameter.tied_to != no_parameter) {
      tie(parameter, entry);
      return;
    }
    check(entry != nullptr, Code::mismatch, "{}: no tensor '{}'", source_.path(), name);
    used_.insert(entry->name);
    check(entry->readable, Code::unsupported, "{}: tensor '{}' has type {}, which cannot be a weight", source_.path(),
          entry->name, entry->stored_type);
    // GGUF stores every linear weight as [out, in]; a Conv1D's is [in, out] elsewhere.
    if (naming_ == Naming::gguf && module.conv1d && !bias) {
      module.layout = WeightLayout::out_in;
      parameter.shape = {module.out_features, module.in_features};
    } else if (module.conv1d && !bias && is_nf4(entry->dtype)) {
      module.layout = WeightLayout::out_in;  // bitsandbytes turns a Conv1D round before it quantizes
      parameter.shape = {module.out_features, module.in_features};
    }
    check(entry->shape == parameter.shape, Code::mismatch, "{}: tensor '{}': expected shape {}, found {}", source_.path(),
          entry->name, to_string(parameter.shape), to_string(entry->shape));
    check(is_floating(entry->dtype) || is_quantized(entry->dtype), Code::mismatch,
          "{}: tensor '{}' has type {}, a weight needs a floating or quantized one", source_.path(), entry->name,
          entry->stored_type);
    parameter.on_host = options_.embedding_on_host && module.name == "embedding";
    parameter.value = read(*entry, module, parameter, bias);
    if (options_.quantize && !bias) quantize_weight(transformer_.layout(), module, context_, *options_.quantize);
  }

  // A tied head's own copy in the file must be the same bits as the embedding it shares.
  void tie(Parameter& parameter, const TensorEntry* entry) {
    const Parameter& base = transformer_.layout().parameters[static_cast<size_t>(parameter.tied_to)];
    PEFT_ASSERT(base.value.defined());
    parameter.value = base.value;
    if (!entry) return;
    used_.insert(entry->name);
    if (context_.is_meta()) return;
    const std::string tied = naming_ == Naming::gguf ? "token_embd.weight" : base.path;
    const TensorEntry* other = find(tied);
    bool same = other && other->dtype == entry->dtype && other->bytes == entry->bytes;
    constexpr int64_t chunk = 1 << 20;
    std::vector<std::byte> a(chunk), b(chunk);
    for (int64_t at = 0; same && at < entry->bytes; at += chunk) {
      const auto count = static_cast<size_t>(std::min(chunk, entry->bytes - at));
      source_.read_range(*entry, at, std::span(a).first(count));
      source_.read_range(*other, at, std::span(b).first(count));
      same = std::memcmp(a.data(), b.data(), count) == 0;
    }
    check(same, Code::mismatch,
          "{}: tensor '{}' differs from '{}' although config.json ties them (tie_word_embeddings)", source_.path(),
          entry->name, tied);
  }

  Tensor allocate(const Shape& shape, DType dtype, bool on_host) {
    return on_host ? context_.empty_on_host(shape, dtype) : context_.empty_shared(shape, dtype);
  }

  Tensor read(const TensorEntry& entry, const Module& module, const Parameter& parameter, bool bias) {
    const bool vector = parameter.shape.rank() == 1;
    DType wanted = vector ? DType::f32 : options_.dtype.value_or(entry.dtype);
    if (context_.is_meta()) return allocate(entry.shape, wanted, parameter.on_host);
    Tensor stored = allocate(entry.shape, entry.dtype, parameter.on_host);
    const int64_t heads = interleaved_heads(module);
    if (context_.backend().kind() == DeviceKind::cpu && heads == 0) {
      source_.read(entry, {stored.view().data, static_cast<size_t>(entry.bytes)});
    } else {
      std::vector<std::byte> staged(static_cast<size_t>(entry.bytes));
      source_.read(entry, staged);
      if (heads > 0) {
        const int64_t rows = bias ? entry.shape.columns() : entry.shape.rows();
        check(rows % (2 * heads) == 0, Code::mismatch, "{}: tensor '{}': {} rows for {} heads", source_.path(), entry.name,
              rows, heads);
        std::vector<std::byte> turned(staged.size());
        rotate_rows(staged.data(), turned.data(), heads, rows, entry.bytes / rows, /*to_gguf=*/false);
        staged.swap(turned);
      }
      context_.backend().copy_from_host(staged.data(), stored.view().data, entry.bytes);
    }
    if (stored.dtype() == wanted) return stored;
    const Tensor converted = to_dtype(context_, stored, wanted);
    Tensor result = allocate(entry.shape, wanted, parameter.on_host);
    context_.backend().copy(converted.const_view(), result.view());
    return result;
  }

  // Heads whose rows GGUF interleaved; 0: none.
  int64_t interleaved_heads(const Module& module) const {
    if (naming_ != Naming::gguf) return 0;
    return gguf_weight_of(family_, transformer_.spec(), module).interleaved_heads;
  }

  void refuse_surplus() const {
    std::string names;
    int count = 0;
    for (const TensorEntry& entry : source_.entries()) {
      if (used_.contains(entry.name) || is_buffer(entry.name)) continue;
      if (++count <= 5) names += (count > 1 ? ", '" : "'") + printable(entry.name) + "'";
    }
    check(count == 0, Code::mismatch, "{}: {} {} to no part of a {} model: {}{}", source_.path(), count,
          count == 1 ? "tensor belongs" : "tensors belong", family_.name, names, count > 5 ? ", ..." : "");
  }

  Transformer& transformer_;
  const Family& family_;
  const TensorSource& source_;
  Naming naming_;
  Context& context_;
  const LoadOptions& options_;
  std::unordered_set<std::string> used_;
};

}  // namespace

void load_weights(Transformer& transformer, const Family& family, const TensorSource& source, Naming naming,
                  Context& context, const LoadOptions& options) {
  WeightReader(transformer, family, source, naming, context, options).run();
}

void apply_rope_divisors(std::span<const float> divisors, Json& config) {
  // llama3 scaling with its usual borders: divisor 1 for short wavelengths, `factor` for long ones, blended between. Any
  // blended pair tells the original context; without one, Llama 3.1's fits or the check below says so.
  constexpr double low = 1.0, high = 4.0, pi = 3.14159265358979323846;
  const double factor = divisors.empty() ? 1.0 : *std::max_element(divisors.begin(), divisors.end());
  const double base = config["rope_parameters"]["rope_theta"].get<double>();
  const auto wavelength = [&](size_t pair) {
    return 2.0 * pi * std::pow(base, static_cast<double>(pair) / static_cast<double>(divisors.size()));
  };
  double original = 8192.0;
  for (size_t i = 0; i < divisors.size(); ++i) {
    if (divisors[i] <= 1.001 || divisors[i] >= 0.999 * factor) continue;
    const double smooth = (1.0 / divisors[i] - 1.0 / factor) / (1.0 - 1.0 / factor);
    original = std::round(wavelength(i) * (low + smooth * (high - low)));
    break;
  }
  for (size_t i = 0; i < divisors.size(); ++i) {
    double expected = factor;
    if (wavelength(i) < original / high) {
      expected = 1.0;
    } else if (wavelength(i) <= original / low) {
      const double smooth = (original / wavelength(i) - low) / (high - low);
      expected = 1.0 / ((1.0 - smooth) / factor + smooth);
    }
    check(std::abs(divisors[i] - expected) <= 1e-4 * expected, Code::unsupported,
          "rope_freqs.weight: divisor {} is {}, llama3 scaling of factor {} and context {} has {}", i, divisors[i], factor,
          original, expected);
  }
  Json& rope = config["rope_parameters"];
  rope["rope_type"] = "llama3";
  rope["factor"] = factor;
  rope["low_freq_factor"] = low;
  rope["high_freq_factor"] = high;
  rope["original_max_position_embeddings"] = static_cast<int64_t>(original);
}

}  // namespace peft
