// A loaded model: the transformer with its weights, the config it came with, its tokenizer.
//
// Immutable after loading but for quantize, merge and unmerge, whose callers make sure that nobody else holds it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/json.h"
#include "base/limits.h"
#include "formats/gguf_metadata.h"
#include "models/family.h"
#include "nn/transformer.h"

namespace peft {

class Tokenizer;  // text/tokenizer.h

// How linear layers become NF4 (models/quantize.h).
struct QuantizeOptions {
  bool double_quantize = true;
  // Module names or suffixes that stay; none: the head, as bitsandbytes' integration in Transformers. A tied head always
  // stays.
  std::optional<std::vector<std::string>> skip;
  const CancelToken* cancel = nullptr;  // of quantize_model
};

struct LoadOptions {
  // What the linear and embedding weights become: f32 or bf16; none: as stored. Norms and biases are always f32.
  std::optional<DType> dtype;
  // Linear layers are quantized as they are read, so that one of them at a time is held as it was stored. Those that are
  // NF4 already stay.
  std::optional<QuantizeOptions> quantize;
  const CancelToken* cancel = nullptr;                          // polled before every tensor
  std::function<void(int64_t done, int64_t total)> progress;    // parameters read so far; may throw
  Limits limits;
  // The token embedding, of which a step reads a few rows, lies in pinned host memory. Code::unsupported where the
  // device's memory is the host's, and for models whose head is the embedding.
  bool embedding_on_host = false;
  bool tokenizer = true;       // false: none is looked for
  bool follow_links = true;    // files may be links that lead out of the folder, as in Hugging Face's cache
};

class Model {
 public:
  // A Hugging Face folder or a GGUF file. `context` gives the device and converts; weights do not come from its pool.
  // On the meta device nothing but headers is read. Strict both ways: a missing, surplus or misshapen tensor is an error
  // that names it. A folder without tokenizer loads; only text needs one.
  static std::shared_ptr<Model> load(const std::string& path, Context& context, const LoadOptions& options = {});

  const Transformer& transformer() const { return *transformer_; }
  Transformer& transformer() { return *transformer_; }
  const Family& family() const { return *family_; }
  const Json& config() const { return config_; }  // Transformers' config.json; made from the metadata for GGUF files
  const std::string& path() const { return path_; }
  bool from_gguf() const { return gguf_metadata_.has_value(); }
  const std::optional<GgufMetadata>& gguf_metadata() const { return gguf_metadata_; }

  // Null when the model came without one.
  const std::shared_ptr<const Tokenizer>& tokenizer() const { return tokenizer_; }
  const std::string& chat_template() const { return chat_template_; }  // empty when there is none
  // Tokens that end generation, from the tokenizer, config.json and generation_config.json.
  const std::vector<int32_t>& end_tokens() const { return end_tokens_; }

  int64_t parameter_count() const;  // elements of all stored parameters, tied ones once
  int64_t weight_bytes() const;     // as held in memory
  int64_t host_weight_bytes() const;  // of which in pinned host memory (LoadOptions::embedding_on_host)

 private:
  friend class ModelLoader;
  Model() = default;

  std::unique_ptr<Transformer> transformer_;
  const Family* family_ = nullptr;
  Json config_;
  std::string path_;
  std::optional<GgufMetadata> gguf_metadata_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::string chat_template_;
  std::vector<int32_t> end_tokens_;
};

}  // namespace peft
