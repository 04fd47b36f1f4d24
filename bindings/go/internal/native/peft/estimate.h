/*
 * How much memory a job will take, before anything is allocated. The estimate runs the job's own code on a
 * backend that computes nothing and counts bytes.
 */
#ifndef PEFT_ESTIMATE_H
#define PEFT_ESTIMATE_H

#include "peft/adapter.h"
#include "peft/base.h"
#include "peft/context.h"
#include "peft/data.h"
#include "peft/generate.h"
#include "peft/model.h"
#include "peft/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Jobs that can be estimated. */
typedef enum peft_job PEFT_ENUM {
  PEFT_JOB_TRAIN = 0,
  PEFT_JOB_GENERATE = 1,
  PEFT_JOB_FORCE32 = 0x7fffffff
} peft_job;

/** The job. */
typedef struct peft_estimate_options {
  uint32_t struct_size;
  peft_job job;                               /**< default PEFT_JOB_TRAIN */
  const peft_model_options *model_options;    /**< type and device of the weights; default NULL = as
                                                   stored, CPU */
  int32_t quantize_nf4;                       /**< 1: the model is quantized after loading; default 0 */
  int32_t sessions;                           /**< GENERATE: sessions at once; default 1 */
  const peft_lora_config *lora_config;        /**< TRAIN: default NULL = peft_lora_config_init's; GENERATE:
                                                   default NULL = no adapter, unless adapter_config */
  const char *adapter_config;                 /**< text of an adapter_config.json instead of lora_config;
                                                   default NULL */
  const peft_trainer_options *trainer_options; /**< TRAIN; default NULL = peft_trainer_options_init's */
  const peft_session_options *session_options; /**< GENERATE; default NULL = peft_session_options_init's;
                                                   its adapters are not read */
  const peft_dataset *dataset;                /**< TRAIN: its longest batch is what counts; default NULL */
  int64_t sequence_length;                    /**< without a dataset: tokens of a row; GENERATE: of a
                                                   session; default 2048 */
} peft_estimate_options;

/** Where the memory goes, in bytes. */
typedef struct peft_estimate_result {
  uint32_t struct_size;       /**< set by the caller */
  int32_t fits;               /**< 1: peak_bytes is within what the device has free now */
  int64_t peak_bytes;         /**< the most at once; what the process or GPU will show at its peak */
  int64_t weight_bytes;       /**< base weights, without those in host_bytes */
  int64_t loading_bytes;      /**< more while loading and quantizing, gone before the job's own peak */
  int64_t adapter_bytes;      /**< adapter weights */
  int64_t gradient_bytes;     /**< adapter gradients */
  int64_t optimizer_bytes;    /**< AdamW's two moments; 0 where they are in host_bytes */
  int64_t activation_bytes;   /**< kept for the backward pass */
  int64_t cache_bytes;        /**< key/value caches of all sessions */
  int64_t workspace_bytes;    /**< scratch and what is short-lived, at the peak */
  int64_t baseline_bytes;     /**< the library, its tables, the tokenizer, the data set */
  int64_t available_bytes;    /**< free on the device now */
  int64_t trainable_elements; /**< numbers that would be trained */
  int64_t parameter_elements; /**< numbers in the base weights */
  int64_t tokens_per_step;    /**< TRAIN: tokens of one step at most */
  double flops_per_step;      /**< TRAIN: floating point operations of one step; GENERATE: of one token */
  int64_t host_bytes;         /**< pinned host memory beside a GPU's own, at the peak: what
                                   PEFT_ACTIVATION_OFFLOAD and PEFT_PLACEMENT_HOST put there. Not in
                                   peak_bytes */
} peft_estimate_result;

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_estimate_options_init(peft_estimate_options *options, size_t size);

/**
 * Estimates a job on a model that is not loaded: only its headers are read.
 * @param[in] context the context that the job would run in
 * @param[in] path model folder or GGUF file
 * @param[in] options the job, or NULL
 * @param[out] result struct_size set by the caller
 * @return PEFT_OK; the errors of peft_model_load, peft_attach and peft_trainer_create
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_estimate(const peft_context *context, const char *path,
                                   const peft_estimate_options *options, peft_estimate_result *result);

/**
 * Estimates a job on a loaded model, whose weights count as they are: model_options and quantize_nf4 are not
 * read.
 * @param[in] model the model
 * @param[in] options the job, or NULL
 * @param[out] result struct_size set by the caller
 * @return PEFT_OK; the errors of peft_attach and peft_trainer_create
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_estimate_model(const peft_model *model, const peft_estimate_options *options,
                                         peft_estimate_result *result);

#ifdef __cplusplus
}
#endif

#endif
