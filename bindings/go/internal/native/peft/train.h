/*
 * Training and evaluation. A trainer trains one adapter on one resident model: step by step
 * (peft_train_step), event by event (peft_trainer_next: steps, evaluations and saves as the options plan
 * them), or in one call (peft_trainer_run).
 *
 * A step is one update of the adapter. Its loss is the mean over its own loss-bearing tokens, whatever the
 * number of micro-batches. Equal inputs, seed and build give equal bits, whatever the number of threads.
 */
#ifndef PEFT_TRAIN_H
#define PEFT_TRAIN_H

#include "peft/adapter.h"
#include "peft/base.h"
#include "peft/data.h"
#include "peft/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Trains one adapter. While it lives the model cannot be quantized, merged or unmerged. */
typedef struct peft_trainer peft_trainer;

/**
 * How the learning rate goes after the warm-up. Warm-up rises linearly from 0, so that its first step is at
 * 0, as Transformers has it.
 */
typedef enum peft_schedule PEFT_ENUM {
  PEFT_SCHEDULE_CONSTANT = 0, /**< as Transformers' constant_with_warmup; its plain "constant" has no
                                   warm-up: set warmup_ratio and warmup_steps to 0 for that */
  PEFT_SCHEDULE_LINEAR = 1, /**< down to 0 at the last step */
  PEFT_SCHEDULE_COSINE = 2, /**< half a cosine down to 0 at the last step */
  PEFT_SCHEDULE_FORCE32 = 0x7fffffff
} peft_schedule;

/** What a step keeps of its forward pass for the gradients: values of activation_checkpointing. */
typedef enum peft_activation_policy PEFT_ENUM {
  PEFT_ACTIVATION_KEEP = 0,       /**< all that they need */
  PEFT_ACTIVATION_CHECKPOINT = 1, /**< the inputs of layers; the layers are run again: about a third more
                                       time */
  PEFT_ACTIVATION_OFFLOAD = 2,    /**< those, in pinned host memory, copied beside the computation; bit for
                                       bit the same as CHECKPOINT. PEFT_E_UNSUPPORTED on the CPU, whose
                                       memory is the host's */
  PEFT_ACTIVATION_AUTO = 3,       /**< the first of these whose estimate fits what the device has free when
                                       the trainer is made; needs a data set */
  PEFT_ACTIVATION_FORCE32 = 0x7fffffff
} peft_activation_policy;

/** How to train. "HF" marks defaults of Transformers' TrainingArguments, "torch" of torch.optim.AdamW. */
typedef struct peft_trainer_options {
  uint32_t struct_size;
  int32_t batch_size;                  /**< rows of a micro-batch; default 2 */
  int32_t gradient_accumulation_steps; /**< micro-batches of a step; default 4. A last partial one is
                                            stepped too */
  peft_schedule schedule;              /**< default PEFT_SCHEDULE_COSINE; LINEAR and COSINE need a data set or
                                            max_steps */
  double epochs;                       /**< passes over the data; default 3 (HF) */
  int64_t max_steps;                   /**< > 0: train so many steps whatever epochs says; default 0. With a
                                            data set those of given rows are not among them */
  double learning_rate;                /**< default 2e-4 (QLoRA) */
  double warmup_ratio;                 /**< share of the steps; default 0.03 (QLoRA). No warm-up where
                                            their number is not known */
  int64_t warmup_steps;                /**< > 0 goes before warmup_ratio; default 0 */
  double weight_decay;                 /**< decoupled; default 0 (HF) */
  double beta1;                        /**< default 0.9 (torch) */
  double beta2;                        /**< default 0.999 (torch) */
  double epsilon;                      /**< default 1e-8 (torch) */
  double max_grad_norm;                /**< gradients are scaled down to this norm; default 1 (HF); 0 =
                                            never */
  int64_t seed;                        /**< of order and dropout; >= 0; default 42 (HF) */
  int32_t shuffle;                     /**< 1 (default): a new order of rows in each epoch */
  int32_t packing;                     /**< 1: short rows share a sequence, attention stays apart; default
                                            0 */
  int64_t packing_length;              /**< tokens of a packed sequence; default 0 = the data set's longest
                                            row */
  int32_t activation_checkpointing;    /**< a peft_activation_policy; default PEFT_ACTIVATION_KEEP. 1: less
                                            memory, about a third more time */
  peft_dtype compute_dtype;            /**< PEFT_DTYPE_FLOAT32 (default: exact) or _BFLOAT16: activations
                                            are rounded for matrix products */
  const peft_dataset *eval_dataset;    /**< evaluated by plan; default NULL */
  int64_t eval_steps;                  /**< evaluate every so many steps, before the first and after the
                                            last; default 0 = only after the last, where there is an
                                            eval_dataset */
  int64_t save_steps;                  /**< checkpoint every so many steps; needs output_dir; default 0 =
                                            never */
  int32_t save_total_limit;            /**< newest complete checkpoints that are kept, the best one apart;
                                            default 2; 0 = all */
  int32_t keep_best;                   /**< 1 (default): with an eval_dataset, the adapter ends with the
                                            values of the lowest evaluation loss */
  int32_t early_stopping_patience;     /**< stop after so many evaluations without a lower loss; default 0
                                            = never */
  int32_t max_skipped_in_row;          /**< after so many steps in a row with a non-finite loss or gradient
                                            the next call is PEFT_E_NUMERIC; default 5 */
  const char *output_dir;              /**< folder of the checkpoints, checkpoint-<step>; default NULL */
  peft_placement optimizer_placement;  /**< of AdamW's two moments, 8 bytes a trained number; default
                                            PEFT_PLACEMENT_DEVICE. On the HOST an update moves 16 bytes a
                                            trained number over the bus and gives the same bits; AUTO
                                            needs a data set */
} peft_trainer_options;

