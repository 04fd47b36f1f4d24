/*
 * Generation sessions, scores and logits. A session has its own key/value cache, sampler and active adapters;
 * any number of them run at once on one resident model, also while a trainer works on it.
 */
#ifndef PEFT_GENERATE_H
#define PEFT_GENERATE_H

#include "peft/adapter.h"
#include "peft/base.h"
#include "peft/model.h"
#include "peft/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A sequence of tokens that grows. While it lives the model cannot be quantized, merged or unmerged. */
typedef struct peft_session peft_session;

/** How activations enter products of up to 8 rows with GGUF's quantized blocks. Other products are exact. */
typedef enum peft_activations PEFT_ENUM {
  PEFT_ACTIVATIONS_EXACT = 0, /**< as they are */
  PEFT_ACTIVATIONS_INT8 = 1,  /**< rounded to 8 bits in blocks of 32, as llama.cpp does: faster, not exact */
  PEFT_ACTIVATIONS_FORCE32 = 0x7fffffff
} peft_activations;

/** What a session is made of. */
typedef struct peft_session_options {
  uint32_t struct_size;
  int32_t adapter_count;               /**< default 0 = the base model alone */
  const peft_adapter *const *adapters; /**< active for the life of the session, with their values of now */
  int64_t context_length;              /**< most tokens it can hold; default 0 = the model's own. Memory is
                                            taken as the sequence grows */
  peft_dtype compute_dtype;            /**< PEFT_DTYPE_FLOAT32 (default: exact) or _BFLOAT16 */
  peft_activations activations;        /**< default PEFT_ACTIVATIONS_EXACT */
} peft_session_options;

/** Why a generation ended. */
typedef enum peft_finish_reason PEFT_ENUM {
  PEFT_FINISH_NONE = 0,   /**< it goes on */
  PEFT_FINISH_EOS = 1,    /**< the model ended the sequence */
  PEFT_FINISH_STOP = 2,   /**< a stop string was made */
  PEFT_FINISH_LENGTH = 3, /**< max_new_tokens were made */
  PEFT_FINISH_CONTEXT = 4, /**< the session is full */
  PEFT_FINISH_FORCE32 = 0x7fffffff
} peft_finish_reason;

/** Where a session stands. */
typedef struct peft_session_info {
  uint32_t struct_size;             /**< set by the caller */
  peft_finish_reason finish_reason; /**< of the last generation */
  int64_t position;                 /**< tokens held */
  int64_t context_length;           /**< most that it can hold */
  int64_t new_tokens;               /**< made since the last prefill or change of the sampling */
  int64_t cache_bytes;              /**< key/value cache, a share of pages shared with forks included */
  int64_t memory_bytes;             /**< all that it holds */
  double prefill_seconds;           /**< of the last prefill */
  double decode_seconds;            /**< spent on new_tokens */
} peft_session_info;

/** How a prompt enters a session. */
typedef struct peft_prefill_options {
  uint32_t struct_size;
  peft_choice add_special;       /**< text: the tokenizer's special tokens; default AUTO: at position 0
                                      only */
  int32_t add_generation_prompt; /**< chat: 1 (default) ends with what the answer begins after */
  const char *chat_template;     /**< chat: a template instead of the tokenizer's own; default NULL */
  const char *tools_json;        /**< chat: JSON array of tool descriptions; default NULL */
  const peft_cancel *cancel;     /**< may be NULL; a cancelled prefill leaves the session as it was */
} peft_prefill_options;

/**
 * How the next token is chosen. Filters apply in this order: repetition penalty, temperature, top-k, top-p,
 * min-p.
 */
typedef struct peft_sampling_options {
  uint32_t struct_size;
  int32_t top_k;             /**< only the k most probable; default 0 = all */
  double temperature;        /**< default 0 = greedy: always the most probable token */
  double top_p;              /**< smallest set of the most probable with this sum; default 1 = all */
  double min_p;              /**< only those with this share of the most probable one's; default 0 = all */
  double repetition_penalty; /**< divides (positive) or multiplies (negative) the logits of tokens in the
                                  session, as Transformers does; default 1 = none */
  int64_t seed;              /**< equal seeds give equal draws; >= 0; default 0 */
  int64_t max_new_tokens;    /**< default 256; 0 = until the end or the session is full */
  const char *stop_json;     /**< JSON array of strings that end the text and are left out of it; default
                                  NULL */
  int32_t ignore_eos;        /**< 1: the model's end of sequence does not end the generation; default 0 */
  int32_t include_special;   /**< 1: special tokens appear in the text; default 0 */
  const peft_cancel *cancel; /**< for every peft_session_next that follows; may be NULL */
} peft_sampling_options;

