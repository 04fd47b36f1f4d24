/*
 * Data sets: rows of tokens with labels, from files, from text in memory, or from token rows. A data set is
 * read and encoded when it is made and never changes.
 */
#ifndef PEFT_DATA_H
#define PEFT_DATA_H

#include "peft/base.h"
#include "peft/context.h"
#include "peft/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Encoded rows. Always used as shared. */
typedef struct peft_dataset peft_dataset;

/** Label of a token that has no loss, as in Transformers. */
#define PEFT_LABEL_IGNORED (-100)

/** What the labels of a row mean. */
typedef enum peft_label_kind PEFT_ENUM {
  PEFT_LABEL_NEXT_TOKEN = 0, /**< no labels given: each token predicts the next one */
  PEFT_LABEL_TOKENS = 1,     /**< labels[i] is ids[i], or PEFT_LABEL_IGNORED: no loss on predicting it */
  PEFT_LABEL_CLASS = 2,      /**< labels[0] is the class of the row (classification models) */
  PEFT_LABEL_SPAN = 3,       /**< labels[0], labels[1]: first and last token of the answer (question
                                  answering) */
  PEFT_LABEL_VALUE = 4,      /**< values[0] is the number to predict (regression) */
  PEFT_LABEL_FORCE32 = 0x7fffffff
} peft_label_kind;

/**
 * One row of tokens. Zero everything that is not used. In an array all rows have the struct_size of the
 * first, which is the distance from one to the next. Label kinds and decoder tokens that the model's task has
 * no use for are PEFT_E_UNSUPPORTED; causal language models take PEFT_LABEL_NEXT_TOKEN and PEFT_LABEL_TOKENS.
 */
typedef struct peft_row {
  uint32_t struct_size;       /**< set by the caller */
  peft_label_kind label_kind;
  const int32_t *ids;         /**< tokens */
  int64_t id_count;
  const int32_t *type_ids;    /**< id_count token types, or NULL */
  const int32_t *decoder_ids; /**< tokens of the decoder of an encoder-decoder model, or NULL */
  int64_t decoder_id_count;
  const int32_t *labels;      /**< after label_kind, or NULL */
  int64_t label_count;
  const float *values;        /**< after label_kind, or NULL */
  int64_t value_count;
} peft_row;

/** Shapes of rows in files and text. */
typedef enum peft_data_format PEFT_ENUM {
  PEFT_DATA_AUTO = 0,              /**< found by the file's name and first row, and reported */
  PEFT_DATA_CHAT = 1,              /**< JSONL, {"messages": [...]} or {"conversations": [...]} */
  PEFT_DATA_INSTRUCTION = 2,       /**< JSONL, {"instruction", "input"?, "output"} */
  PEFT_DATA_PROMPT_COMPLETION = 3, /**< JSONL, {"prompt", "completion"} */
  PEFT_DATA_TEXT = 4,              /**< JSONL, {"text"} */
  PEFT_DATA_PLAIN = 5,             /**< plain text, cut into rows of max_seq_len tokens */
  PEFT_DATA_TOKENS = 6,            /**< JSONL, {"token_ids", "labels"?}; needs no tokenizer */
  PEFT_DATA_FORCE32 = 0x7fffffff
} peft_data_format;

/** How rows become tokens. */
typedef struct peft_dataset_options {
  uint32_t struct_size;
  peft_data_format format;     /**< default PEFT_DATA_AUTO */
  int64_t max_seq_len;         /**< longer rows are cut at the right and counted; default 2048 (common
                                    practice); 0 = never */
  peft_choice completion_only; /**< loss on answers alone; default AUTO: yes for chat, instruction and
                                    prompt/completion rows, no for text */
  int32_t append_eos;          /**< 1 (default): text, instruction and completion rows end with the
                                    tokenizer's EOS; chat rows end as the template has it */
  peft_choice add_special;     /**< special tokens around a row; default AUTO: as the tokenizer has them,
                                    none where a chat template made the text */
  const char *chat_template;   /**< a Jinja template instead of the tokenizer's own; default NULL */
  int64_t first_row;           /**< rows before this one are left out; default 0 */
  int64_t row_count;           /**< rows to take; default 0 = all */
  const peft_cancel *cancel;   /**< may be NULL */
} peft_dataset_options;