/** What one call of peft_train_step is given. */
typedef struct peft_step_options {
  uint32_t struct_size;
  int32_t row_count;         /**< rows given by the caller; default 0 = the next batch of the data set */
  const peft_row *rows;      /**< one step is made of them all, batch_size at a time; the data set does not
                                  move, and its steps that are left stay as many */
  const peft_cancel *cancel; /**< may be NULL. A cancelled step is undone: the next call repeats it */
} peft_step_options;

/** What happened. */
typedef enum peft_event_kind PEFT_ENUM {
  PEFT_EVENT_STEP = 0,       /**< a step was made, or skipped */
  PEFT_EVENT_EVALUATION = 1, /**< the eval_dataset was evaluated */
  PEFT_EVENT_CHECKPOINT = 2, /**< output_dir/checkpoint-<step> is complete */
  PEFT_EVENT_END = 3,        /**< training is over; keep_best has been done */
  PEFT_EVENT_FORCE32 = 0x7fffffff
} peft_event_kind;

/** Figures of a step or another event. What does not belong to the event is 0. */
typedef struct peft_step_result {
  uint32_t struct_size;      /**< set by the caller */
  peft_event_kind kind;
  int64_t step;              /**< the step that all figures belong to; the first is 1 */
  int64_t total_steps;       /**< of the whole training, steps of given rows so far included; 0 without a
                                  data set and max_steps */
  double epoch;              /**< passes over the data up to the end of this step */
  double loss;               /**< mean over the loss-bearing tokens of this step; not finite if it was
                                  skipped */
  double learning_rate;      /**< that was applied */
  double grad_norm;          /**< before clipping */
  int64_t tokens;            /**< of this step */
  int64_t loss_tokens;       /**< of which bear a loss */
  double seconds;            /**< that the step, evaluation or save took */
  double tokens_per_second;  /**< of this step or evaluation */
  int64_t peak_memory_bytes; /**< largest resident set of the process; on a GPU the driver's figure */
  int64_t skipped_steps;     /**< steps skipped so far for a non-finite loss or gradient */
  double eval_loss;          /**< EVALUATION: mean loss over the tokens of the eval_dataset */
  double best_eval_loss;     /**< lowest so far */
  int64_t best_step;         /**< the step after which it was measured */
  int32_t skipped;           /**< 1: this step changed nothing */
  int32_t is_best;           /**< EVALUATION: 1 if this is the lowest so far */
  int32_t stopped_early;     /**< END: 1 if early_stopping_patience ended the training */
} peft_step_result;

/** Told what happened. Returns 0 to go on, 1 to cancel, < 0 to fail. */
typedef int32_t (*peft_train_fn)(void *user_data, const peft_step_result *event);

