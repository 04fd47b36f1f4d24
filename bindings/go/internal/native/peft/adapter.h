/*
 * Adapters: attach, load, save, scale, detach, merge. Several live on one model; which are active is chosen
 * by each trainer, session and score, never globally. Files are Hugging Face PEFT's, in both directions.
 *
 * Sessions, scores and saves see the values that an adapter has when they begin; training changes an adapter
 * at the end of each step that is applied. A detached adapter lives until its last holder lets go.
 */
#ifndef PEFT_ADAPTER_H
#define PEFT_ADAPTER_H

#include "peft/base.h"
#include "peft/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A set of small weights of one method on one model. */
typedef struct peft_adapter peft_adapter;

/** How target_modules is read, after Hugging Face PEFT. */
typedef enum peft_target_kind PEFT_ENUM {
  PEFT_TARGET_AUTO = 0,     /**< NULL: the family's defaults; "all-linear": that; else a list */
  PEFT_TARGET_LIST = 1,     /**< comma list; each a whole module name or its end after a dot */
  PEFT_TARGET_REGEX = 2,    /**< one pattern that matches the whole module name, as Python's re.fullmatch */
  PEFT_TARGET_DEFAULTS = 3, /**< PEFT's defaults of the model family; target_modules is not read */
  PEFT_TARGET_FORCE32 = 0x7fffffff
} peft_target_kind;

/** Which biases train with LoRA. */
typedef enum peft_lora_bias PEFT_ENUM {
  PEFT_LORA_BIAS_NONE = 0,
  PEFT_LORA_BIAS_ALL = 1,       /**< every bias of the model */
  PEFT_LORA_BIAS_LORA_ONLY = 2, /**< the biases of the targeted modules */
  PEFT_LORA_BIAS_FORCE32 = 0x7fffffff
} peft_lora_bias;

/** First values of LoRA's factors, after PEFT's init_lora_weights. */
typedef enum peft_lora_init PEFT_ENUM {
  PEFT_LORA_INIT_DEFAULT = 0,  /**< true: A uniform in +-1/sqrt(in_features), B zero */
  PEFT_LORA_INIT_GAUSSIAN = 1, /**< "gaussian": A normal with deviation 1/r, B zero */
  PEFT_LORA_INIT_NONE = 2,     /**< false: A and B random, the adapter changes the model from the start */
  PEFT_LORA_INIT_FORCE32 = 0x7fffffff
} peft_lora_init;

/** LoRA's settings: y = W x + (alpha / r) B A dropout(x). Names and meaning are PEFT's. */
typedef struct peft_lora_config {
  uint32_t struct_size;
  int32_t r;                           /**< rank; default 16 (common practice; PEFT itself says 8) */
  double lora_alpha;                   /**< default 32 (twice the rank) */
  double lora_dropout;                 /**< 0 <= p < 1; default 0 (PEFT) */
  int32_t use_rslora;                  /**< 1: scale alpha / sqrt(r); default 0 (PEFT) */
  peft_lora_bias bias;                 /**< default PEFT_LORA_BIAS_NONE (PEFT) */
  peft_lora_init init_lora_weights;    /**< default PEFT_LORA_INIT_DEFAULT (PEFT) */
  peft_target_kind target_kind;        /**< default PEFT_TARGET_AUTO */
  const char *target_modules;          /**< "all-linear" (default, QLoRA's advice), a comma list, or a
                                            pattern */
  const char *exclude_modules;         /**< comma list, or a pattern if exclude_is_regex; default NULL =
                                            none */
  int32_t exclude_is_regex;            /**< default 0 */
  int32_t layers_to_transform_count;   /**< default 0 = all layers */
  const int32_t *layers_to_transform;  /**< numbers of the layers; only with a list of target modules */
  const char *layers_pattern;          /**< comma list of names before the layer's number; default NULL =
                                            the first number in a name */
  const char *rank_pattern;            /**< JSON object, pattern -> rank; default NULL = {} */
  const char *alpha_pattern;           /**< JSON object, pattern -> alpha; default NULL = {} */
  const char *modules_to_save;         /**< comma list of modules that are trained whole; default NULL =
                                            none */
  int64_t seed;                        /**< of the first values; >= 0; default 42 (Transformers' habit) */
} peft_lora_config;

