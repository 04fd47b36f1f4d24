/*
 * Models: load, look into, quantize, save. Base weights never change but by quantize, merge and unmerge, so
 * one resident model serves a trainer and any number of sessions at once.
 */
#ifndef PEFT_MODEL_H
#define PEFT_MODEL_H

#include "peft/base.h"
#include "peft/context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A loaded transformer with its adapters and, where its files have one, its tokenizer. */
typedef struct peft_model peft_model;

/** Told how far a call has come. Returns 0 to go on, 1 to cancel, < 0 to fail. */
typedef int32_t (*peft_progress_fn)(void *user_data, double fraction);

/** How to quantize a model to NF4. */
typedef struct peft_quantize_options {
  uint32_t struct_size;
  int32_t block_size;         /**< weights per maximum: 64 (default, as bitsandbytes); this version has no
                                   other */
  int32_t double_quantize;    /**< 1 (default, as QLoRA): the maxima are quantized to 8 bits in blocks of
                                   256 */
  const char *skip_modules;   /**< comma list of module names or suffixes that stay as they are; default
                                   NULL = the output head, as bitsandbytes' integration in Transformers. ""
                                   = none */
  const peft_cancel *cancel;  /**< may be NULL; a cancelled call leaves the model as it was */
} peft_quantize_options;

/** How to load a model. */
typedef struct peft_model_options {
  uint32_t struct_size;
  peft_dtype dtype;          /**< PEFT_DTYPE_AS_STORED (default: nothing is lost or grown), _FLOAT32 or
                                  _BFLOAT16. Quantized blocks stay as stored unless a plain type is asked
                                  for */
  const char *device;        /**< "cpu" (default), "cuda:0" and so on, or "auto": the first GPU where
                                  there is one, else the CPU. No silent fallback otherwise. NULL = the
                                  default */
  int32_t without_tokenizer; /**< 1: do not look for a tokenizer; default 0 */
  int32_t follow_links;      /**< 1: files may be symbolic links that lead out of the folder, as in Hugging
                                  Face's cache; default 0 */
  const peft_cancel *cancel; /**< may be NULL */
  peft_progress_fn progress; /**< may be NULL; peft_cancel_progress polls the same */
  void *user_data;           /**< handed to progress */
  peft_drop_fn drop;         /**< called once with user_data when the call is over; may be NULL */
  peft_placement embedding_placement; /**< of the token embedding, of which a step reads a few rows;
                                  default PEFT_PLACEMENT_DEVICE; AUTO is not offered. HOST is
                                  PEFT_E_UNSUPPORTED where the head is the embedding (tied_head) */
  const peft_quantize_options *quantize_nf4; /**< linear layers become NF4 as they are read, with
                                  the bits of peft_quantize_nf4: one at a time is held as stored, so that
                                  a model fits whose stored weights do not. What is NF4 already stays. Its
                                  cancel is not read. Default NULL = nothing is quantized */
} peft_model_options;

/** What a model is. Figures that a family does not have are 0. */
typedef struct peft_model_info {
  uint32_t struct_size;        /**< set by the caller */
  peft_dtype dtype;            /**< type that holds most of the weights */
  char family[32];             /**< "llama", "qwen2", "qwen3", "mistral", "gpt2" ... */
  char device[32];             /**< "cpu", "cuda:0" */
  int64_t parameter_elements;  /**< numbers in the base weights, a tied one counted once */
  int64_t weight_bytes;        /**< memory of the base weights */
  int64_t original_bytes;      /**< memory of originals that a merge keeps for peft_unmerge */
  int64_t parameter_count;     /**< tensors; see peft_model_parameter_at */
  int64_t module_count;        /**< modules that adapters can target; see peft_model_module_at */
  int64_t adapter_count;       /**< attached adapters; see peft_model_adapter_at */
  int64_t layers;
  int64_t hidden_size;
  int64_t attention_heads;
  int64_t key_value_heads;
  int64_t head_size;
  int64_t feed_forward_size;
  int64_t vocabulary_size;     /**< rows of the embedding, which may exceed the tokenizer's words */
  int64_t context_length;      /**< longest sequence that the model was made for */
  int64_t merge_tensor_count;  /**< tensors in the report of the last merge; see peft_merge_tensor_at */
  int32_t merged_adapters;     /**< adapters merged and not undone */
  int32_t tied_head;           /**< 1: the output head is the embedding */
  int32_t has_tokenizer;
  int32_t has_chat_template;
  int64_t host_weight_bytes;   /**< of weight_bytes those in pinned host memory (embedding_placement) */
} peft_model_info;