/** Where a trainer stands. */
typedef struct peft_trainer_info {
  uint32_t struct_size;        /**< set by the caller */
  int32_t finished;            /**< 1: the next pull gives PEFT_END */
  int64_t step;                /**< steps made, skipped ones included */
  int64_t total_steps;         /**< of the whole training, steps of given rows so far included; 0 without
                                    a data set and max_steps */
  double epoch;                /**< passes over the data so far */
  double learning_rate;        /**< that the next step will apply */
  int64_t tokens;              /**< trained on so far */
  int64_t skipped_steps;       /**< for a non-finite loss or gradient */
  double last_loss;            /**< of the last step that was applied */
  double best_eval_loss;       /**< lowest so far; 0 if best_step is -1 */
  int64_t best_step;           /**< the step after which it was measured; -1 = not yet */
  int64_t trainable_elements;  /**< numbers that are trained */
  int64_t memory_bytes;        /**< held by the trainer: gradients, optimizer, activations */
  int64_t checkpoint_step;     /**< of the last complete checkpoint that was written or read; -1 = none */
} peft_trainer_info;

/** How to evaluate. */
typedef struct peft_evaluate_options {
  uint32_t struct_size;
  int32_t batch_size;                  /**< rows at a time; default 2 */
  const peft_adapter *const *adapters; /**< active ones; default NULL = none: the base model */
  int32_t adapter_count;               /**< default 0 */
  peft_dtype compute_dtype;            /**< PEFT_DTYPE_FLOAT32 (default) or _BFLOAT16 */
  const peft_cancel *cancel;           /**< may be NULL */
} peft_evaluate_options;

/** Outcome of an evaluation. */
typedef struct peft_evaluate_result {
  uint32_t struct_size;      /**< set by the caller */
  double loss;               /**< nll / loss_tokens */
  double perplexity;         /**< exp(loss) */
  double nll;                /**< negative log-likelihood, natural logarithm, summed over the loss-bearing
                                  tokens */
  double token_accuracy;     /**< share of loss-bearing tokens that are the most probable one */
  int64_t rows;
  int64_t tokens;
  int64_t loss_tokens;
  double seconds;
  double tokens_per_second;
} peft_evaluate_result;

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_trainer_options_init(peft_trainer_options *options, size_t size);

/**
 * Makes a trainer. It keeps model, adapter and data sets alive. An adapter has one trainer at a time
 * (PEFT_E_BUSY).
 * @param[in] model the model
 * @param[in] adapter a trainable adapter attached to it
 * @param[in] dataset the rows to train on; NULL if every step is given its rows: then the options must have
 *            max_steps or a constant schedule
 * @param[in] options how, or NULL
 * @param[out] out the trainer; free it with peft_trainer_free
 * @return PEFT_OK; PEFT_E_MISMATCH (an adapter of another model, token ids beyond the vocabulary);
 *         PEFT_E_STATE (a frozen, merged or detached adapter); PEFT_E_INVALID_ARGUMENT (names the option);
 *         PEFT_E_UNSUPPORTED
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_trainer_create(const peft_model *model, const peft_adapter *adapter,
                                         const peft_dataset *dataset, const peft_trainer_options *options,
                                         peft_trainer **out);

/**
 * Gives up the trainer. The adapter keeps the values of the last step.
 * @param[in] trainer the trainer or NULL
 * Threads: any. @since 0.1
 */
PEFT_API void peft_trainer_free(peft_trainer *trainer);

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_step_options_init(peft_step_options *options, size_t size);