/** What a data set holds. */
typedef struct peft_dataset_info {
  uint32_t struct_size;     /**< set by the caller */
  peft_data_format format;  /**< as found or as asked for */
  int64_t rows;             /**< rows that can be used */
  int64_t tokens;           /**< of these rows */
  int64_t loss_tokens;      /**< of which bear a loss: a row's first token never does */
  int64_t longest_row;      /**< in tokens */
  int64_t truncated_rows;   /**< rows that were cut at max_seq_len */
  int64_t masked_rows;      /**< rows left out since no token bears a loss */
  int64_t empty_rows;       /**< rows left out since they hold nothing */
  int32_t completion_only;  /**< 1: loss on answers alone */
  int32_t appended_eos;     /**< 1: EOS was appended */
  char summary[256];        /**< what was found, in words for the user, cut to fit */
} peft_dataset_info;

/** Columns of a row. */
typedef enum peft_row_part PEFT_ENUM {
  PEFT_ROW_IDS = 0,
  PEFT_ROW_LABELS = 1,      /**< as many as ids for token labels, PEFT_LABEL_IGNORED where there is no loss */
  PEFT_ROW_TYPE_IDS = 2,    /**< none if the row has none */
  PEFT_ROW_DECODER_IDS = 3, /**< none if the row has none */
  PEFT_ROW_FORCE32 = 0x7fffffff
} peft_row_part;

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_dataset_options_init(peft_dataset_options *options, size_t size);

/**
 * Reads a file of rows. Errors name file and line.
 * @param[in] context whose limits hold
 * @param[in] tokenizer encodes the text; may be NULL for PEFT_DATA_TOKENS
 * @param[in] path the file (.jsonl, .json, .txt)
 * @param[in] options how, or NULL
 * @param[out] out the data set; free it with peft_dataset_free
 * @return PEFT_OK; PEFT_E_NOT_FOUND, PEFT_E_IO, PEFT_E_FORMAT, PEFT_E_LIMIT, PEFT_E_STATE (no row can be
 *         used), PEFT_E_CANCELLED
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_dataset_from_file(const peft_context *context, const peft_tokenizer *tokenizer,
                                            const char *path, const peft_dataset_options *options,
                                            peft_dataset **out);

/**
 * Reads rows from text in memory, in the form that a file would have. Format AUTO finds JSON rows or plain
 * text.
 * @param[in] context whose limits hold
 * @param[in] tokenizer encodes the text; may be NULL for PEFT_DATA_TOKENS
 * @param[in] text the rows
 * @param[in] text_len its bytes
 * @param[in] options how, or NULL
 * @param[out] out the data set; free it with peft_dataset_free
 * @return as peft_dataset_from_file
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_dataset_from_text(const peft_context *context, const peft_tokenizer *tokenizer,
                                            const char *text, size_t text_len,
                                            const peft_dataset_options *options, peft_dataset **out);

/**
 * Copies rows of tokens. Of the options max_seq_len, first_row, row_count and cancel are read.
 * @param[in] context whose limits hold
 * @param[in] rows the rows
 * @param[in] n their number
 * @param[in] options how, or NULL
 * @param[out] out the data set; free it with peft_dataset_free
 * @return PEFT_OK; PEFT_E_STATE (no row can be used); PEFT_E_UNSUPPORTED (label kind); PEFT_E_LIMIT;
 *         PEFT_E_CANCELLED
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_dataset_from_rows(const peft_context *context, const peft_row *rows, size_t n,
                                            const peft_dataset_options *options, peft_dataset **out);

/**
 * Gives up the handle.
 * @param[in] dataset the data set or NULL
 * Threads: any. @since 0.1
 */
PEFT_API void peft_dataset_free(peft_dataset *dataset);

/**
 * Reads what the data set holds.
 * @param[in] dataset the data set
 * @param[out] info struct_size set by the caller
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_dataset_get_info(const peft_dataset *dataset, peft_dataset_info *info);

/**
 * Copies one column of a row. The prompt of a row is its ids up to the first label that is not ignored.
 * @param[in] dataset the data set
 * @param[in] row from 0 to rows - 1
 * @param[in] part the column
 * @param[out] data receives the numbers
 * @param[in] cap elements of data
 * @param[out] len number of elements
 * @return PEFT_OK; PEFT_E_NOT_FOUND past the end; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_dataset_row(const peft_dataset *dataset, int64_t row, peft_row_part part,
                                      int32_t *data, size_t cap, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