/** How to attach or load an adapter of any method. */
typedef struct peft_adapter_options {
  uint32_t struct_size;
  int32_t trainable;         /**< 1 (default): a trainer may change it; 0: frozen */
  int64_t seed;              /**< of first values; >= 0; default 42 */
  const peft_cancel *cancel; /**< may be NULL */
} peft_adapter_options;

/** What an adapter is. */
typedef struct peft_adapter_info {
  uint32_t struct_size;       /**< set by the caller */
  int32_t r;                  /**< rank, or number of virtual tokens; 0 where the method has neither */
  char method[32];            /**< PEFT's peft_type: "LORA", "IA3", "PROMPT_TUNING" */
  double lora_alpha;          /**< 0 where the method has none */
  double scale;               /**< factor on its effect; 1 unless set */
  int64_t parameter_elements; /**< its numbers */
  int64_t parameter_bytes;    /**< their memory */
  int64_t parameter_count;    /**< tensors; see peft_adapter_parameter_at */
  int64_t module_count;       /**< modules that it changes */
  int64_t trained_steps;      /**< optimizer steps applied since it was attached or loaded */
  int32_t trainable;
  int32_t attached;           /**< 0 after peft_adapter_detach */
  int32_t merged;             /**< 1: part of the base weights now */
} peft_adapter_info;

/** How to merge. */
typedef struct peft_merge_options {
  uint32_t struct_size;
  double minimum_retained;   /**< refuse if a tensor would keep less of its update than this share; default
                                  0.99 */
  int32_t force;             /**< 1: merge all the same, the report tells what was lost; default 0 */
  int32_t dry_run;           /**< 1: only make the report and change nothing; default 0 */
  int32_t discard_originals; /**< 1: do not keep what peft_unmerge needs; default 0 */
  const peft_cancel *cancel; /**< may be NULL; a cancelled call leaves the model as it was */
  peft_dtype save_dtype;     /**< type that the merged model will be saved as: the report counts its rounding
                                  too, the model in memory does not have it. Default PEFT_DTYPE_AS_STORED =
                                  as in memory; _FLOAT32, _FLOAT16, _BFLOAT16, _Q8_0 */
} peft_merge_options;

/** Outcome of a merge. The share of an update dW that survived is <dW effective, dW> / |dW|^2. */
typedef struct peft_merge_result {
  uint32_t struct_size;     /**< set by the caller */
  int32_t merged;           /**< 1: the weights were changed */
  int64_t tensor_count;     /**< tensors that the adapter changes */
  int64_t below_minimum;    /**< of which below minimum_retained */
  double minimum_retained;  /**< smallest share over the tensors */
  double mean_retained;     /**< mean share over the tensors */
  int64_t original_bytes;   /**< memory of the originals that are kept */
} peft_merge_result;

/** One tensor in the report of a merge. */
typedef struct peft_merge_tensor {
  uint32_t struct_size; /**< set by the caller */
  peft_dtype dtype;     /**< type that the update was rounded to */
  double retained;      /**< share of the update that survived; 1 = all */
  double update_norm;   /**< |dW|, Frobenius */
  double weight_norm;   /**< |W| before, Frobenius */
} peft_merge_tensor;