/**
 * Makes one step: forward, backward, update. Nothing else: no evaluation, no save.
 * @param[in] trainer the trainer
 * @param[in] options rows or cancel token, or NULL for the next batch of the data set
 * @param[out] result figures of the step, struct_size set by the caller; or NULL
 * @return PEFT_OK; PEFT_END when all steps have been made (nothing is done); PEFT_STEP_SKIPPED;
 *         PEFT_E_NUMERIC (too many skipped in a row; the adapter's values are those of the last good step);
 *         PEFT_E_STATE (no rows and no data set, or no token bears a loss); PEFT_E_UNSUPPORTED (label kind);
 *         PEFT_E_CANCELLED
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_train_step(peft_trainer *trainer, const peft_step_options *options,
                                     peft_step_result *result);

/**
 * Does the next thing of the plan: a step, an evaluation, a checkpoint, or the end. The pull form of
 * peft_trainer_run.
 * @param[in] trainer the trainer, with a data set
 * @param[in] cancel may be NULL
 * @param[out] event what was done, struct_size set by the caller; or NULL
 * @return PEFT_OK; PEFT_END with a PEFT_EVENT_END when the training is over, also each time after that;
 *         PEFT_STEP_SKIPPED; PEFT_E_NUMERIC, PEFT_E_STATE, PEFT_E_IO and PEFT_E_NOT_FOUND (output_dir),
 *         PEFT_E_CANCELLED
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_trainer_next(peft_trainer *trainer, const peft_cancel *cancel,
                                       peft_step_result *event);

/**
 * Does all that is left of the plan. After a cancel the trainer stands at the end of a step and can go on or
 * be saved.
 * @param[in] trainer the trainer, with a data set
 * @param[in] cancel may be NULL
 * @param[in] function told every event; may be NULL
 * @param[in] user_data handed to function
 * @param[in] drop called once with user_data when the call is over; may be NULL
 * @return PEFT_OK; PEFT_E_NUMERIC, PEFT_E_STATE, PEFT_E_IO, PEFT_E_CANCELLED, PEFT_E_CALLBACK
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_trainer_run(peft_trainer *trainer, const peft_cancel *cancel,
                                      peft_train_fn function, void *user_data, peft_drop_fn drop);

/**
 * Reads where the trainer stands.
 * @param[in] trainer the trainer
 * @param[out] info struct_size set by the caller
 * @return PEFT_OK
 * Threads: shared; during a step of another thread the figures are those before it. @since 0.1
 */
PEFT_API peft_status peft_trainer_get_info(const peft_trainer *trainer, peft_trainer_info *info);

/**
 * Sets the learning rate of the steps that follow. The schedule goes on from it in its own proportion.
 * @param[in] trainer the trainer
 * @param[in] learning_rate finite, >= 0: what the schedule takes for its highest rate from now on
 * @return PEFT_OK
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_trainer_set_learning_rate(peft_trainer *trainer, double learning_rate);

/**
 * Evaluates the adapter as it is, with the trainer's memory. Changes nothing of the training.
 * @param[in] trainer the trainer
 * @param[in] dataset the rows; NULL = the eval_dataset
 * @param[in] cancel may be NULL
 * @param[out] result struct_size set by the caller
 * @return PEFT_OK; PEFT_E_STATE (no data set); PEFT_E_MISMATCH; PEFT_E_CANCELLED
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_trainer_evaluate(peft_trainer *trainer, const peft_dataset *dataset,
                                           const peft_cancel *cancel, peft_evaluate_result *result);

/**
 * Writes everything that the training needs to go on bit for bit in another process: adapter, optimizer,
 * schedule, counters, place in the data, hashes; the manifest last. The folder is a PEFT adapter folder too.
 * @param[in] trainer the trainer
 * @param[in] path the folder; NULL = output_dir/checkpoint-<step>
 * @param[in] cancel may be NULL
 * @return PEFT_OK; PEFT_E_IO; PEFT_E_STATE (no path and no output_dir); PEFT_E_REFUSED (a path that holds
 *         files and is no checkpoint, which would be replaced as a whole); PEFT_E_CANCELLED
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_trainer_checkpoint(peft_trainer *trainer, const char *path,
                                             const peft_cancel *cancel);

/**
 * Goes on from a checkpoint. Model, adapter settings, data and options that decide the result must be those
 * of the run that wrote it.
 * @param[in] trainer a trainer that has made no step
 * @param[in] path a checkpoint, or a folder whose newest complete checkpoint is taken; NULL = output_dir
 * @return PEFT_OK; PEFT_NOTE (a newer checkpoint was incomplete or damaged and passed over); PEFT_E_NOT_FOUND
 *         (no complete checkpoint there); PEFT_E_MISMATCH (names what differs); PEFT_E_FORMAT; PEFT_E_IO;
 *         PEFT_E_STATE
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_trainer_resume(peft_trainer *trainer, const char *path);

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_evaluate_options_init(peft_evaluate_options *options, size_t size);

/**
 * Evaluates a model on a data set, with or without adapters. Needs no trainer.
 * @param[in] model the model
 * @param[in] dataset the rows
 * @param[in] options how, or NULL
 * @param[out] result struct_size set by the caller
 * @return PEFT_OK; PEFT_E_MISMATCH (an adapter of another model, token ids beyond the vocabulary);
 *         PEFT_E_STATE (a merged adapter); PEFT_E_NUMERIC; PEFT_E_CANCELLED
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_evaluate(const peft_model *model, const peft_dataset *dataset,
                                   const peft_evaluate_options *options, peft_evaluate_result *result);

#ifdef __cplusplus
}
#endif

#endif