/** One piece of a generation. */
typedef struct peft_piece {
  uint32_t struct_size;             /**< set by the caller */
  int32_t token_id;                 /**< the token made, the end of the sequence included; -1: rest of the
                                         text only */
  int64_t position;                 /**< of the token in the session */
  double logprob;                   /**< natural logarithm of its probability before sampling filters */
  peft_finish_reason finish_reason; /**< NONE until the end, which comes with PEFT_END */
} peft_piece;

/** How to score. */
typedef struct peft_score_options {
  uint32_t struct_size;
  int32_t adapter_count;               /**< default 0 = the base model alone */
  const peft_adapter *const *adapters; /**< active ones */
  peft_dtype compute_dtype;            /**< PEFT_DTYPE_FLOAT32 (default: exact) or _BFLOAT16 */
  peft_activations activations;        /**< default PEFT_ACTIVATIONS_EXACT. INT8 scores as a session
                                            decodes, 8 tokens a pass: slower than exact */
  int64_t first_position;              /**< peft_logits: first token to give a row for; default 0 */
  int64_t position_count;              /**< peft_logits: rows; default 0 = up to the last token */
  const peft_cancel *cancel;           /**< may be NULL */
} peft_score_options;

/** Outcome of a score. */
typedef struct peft_score_result {
  uint32_t struct_size; /**< set by the caller */
  int64_t count;        /**< tokens of the row, the first included */
  double nll;           /**< negative log-likelihood of all tokens after the first, natural logarithm,
                             summed */
} peft_score_result;

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_session_options_init(peft_session_options *options, size_t size);

/**
 * Makes an empty session. It keeps model and adapters alive.
 * @param[in] model the model
 * @param[in] options what it is made of, or NULL
 * @param[out] out the session; free it with peft_session_free
 * @return PEFT_OK; PEFT_E_MISMATCH (an adapter of another model); PEFT_E_STATE (a merged adapter);
 *         PEFT_E_UNSUPPORTED; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_session_create(const peft_model *model, const peft_session_options *options,
                                         peft_session **out);

/**
 * Gives up the session and its cache.
 * @param[in] session the session or NULL
 * Threads: any. @since 0.1
 */
PEFT_API void peft_session_free(peft_session *session);