/**
 * Fills config with the defaults.
 * @param[out] config the structure
 * @param[in] size sizeof *config of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_lora_config_init(peft_lora_config *config, size_t size);

/**
 * Attaches a new LoRA adapter. Its weights are float32.
 * @param[in] model the model
 * @param[in] name name of the adapter: not empty, no '.' or '/', not yet used on the model
 * @param[in] config the settings, or NULL for r 16, alpha 32, all linear layers
 * @param[out] out the adapter; free it with peft_adapter_free
 * @return PEFT_OK; PEFT_E_MISMATCH (no module matches); PEFT_E_FORMAT (JSON text);
 *         PEFT_E_STATE (the name is used); PEFT_E_UNSUPPORTED (a setting, or a pattern that is no regular
 *         expression without look-around)
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_attach_lora(const peft_model *model, const char *name,
                                      const peft_lora_config *config, peft_adapter **out);

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_adapter_options_init(peft_adapter_options *options, size_t size);

/**
 * Attaches a new adapter of any method by the text of PEFT's adapter_config.json. Absent keys take PEFT's
 * defaults; unknown keys are refused by name unless they hold PEFT's default.
 * @param[in] model the model
 * @param[in] name name of the adapter, as for peft_attach_lora
 * @param[in] json JSON object with at least "peft_type"
 * @param[in] json_len its bytes
 * @param[in] options how, or NULL
 * @param[out] out the adapter; free it with peft_adapter_free
 * @return PEFT_OK; PEFT_E_FORMAT; PEFT_E_MISMATCH (no module matches); PEFT_E_STATE (the name is used);
 *         PEFT_E_UNSUPPORTED (method or setting); PEFT_E_CANCELLED
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_attach(const peft_model *model, const char *name, const char *json, size_t json_len,
                                 const peft_adapter_options *options, peft_adapter **out);

/**
 * Loads an adapter folder of PEFT's (adapter_config.json, adapter_model.safetensors) strictly: every tensor
 * is used once and every target is found. Its files may be symbolic links.
 * @param[in] model the model
 * @param[in] name name of the adapter, as for peft_attach_lora; the files hold none
 * @param[in] path the folder
 * @param[in] options how, or NULL
 * @param[out] out the adapter; free it with peft_adapter_free
 * @return PEFT_OK; PEFT_NOTE (the files name another base model: not an error); PEFT_E_NOT_FOUND, PEFT_E_IO,
 *         PEFT_E_FORMAT, PEFT_E_UNSUPPORTED, PEFT_E_MISMATCH, PEFT_E_NUMERIC (a value is not finite),
 *         PEFT_E_STATE (the name is used), PEFT_E_LIMIT, PEFT_E_CANCELLED
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_adapter_load(const peft_model *model, const char *name, const char *path,
                                       const peft_adapter_options *options, peft_adapter **out);

/**
 * Saves an adapter as PEFT does, in float32 unless asked otherwise; reads it back and compares before it
 * returns. For GGUF a file with a LoRA adapter that llama.cpp reads.
 * @param[in] adapter the adapter
 * @param[in] path folder, or file for GGUF; made if it is not there
 * @param[in] options how, or NULL
 * @return PEFT_OK; PEFT_E_IO; PEFT_E_UNSUPPORTED (a method that the format cannot hold); PEFT_E_NUMERIC;
 *         PEFT_E_CANCELLED
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_adapter_save(const peft_adapter *adapter, const char *path,
                                       const peft_save_options *options);

/**
 * Asks for one free more.
 * @param[in] adapter the adapter
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_adapter_retain(const peft_adapter *adapter);

/**
 * Gives up the handle. The adapter stays attached; peft_model_adapter_find gives a handle again.
 * @param[in] adapter the adapter or NULL
 * Threads: any. @since 0.1
 */
PEFT_API void peft_adapter_free(peft_adapter *adapter);