/** One tensor of a model or an adapter. */
typedef struct peft_parameter_info {
  uint32_t struct_size; /**< set by the caller */
  peft_dtype dtype;     /**< as held in memory */
  int64_t shape[4];     /**< outermost first; unused places are 0 */
  int32_t dimensions;   /**< used places of shape */
  int32_t trainable;    /**< 1: training changes it (adapters only) */
  int64_t elements;
  int64_t bytes;
} peft_parameter_info;

/** One module that adapters can target. */
typedef struct peft_module_info {
  uint32_t struct_size;   /**< set by the caller */
  int32_t layer;          /**< number of its layer, -1 outside the layers */
  char kind[32];          /**< "linear", "conv1d" (stored transposed), "embedding", "norm" */
  int64_t in_features;
  int64_t out_features;
  peft_dtype dtype;       /**< type of its weight */
  int32_t is_output_head; /**< 1: "all-linear" leaves it out */
} peft_module_info;

/** File formats for saving. */
typedef enum peft_file_format PEFT_ENUM {
  PEFT_FILE_AUTO = 0, /**< GGUF where the path ends in ".gguf", else a safetensors folder */
  PEFT_FILE_SAFETENSORS = 1,
  PEFT_FILE_GGUF = 2,
  PEFT_FILE_FORCE32 = 0x7fffffff
} peft_file_format;

/** How to save a model or an adapter. */
typedef struct peft_save_options {
  uint32_t struct_size;
  peft_file_format format;     /**< default PEFT_FILE_AUTO */
  peft_dtype dtype;            /**< PEFT_DTYPE_AS_STORED (default), _FLOAT32, _FLOAT16, _BFLOAT16; _Q8_0 in
                                    GGUF */
  int32_t without_tokenizer;   /**< models: 1 leaves tokenizer and chat template out; default 0 */
  int64_t max_file_bytes;      /**< models: size of one shard; default 0 = 5 GB, as Transformers has it */
  const char *base_model_name; /**< adapters: what base_model_name_or_path shall say; default NULL = the
                                    path or name that the model was loaded from */
  const peft_cancel *cancel;   /**< may be NULL */
} peft_save_options;

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_model_options_init(peft_model_options *options, size_t size);

/**
 * Loads a Hugging Face folder (config.json, safetensors in one file or shards, bitsandbytes 4-bit included)
 * or a GGUF file, strictly: every tensor of the file is used once and every tensor of the model is found, or
 * the error names them. A folder without a tokenizer loads; only text needs one.
 * @param[in] context the context that the model lives in
 * @param[in] path folder or file
 * @param[in] options how to load, or NULL
 * @param[out] out the model; free it with peft_model_free
 * @return PEFT_OK; PEFT_E_NOT_FOUND, PEFT_E_IO, PEFT_E_FORMAT, PEFT_E_UNSUPPORTED (family, tensor type or
 *         setting), PEFT_E_MISMATCH (shapes, missing or surplus tensors), PEFT_E_LIMIT, PEFT_E_DEVICE,
 *         PEFT_E_CANCELLED, PEFT_E_CALLBACK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_model_load(const peft_context *context, const char *path,
                                     const peft_model_options *options, peft_model **out);

/**
 * Asks for one free more.
 * @param[in] model the model
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_model_retain(const peft_model *model);

/**
 * Gives up the handle. Adapters, trainers and sessions keep the weights alive as long as they need them.
 * @param[in] model the model or NULL
 * Threads: any. @since 0.1
 */
PEFT_API void peft_model_free(peft_model *model);

