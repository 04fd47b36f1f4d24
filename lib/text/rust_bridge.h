/* The C functions of the Rust library in lib/text/rust. Private to lib/text: nothing here leaves libpeft.so.
 *
 * Functions that return int32_t give 0 or a number of peft::Code, and always write `message` (empty when 0);
 * other outputs are written only on 0. Results belong to the library and go back through textrs_free_*. Texts
 * are pointer and length, UTF-8, checked inside. No call panics through, prints, starts a pool or keeps its
 * inputs. A handle is immutable and may be used by several threads; a textrs_stream by one at a time. Every
 * call is bounded in memory and time; beyond that it gives Code::limit, and Code::out_of_memory where the
 * system has no memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  uint8_t* data;
  size_t size, capacity;
} textrs_bytes;

typedef struct {
  int32_t* data;
  size_t size, capacity;
} textrs_ids;

typedef struct {
  int64_t fuel; /* interpreter steps */
  int64_t output_bytes;
  int64_t seconds;
  int64_t now; /* seconds since the epoch, for strftime_now */
} textrs_template_limits;

typedef struct textrs_tokenizer textrs_tokenizer;
typedef struct textrs_stream textrs_stream;
typedef struct textrs_template textrs_template;
typedef struct textrs_pattern textrs_pattern;

void textrs_free_bytes(textrs_bytes bytes);
void textrs_free_ids(textrs_ids ids);

int32_t textrs_tokenizer_load(const uint8_t* json, size_t size, textrs_tokenizer** out,
                              textrs_bytes* message);
void textrs_tokenizer_free(textrs_tokenizer* tokenizer);
/* Number of tokens, and the largest id (-1 when there are none). */
void textrs_tokenizer_sizes(const textrs_tokenizer* tokenizer, int64_t* count, int64_t* maximum_id);
/* Asked often in the course of a call, by the calling thread: not 0 ends it with Code::cancelled. Calls nothing here. */
typedef int32_t (*textrs_stop)(const void* data);
int32_t textrs_encode(const textrs_tokenizer* tokenizer, const uint8_t* text, size_t size,
                      int32_t add_special_tokens, textrs_stop stop, const void* stop_data, textrs_ids* out,
                      textrs_bytes* message);
/* Three numbers a token: id, first byte, byte after the last. */
int32_t textrs_encode_with_ranges(const textrs_tokenizer* tokenizer, const uint8_t* text, size_t size,
                                  int32_t add_special_tokens, textrs_stop stop, const void* stop_data,
                                  textrs_ids* out, textrs_bytes* message);
int32_t textrs_decode(const textrs_tokenizer* tokenizer, const int32_t* ids, size_t count,
                      int32_t skip_special_tokens, textrs_bytes* out, textrs_bytes* message);
int32_t textrs_token(const textrs_tokenizer* tokenizer, int32_t id, textrs_bytes* out, int32_t* special,
                     textrs_bytes* message);
/* -1 when no token has this text. */
int32_t textrs_token_id(const textrs_tokenizer* tokenizer, const uint8_t* text, size_t size);

int32_t textrs_stream_new(int32_t skip_special_tokens, textrs_stream** out, textrs_bytes* message);
int32_t textrs_stream_copy(const textrs_stream* stream, textrs_stream** out, textrs_bytes* message);
void textrs_stream_free(textrs_stream* stream);
/* Text that `id` completes; with `finish` (`id` is ignored) what was held back, and the stream starts anew.
 */
int32_t textrs_stream_step(const textrs_tokenizer* tokenizer, textrs_stream* stream, int32_t id,
                           int32_t finish, textrs_bytes* out, textrs_bytes* message);

int32_t textrs_template_new(const uint8_t* source, size_t size, textrs_template** out, textrs_bytes* message);
void textrs_template_free(textrs_template* compiled);
/* `variables` is one JSON object. */
int32_t textrs_template_render(const textrs_template* compiled, const uint8_t* variables, size_t size,
                               const textrs_template_limits* limits, textrs_bytes* out,
                               textrs_bytes* message);

int32_t textrs_pattern_new(const uint8_t* pattern, size_t size, textrs_pattern** out, textrs_bytes* message);
void textrs_pattern_free(textrs_pattern* pattern);
int32_t textrs_pattern_matches(const textrs_pattern* pattern, const uint8_t* text, size_t size,
                               int32_t* matches, textrs_bytes* message);

#ifdef __cplusplus
}
#endif
