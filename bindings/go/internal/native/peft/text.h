/*
 * Tokenizers, chat templates, and decoding while tokens arrive. Ids equal the original tokenizer's, always.
 */
#ifndef PEFT_TEXT_H
#define PEFT_TEXT_H

#include "peft/base.h"
#include "peft/context.h"
#include "peft/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A tokenizer with its chat template, where there is one. Never changes; always used as shared. */
typedef struct peft_tokenizer peft_tokenizer;

/** Turns tokens into text as they arrive, whole code points only. */
typedef struct peft_stream_decoder peft_stream_decoder;

/** What a tokenizer is. Token ids that it does not have are -1. */
typedef struct peft_tokenizer_info {
  uint32_t struct_size;     /**< set by the caller */
  int32_t vocabulary_size;  /**< ids are below it, added tokens included */
  int32_t bos_id;           /**< beginning of a sequence */
  int32_t eos_id;           /**< end of a sequence */
  int32_t pad_id;
  int32_t unknown_id;
  int32_t adds_bos;         /**< 1: encoding with special tokens puts bos_id before the text */
  int32_t adds_eos;         /**< 1: encoding with special tokens puts eos_id after the text */
  int32_t has_chat_template;
  char kind[32];            /**< "byte_level_bpe", "sentencepiece", else the model's name in tokenizer.json,
                                 such as "unigram" */
  char pre_tokenizer[32];   /**< what GGUF calls the way of a byte-level BPE to cut text into words: "gpt-2",
                                 "smollm", "llama-bpe" ...; empty if it has no name there */
} peft_tokenizer_info;

/** How to render messages. */
typedef struct peft_chat_options {
  uint32_t struct_size;
  int32_t add_generation_prompt; /**< 1 (default): end with what the assistant's answer begins after */
  const char *chat_template;     /**< a Jinja template instead of the tokenizer's own; default NULL = its
                                      own */
  const char *tools_json;        /**< JSON array of tool descriptions for the template; default NULL = none */
} peft_chat_options;

/**
 * Loads a tokenizer alone. Files of the folder may be symbolic links, as in Hugging Face's cache.
 * @param[in] context whose limits hold
 * @param[in] path model folder, tokenizer.json or GGUF file
 * @param[out] out the tokenizer; free it with peft_tokenizer_free
 * @return PEFT_OK; PEFT_E_NOT_FOUND, PEFT_E_IO, PEFT_E_FORMAT, PEFT_E_UNSUPPORTED, PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_tokenizer_load(const peft_context *context, const char *path, peft_tokenizer **out);

/**
 * Takes the tokenizer of a model.
 * @param[in] model the model
 * @param[out] out the tokenizer; free it with peft_tokenizer_free
 * @return PEFT_OK; PEFT_E_NOT_FOUND if the model came without one
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_tokenizer_from_model(const peft_model *model, peft_tokenizer **out);

/**
 * Gives up the handle.
 * @param[in] tokenizer the tokenizer or NULL
 * Threads: any. @since 0.1
 */
PEFT_API void peft_tokenizer_free(peft_tokenizer *tokenizer);