/**
 * Reads what the model is.
 * @param[in] model the model
 * @param[out] info struct_size set by the caller
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_model_get_info(const peft_model *model, peft_model_info *info);

/**
 * Describes the model as a JSON object: path, family, format, the config in Transformers' spelling, bytes per
 * tensor type, tokenizer, adapters, and for GGUF the metadata (arrays by their length).
 * @param[in] model the model
 * @param[out] buf receives the JSON text
 * @param[in] cap bytes of buf
 * @param[out] len length of the text
 * @return PEFT_OK; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_model_describe(const peft_model *model, char *buf, size_t cap, size_t *len);

/**
 * Reads one row of the parameter list, in the order of the model.
 * @param[in] model the model
 * @param[in] index from 0 to parameter_count - 1
 * @param[out] info type, shape and bytes, or NULL
 * @param[out] buf receives the name, as the checkpoint spells it
 * @param[in] cap bytes of buf
 * @param[out] len length of the name
 * @return PEFT_OK; PEFT_E_NOT_FOUND past the end; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_model_parameter_at(const peft_model *model, int64_t index,
                                             peft_parameter_info *info, char *buf, size_t cap, size_t *len);

/**
 * Copies one parameter as float32, row by row; quantized ones are dequantized.
 * @param[in] model the model
 * @param[in] name as peft_model_parameter_at gives it
 * @param[out] data receives the numbers
 * @param[in] cap elements of data
 * @param[out] len number of elements
 * @return PEFT_OK; PEFT_E_NOT_FOUND; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_model_parameter_read(const peft_model *model, const char *name, float *data,
                                               size_t cap, size_t *len);

/**
 * Reads one row of the list of modules that adapters can target.
 * @param[in] model the model
 * @param[in] index from 0 to module_count - 1
 * @param[out] info kind and sizes, or NULL
 * @param[out] buf receives the name, such as "model.layers.0.self_attn.q_proj"
 * @param[in] cap bytes of buf
 * @param[out] len length of the name
 * @return PEFT_OK; PEFT_E_NOT_FOUND past the end; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_model_module_at(const peft_model *model, int64_t index, peft_module_info *info,
                                          char *buf, size_t cap, size_t *len);

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_save_options_init(peft_save_options *options, size_t size);

/**
 * Saves the base weights as they are now (merged, quantized) with config, tokenizer and chat template: a
 * folder that Transformers reads (NF4 in bitsandbytes' layout), or a GGUF file. Attached adapters are not
 * saved with it. Model files that are in the folder already are replaced as a whole; other files stay.
 * @param[in] model the model
 * @param[in] path folder, or file for GGUF; made if it is not there. Saving over the files that the model was
 *             loaded from is safe
 * @param[in] options how to save, or NULL
 * @return PEFT_OK; PEFT_E_IO; PEFT_E_UNSUPPORTED (a type or a part of the tokenizer that the format cannot
 *         hold); PEFT_E_REFUSED (a folder that holds files but no config.json, or folders: somebody's own);
 *         PEFT_E_CANCELLED
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_model_save(const peft_model *model, const char *path,
                                     const peft_save_options *options);

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_quantize_options_init(peft_quantize_options *options, size_t size);

/**
 * Quantizes the linear layers of a loaded model to NF4 in place, with bitsandbytes' codes bit for bit.
 * Embeddings, norms and skipped modules stay. Attached adapters stay and apply to the quantized weights.
 * @param[in] model the model; PEFT_E_BUSY while a trainer or session holds it
 * @param[in] options how, or NULL
 * @return PEFT_OK; PEFT_E_STATE (merged, and the originals are kept; or nothing left to quantize);
 *         PEFT_E_UNSUPPORTED (block_size); PEFT_E_NUMERIC (a weight is not finite); PEFT_E_CANCELLED
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_quantize_nf4(peft_model *model, const peft_quantize_options *options);

/**
 * Checks a model folder, a GGUF file or an adapter folder strictly, without building the model, and describes
 * what it found as a JSON object: kind, family or method, format, tensors by type, parameters, bytes, config
 * and, of a model, tokenizer, chat template and metadata. For a broken one the status is the error that
 * loading would give; whether an adapter fits a model only loading tells. Files may be symbolic links.
 * @param[in] context whose limits hold
 * @param[in] path folder or file
 * @param[in] cancel may be NULL
 * @param[out] buf receives the JSON text; measuring and copying check the files anew
 * @param[in] cap bytes of buf
 * @param[out] len length of the text
 * @return PEFT_OK; the errors of peft_model_load and peft_adapter_load
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_inspect(const peft_context *context, const char *path, const peft_cancel *cancel,
                                  char *buf, size_t cap, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