/**
 * Reads what the adapter is.
 * @param[in] adapter the adapter
 * @param[out] info struct_size set by the caller
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_adapter_get_info(const peft_adapter *adapter, peft_adapter_info *info);

/**
 * Copies the name of an adapter.
 * @param[in] adapter the adapter
 * @param[out] buf receives the name
 * @param[in] cap bytes of buf
 * @param[out] len length of the name
 * @return PEFT_OK; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_adapter_get_name(const peft_adapter *adapter, char *buf, size_t cap, size_t *len);

/**
 * Copies the settings of an adapter as the text of PEFT's adapter_config.json.
 * @param[in] adapter the adapter
 * @param[out] buf receives the JSON text
 * @param[in] cap bytes of buf
 * @param[out] len length of the text
 * @return PEFT_OK; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_adapter_get_config(const peft_adapter *adapter, char *buf, size_t cap, size_t *len);

/**
 * Reads one row of the parameter list of an adapter.
 * @param[in] adapter the adapter
 * @param[in] index from 0 to parameter_count - 1
 * @param[out] info type, shape and bytes, or NULL
 * @param[out] buf receives the name, as PEFT's file spells it
 * @param[in] cap bytes of buf
 * @param[out] len length of the name
 * @return PEFT_OK; PEFT_E_NOT_FOUND past the end; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_adapter_parameter_at(const peft_adapter *adapter, int64_t index,
                                               peft_parameter_info *info, char *buf, size_t cap, size_t *len);

/**
 * Copies one parameter of an adapter as float32, row by row.
 * @param[in] adapter the adapter
 * @param[in] name as peft_adapter_parameter_at gives it
 * @param[out] data receives the numbers
 * @param[in] cap elements of data
 * @param[out] len number of elements
 * @return PEFT_OK; PEFT_E_NOT_FOUND; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_adapter_parameter_read(const peft_adapter *adapter, const char *name, float *data,
                                                 size_t cap, size_t *len);

/**
 * Sets a factor on the adapter's effect, for trainers, sessions and scores that begin after the call. It is
 * not saved in files.
 * @param[in] adapter the adapter
 * @param[in] scale at most 1e6 in size; 1 = as trained, 0 = no effect. Read it with peft_adapter_get_info
 * @return PEFT_OK; PEFT_E_UNSUPPORTED (a method whose effect has no size); PEFT_E_STATE (merged)
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_adapter_set_scale(peft_adapter *adapter, double scale);

/**
 * Takes the adapter off its model: its name becomes free. Trainers and sessions that hold it keep it, and the
 * handle can still be read and saved.
 * @param[in] adapter the adapter
 * @return PEFT_OK; PEFT_E_STATE (merged or already detached)
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_adapter_detach(peft_adapter *adapter);

/**
 * Gives a handle to an attached adapter, in the order of attaching. Its number is adapter_count of
 * peft_model_info.
 * @param[in] model the model
 * @param[in] index from 0 to adapter_count - 1
 * @param[out] out the adapter; free it with peft_adapter_free
 * @return PEFT_OK; PEFT_E_NOT_FOUND past the end
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_model_adapter_at(const peft_model *model, int64_t index, peft_adapter **out);

/**
 * Gives a handle to an attached adapter by its name.
 * @param[in] model the model
 * @param[in] name the name
 * @param[out] out the adapter; free it with peft_adapter_free
 * @return PEFT_OK; PEFT_E_NOT_FOUND
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_model_adapter_find(const peft_model *model, const char *name, peft_adapter **out);

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_merge_options_init(peft_merge_options *options, size_t size);

/**
 * Folds an adapter into the base weights, whatever their type, and measures for each tensor how much of the
 * update survives the rounding to that type. Originals are kept for peft_unmerge. A tied head that the
 * adapter changes is untied first. The report stays readable with peft_merge_tensor_at, also after a refusal.
 * @param[in] model the model; PEFT_E_BUSY while a trainer or session holds it
 * @param[in] adapter an adapter attached to this model
 * @param[in] options how, or NULL
 * @param[out] result struct_size set by the caller, or NULL; also written on PEFT_E_REFUSED
 * @return PEFT_OK; PEFT_E_REFUSED (a tensor keeps less than minimum_retained and force is 0: nothing was
 *         changed); PEFT_E_UNSUPPORTED (a method that cannot be merged); PEFT_E_MISMATCH (an adapter of
 *         another model); PEFT_E_STATE (merged or detached); PEFT_E_NUMERIC; PEFT_E_CANCELLED
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_merge(peft_model *model, const peft_adapter *adapter,
                                const peft_merge_options *options, peft_merge_result *result);

/**
 * Reads one row of the report of the model's last merge, dry or refused ones too.
 * @param[in] model the model
 * @param[in] index from 0 to tensor_count - 1
 * @param[out] info the figures, or NULL
 * @param[out] buf receives the name of the tensor
 * @param[in] cap bytes of buf
 * @param[out] len length of the name
 * @return PEFT_OK; PEFT_E_NOT_FOUND past the end; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_merge_tensor_at(const peft_model *model, int64_t index, peft_merge_tensor *info,
                                          char *buf, size_t cap, size_t *len);

/**
 * Undoes all merges: puts the kept originals back, bit for bit, and frees their memory.
 * @param[in] model the model; PEFT_E_BUSY while a trainer or session holds it
 * @return PEFT_OK; PEFT_E_STATE (nothing is merged, or the originals were discarded)
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_unmerge(peft_model *model);

/**
 * Makes all merges final: frees the originals. The merged adapters are detached.
 * @param[in] model the model
 * @return PEFT_OK; PEFT_E_STATE (nothing is merged)
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_merge_discard(peft_model *model);

#ifdef __cplusplus
}
#endif

#endif