/**
 * Reads where the session stands.
 * @param[in] session the session
 * @param[out] info struct_size set by the caller
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_session_get_info(const peft_session *session, peft_session_info *info);

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_prefill_options_init(peft_prefill_options *options, size_t size);

/**
 * Appends tokens to the session in one pass and begins a new generation.
 * @param[in] session the session
 * @param[in] data the tokens
 * @param[in] n their number
 * @param[in] options how, or NULL; only cancel is read
 * @return PEFT_OK; PEFT_E_INVALID_ARGUMENT (an id beyond the vocabulary); PEFT_E_LIMIT (the session would be
 *         too long); PEFT_E_CANCELLED
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_session_prefill(peft_session *session, const int32_t *data, size_t n,
                                          const peft_prefill_options *options);

/**
 * Encodes text, appends it to the session and begins a new generation.
 * @param[in] session the session
 * @param[in] text the text
 * @param[in] text_len its bytes
 * @param[in] options how, or NULL
 * @return as peft_session_prefill; PEFT_E_STATE (the model has no tokenizer)
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_session_prefill_text(peft_session *session, const char *text, size_t text_len,
                                               const peft_prefill_options *options);

/**
 * Renders a whole conversation with the chat template and begins a new generation after it. What the session
 * already holds of it is kept: only the tokens that differ are dropped and computed anew, so a chat goes on
 * by calling this with all its messages.
 * @param[in] session the session
 * @param[in] json JSON array of {"role", "content"} objects
 * @param[in] json_len its bytes
 * @param[in] options how, or NULL
 * @return as peft_session_prefill_text; PEFT_E_NOT_FOUND (no chat template); PEFT_E_FORMAT
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_session_prefill_chat(peft_session *session, const char *json, size_t json_len,
                                               const peft_prefill_options *options);

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_sampling_options_init(peft_sampling_options *options, size_t size);

/**
 * Sets how tokens are chosen from now on and begins a new generation. Without it: greedy, 256 new tokens.
 * @param[in] session the session
 * @param[in] options how, or NULL
 * @return PEFT_OK; PEFT_E_FORMAT (stop_json); PEFT_E_STATE (stop strings without a tokenizer)
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_session_set_sampling(peft_session *session, const peft_sampling_options *options);

/**
 * Makes one token and gives the text that is complete with it: whole code points, nothing that may still
 * become a stop string; perhaps none. When a generation ends with text held back, one piece with token_id -1
 * brings it, and then PEFT_END follows. A piece is taken when it is delivered: not by a measuring call (buf
 * NULL, cap 0 and len given) and not when cap is too small, though the session holds its token from then on;
 * a prefill, rewind or change of the sampling drops a piece that was not taken. With buf and len NULL the
 * text is not wanted and the piece is taken, which is also the way for models without a tokenizer.
 * @param[in] session a session that holds at least one token
 * @param[out] piece struct_size set by the caller; or NULL
 * @param[out] buf receives the text
 * @param[in] cap bytes of buf; 256 are enough for every usual token
 * @param[out] len length of the text
 * @return PEFT_OK; PEFT_END (finish_reason says why); PEFT_E_LIMIT; PEFT_E_STATE (the session is empty);
 *         PEFT_E_NUMERIC; PEFT_E_CANCELLED (the session is as before the call)
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_session_next(peft_session *session, peft_piece *piece, char *buf, size_t cap,
                                       size_t *len);

/**
 * Makes a second session with the same tokens, sampling and adapters, which goes on as the first would: text
 * held back, counts and random draws included. The cache is shared until one of them changes it.
 * @param[in] session the session
 * @param[out] out the new one; free it with peft_session_free
 * @return PEFT_OK; PEFT_E_BUSY while another thread changes the session
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_session_fork(const peft_session *session, peft_session **out);

/**
 * Drops the tokens from a position on.
 * @param[in] session the session
 * @param[in] position tokens to keep, from 0 to the session's position
 * @return PEFT_OK
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_session_rewind(peft_session *session, int64_t position);

/**
 * Copies the tokens of the session, prompt and new ones.
 * @param[in] session the session
 * @param[out] data receives the ids
 * @param[in] cap elements of data
 * @param[out] len their number
 * @return PEFT_OK; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_session_tokens(const peft_session *session, int32_t *data, size_t cap, size_t *len);

/**
 * Copies the logits for the token that comes next, before any sampling filter.
 * @param[in] session a session that holds at least one token
 * @param[out] data receives vocabulary_size numbers
 * @param[in] cap elements of data
 * @param[out] len their number
 * @return PEFT_OK; PEFT_E_STATE (the session is empty, or was rewound and not prefilled since); PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_session_logits(const peft_session *session, float *data, size_t cap, size_t *len);

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_score_options_init(peft_score_options *options, size_t size);

/**
 * Scores one row of tokens.
 * @param[in] model the model
 * @param[in] data the tokens
 * @param[in] n their number, at least 1
 * @param[in] options how, or NULL
 * @param[out] result struct_size set by the caller; or NULL
 * @param[out] values receives n - 1 natural logarithms of the probabilities of data[1], data[2], ...; NULL
 *             with cap 0 and len NULL if not wanted
 * @param[in] cap elements of values
 * @param[out] len their number; a call that only measures does not compute
 * @return PEFT_OK; PEFT_E_INVALID_ARGUMENT (an id beyond the vocabulary); PEFT_E_MISMATCH; PEFT_E_STATE (a
 *         merged adapter); PEFT_E_LIMIT; PEFT_E_CANCELLED
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_score(const peft_model *model, const int32_t *data, size_t n,
                                const peft_score_options *options, peft_score_result *result, float *values,
                                size_t cap, size_t *len);

/**
 * Computes the logits after given tokens: row i belongs to the token that follows data[first_position + i].
 * @param[in] model the model
 * @param[in] data the tokens
 * @param[in] n their number, at least 1
 * @param[in] options how, or NULL
 * @param[out] values receives [position_count, vocabulary_size] numbers
 * @param[in] cap elements of values
 * @param[out] len their number; a call that only measures does not compute
 * @return as peft_score
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_logits(const peft_model *model, const int32_t *data, size_t n,
                                 const peft_score_options *options, float *values, size_t cap, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
