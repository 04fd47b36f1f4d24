#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "formats/checkpoint_set.h"
#include "formats/gguf.h"
#include "models/model.h"
#include "models/tokenizer_files.h"
#include "models/weights.h"

namespace peft {

class ModelLoader {
 public:
  ModelLoader(Context& context, const LoadOptions& options) : context_(context), options_(options) {}

  std::shared_ptr<Model> load(const std::string& path) {
    model_ = std::shared_ptr<Model>(new Model());
    model_->path_ = path;
    if (is_folder(path)) {
      load_folder(Folder::open(path, options_.follow_links));
    } else {
      InputFile file = InputFile::open(path);
      check(looks_like_gguf(file), Code::unsupported,
            "{}: neither a folder nor a GGUF file; a model is a Hugging Face folder or a GGUF file", path);
      load_gguf(std::move(file));
    }
    return std::move(model_);
  }

 private:
  void load_folder(const Folder& folder) {
    const std::string what = join_path(folder.path(), "config.json");
    check(folder.contains("config.json"), Code::not_found, "{}: no config.json; is this a model folder?", folder.path());
    model_->config_ = parse_json(folder.read_text("config.json", options_.limits.json_bytes), what, options_.limits);
    build(what, nullptr);
    const auto source = open_checkpoint(folder, options_.limits);
    load_weights(*model_->transformer_, *model_->family_, *source, Naming::hugging_face, context_, options_);
    if (options_.tokenizer) take(text_of_folder(folder, model_->config_, vocabulary(), options_.limits));
  }

  void load_gguf(InputFile file) {
    const std::string path = file.path();
    const auto source = GgufFile::open(std::move(file), options_.limits);
    const GgufMetadata& metadata = source->metadata();
    const Family& family = with_context(path, [&]() -> const Family& { return family_of_gguf(metadata); });
    Json config = with_context(path, [&] { return family.config_from_gguf(metadata); });
    const TensorEntry* table = source->find("token_embd.weight");
    check(table && table->shape.rank() == 2, Code::mismatch, "{}: no tensor 'token_embd.weight' of two dimensions", path);
    config["vocab_size"] = table->shape[0];
    config["tie_word_embeddings"] = source->find("output.weight") == nullptr;
    // Biases have no key in the metadata: their tensors tell.
    config["attention_bias"] = source->find("blk.0.attn_output.bias") != nullptr;
    config["mlp_bias"] = source->find("blk.0.ffn_up.bias") != nullptr;
    if (const TensorEntry* divisors = source->find("rope_freqs.weight")) {
      check(divisors->dtype == DType::f32 && divisors->shape.rank() == 1 && divisors->shape.columns() <= 4096,
            Code::format, "{}: tensor 'rope_freqs.weight': expected a short f32 vector", path);
      std::vector<float> values(static_cast<size_t>(divisors->shape.columns()));
      source->read(*divisors, std::as_writable_bytes(std::span(values)));
      with_context(path, [&] { apply_rope_divisors(values, config); });
    }
    model_->config_ = std::move(config);
    model_->gguf_metadata_ = metadata;
    build(path, &family);
    load_weights(*model_->transformer_, family, *source, Naming::gguf, context_, options_);
    if (options_.tokenizer) take(with_context(path, [&] { return text_of_gguf(metadata, vocabulary(), options_.limits); }));
  }

  int64_t vocabulary() const { return model_->transformer_->spec().vocabulary; }

  void build(const std::string& what, const Family* family) {
    const JsonFields fields(model_->config_, what);
    model_->family_ = family ? family : &family_of_config(fields);
    model_->transformer_ = std::make_unique<Transformer>(model_->family_->spec(fields));
    name_layout(*model_->family_, model_->transformer_->layout());
  }

  void take(ModelText text) {
    model_->tokenizer_ = std::move(text.tokenizer);
    model_->chat_template_ = std::move(text.chat_template);
    model_->end_tokens_ = std::move(text.end_tokens);
  }

  Context& context_;
  const LoadOptions& options_;
  std::shared_ptr<Model> model_;
};

std::shared_ptr<Model> Model::load(const std::string& path, Context& context, const LoadOptions& options) {
  check(!options.dtype || *options.dtype == DType::f32 || *options.dtype == DType::bf16, Code::invalid_argument,
        "weights load as stored, f32 or bf16, not {}", name_of(options.dtype.value_or(DType::f32)));
  return ModelLoader(context, options).load(path);
}

int64_t Model::parameter_count() const {
  int64_t count = 0;
  for (const Parameter& parameter : transformer_->layout().parameters)
    if (parameter.tied_to == no_parameter) count += parameter.shape.elements();
  return count;
}

int64_t Model::weight_bytes() const {
  int64_t bytes = 0;
  for (const Parameter& parameter : transformer_->layout().parameters)
    if (parameter.tied_to == no_parameter) bytes += parameter.value.storage()->bytes();
  return bytes;
}

int64_t Model::host_weight_bytes() const {
  int64_t bytes = 0;
  for (const Parameter& parameter : transformer_->layout().parameters)
    if (parameter.tied_to == no_parameter && parameter.on_host) bytes += parameter.value.storage()->bytes();
  return bytes;
}

}  // namespace peft
