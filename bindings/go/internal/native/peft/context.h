/*
 * The execution context: where a host program says what the library may use. Make one, load models in it.
 */
#ifndef PEFT_CONTEXT_H
#define PEFT_CONTEXT_H

#include "peft/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Parent of models, tokenizers and data sets. Trainers and sessions have memory pools of their own inside it,
 * so they run side by side. Always used as shared.
 */
typedef struct peft_context peft_context;

/** What a context may use. 0 in a bound means the library's own default, which fits real models. */
typedef struct peft_context_options {
  uint32_t struct_size;
  int32_t threads;            /**< threads of one computation; default 0 = as many as the process may run
                                   on. The process has one pool: later contexts share it. No result depends
                                   on it */
  int64_t max_memory_bytes;   /**< bytes of weights, adapters and work held by all objects of the context;
                                   default 0 = no bound. Beyond it calls fail with PEFT_E_OUT_OF_MEMORY */
  int64_t max_json_bytes;     /**< one JSON file; default 0 = 256 MiB (tokenizers of 256k words have 30 MB) */
  int64_t max_text_bytes;     /**< one text to encode; default 0 = 64 MiB */
  int64_t max_data_row_bytes; /**< one row of a data set; default 0 = 64 MiB */
  int64_t max_tokens;         /**< tokens of one row or session; default 0 = 1048576 */
  int64_t max_template_steps; /**< work of one chat template; default 0 = 10 million steps of its
                                   interpreter */
} peft_context_options;

/** What a context and the process use now. */
typedef struct peft_context_info {
  uint32_t struct_size;            /**< set by the caller */
  int32_t threads;                 /**< threads of one computation */
  int64_t memory_bytes;            /**< held now by all objects of the context */
  int64_t peak_memory_bytes;       /**< the most that was ever held */
  int64_t resident_bytes;          /**< resident set of the process */
  int64_t peak_resident_bytes;     /**< the largest resident set of the process so far */
  int64_t available_bytes;         /**< what the system could still give, within the cgroup's bound */
} peft_context_info;

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_context_options_init(peft_context_options *options, size_t size);

/**
 * Makes a context.
 * @param[in] options what it may use, or NULL
 * @param[out] out the context; free it with peft_context_free
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_context_create(const peft_context_options *options, peft_context **out);

/**
 * Gives up the handle. Models and everything made of them go on living.
 * @param[in] context the context or NULL
 * Threads: any. @since 0.1
 */
PEFT_API void peft_context_free(peft_context *context);

/**
 * Reads the live figures.
 * @param[in] context the context
 * @param[out] info struct_size set by the caller
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_context_get_info(const peft_context *context, peft_context_info *info);

/**
 * Gives memory that is cached for later use back to the system. Objects at work keep theirs.
 * @param[in] context the context
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_context_trim(const peft_context *context);

#ifdef __cplusplus
}
#endif

#endif