/**
 * Reads what the tokenizer is.
 * @param[in] tokenizer the tokenizer
 * @param[out] info struct_size set by the caller
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_tokenizer_get_info(const peft_tokenizer *tokenizer, peft_tokenizer_info *info);

/**
 * Saves tokenizer and chat template into a folder, as Transformers reads them (tokenizer.json,
 * tokenizer_config.json, chat_template.jinja). Other files of the folder stay. One that came from a GGUF
 * file is written as the tokenizer.json that it amounts to.
 * @param[in] tokenizer the tokenizer
 * @param[in] path the folder; made if it is not there
 * @return PEFT_OK; PEFT_E_IO
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_tokenizer_save(const peft_tokenizer *tokenizer, const char *path);

/**
 * Turns text into token ids. Text in the shape of a special token becomes that token, as in Transformers.
 * @param[in] tokenizer the tokenizer
 * @param[in] text the text
 * @param[in] text_len its bytes
 * @param[in] add_special 1: add the tokens that the tokenizer puts around a sequence; 0 after a chat template
 * @param[out] data receives the ids
 * @param[in] cap elements of data
 * @param[out] len number of ids
 * @return PEFT_OK; PEFT_E_LIMIT (cap, a text too long for the context, or a matcher that gave up: never
 *         other ids instead)
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_tokenizer_encode(const peft_tokenizer *tokenizer, const char *text, size_t text_len,
                                           int32_t add_special, int32_t *data, size_t cap, size_t *len);

/**
 * Turns token ids into text. Bytes that form no code point become U+FFFD.
 * @param[in] tokenizer the tokenizer
 * @param[in] data the ids
 * @param[in] n their number
 * @param[in] skip_special 1: leave special tokens out
 * @param[out] buf receives the text
 * @param[in] cap bytes of buf
 * @param[out] len length of the text
 * @return PEFT_OK; PEFT_E_LIMIT; PEFT_E_INVALID_ARGUMENT (an id that the tokenizer does not have)
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_tokenizer_decode(const peft_tokenizer *tokenizer, const int32_t *data, size_t n,
                                           int32_t skip_special, char *buf, size_t cap, size_t *len);

/**
 * Spelling of a token in the vocabulary, such as "Ġthe".
 * @param[in] tokenizer the tokenizer
 * @param[in] token_id the id
 * @param[out] buf receives the spelling
 * @param[in] cap bytes of buf
 * @param[out] len its length
 * @return PEFT_OK; PEFT_E_NOT_FOUND; PEFT_E_LIMIT
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_tokenizer_token_text(const peft_tokenizer *tokenizer, int32_t token_id, char *buf,
                                               size_t cap, size_t *len);

/**
 * Id of a token by its spelling in the vocabulary.
 * @param[in] tokenizer the tokenizer
 * @param[in] text the spelling
 * @param[in] text_len its bytes
 * @param[out] token_id the id
 * @return PEFT_OK; PEFT_E_NOT_FOUND
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_tokenizer_token_id(const peft_tokenizer *tokenizer, const char *text,
                                             size_t text_len, int32_t *token_id);

/**
 * Fills options with the defaults.
 * @param[out] options the structure
 * @param[in] size sizeof *options of the caller
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_chat_options_init(peft_chat_options *options, size_t size);

/**
 * Renders messages with the chat template. Encode the result with add_special 0.
 * @param[in] tokenizer the tokenizer
 * @param[in] json JSON array of {"role", "content"} objects
 * @param[in] json_len its bytes
 * @param[in] options how, or NULL
 * @param[out] buf receives the text
 * @param[in] cap bytes of buf
 * @param[out] len length of the text
 * @return PEFT_OK; PEFT_E_NOT_FOUND (no template); PEFT_E_FORMAT (JSON, or the template raised an error);
 *         PEFT_E_LIMIT (steps, depth or output of the template, or cap)
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_chat_apply(const peft_tokenizer *tokenizer, const char *json, size_t json_len,
                                     const peft_chat_options *options, char *buf, size_t cap, size_t *len);

/**
 * Makes a decoder for tokens that arrive one by one.
 * @param[in] tokenizer the tokenizer
 * @param[in] skip_special 1: leave special tokens out
 * @param[out] out the decoder; free it with peft_stream_decoder_free
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_stream_decoder_create(const peft_tokenizer *tokenizer, int32_t skip_special,
                                                peft_stream_decoder **out);

/**
 * Takes one token and gives the text that is complete with it, perhaps none. The token is taken only when its
 * text is delivered: not by a measuring call, and not when cap is too small. All pieces together are the
 * decoded text.
 * @param[in] decoder the decoder
 * @param[in] token_id the next token; -1 ends the sequence, gives what is left (U+FFFD for a code point that
 *             stayed incomplete) and makes the decoder new
 * @param[out] buf receives the text
 * @param[in] cap bytes of buf; 256 are enough for every usual token
 * @param[out] len length of the text
 * @return PEFT_OK; PEFT_E_LIMIT; PEFT_E_INVALID_ARGUMENT (an id that the tokenizer does not have)
 * Threads: exclusive. @since 0.1
 */
PEFT_API peft_status peft_stream_decoder_push(peft_stream_decoder *decoder, int32_t token_id, char *buf,
                                              size_t cap, size_t *len);

/**
 * Gives up the handle.
 * @param[in] decoder the decoder or NULL
 * Threads: any. @since 0.1
 */
PEFT_API void peft_stream_decoder_free(peft_stream_decoder *decoder);

#ifdef __cplusplus
}
#endif

#endif
