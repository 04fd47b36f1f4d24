// fuzz-links: text
// A tokenizer.json, a NUL, and a text: whatever loads gives the same ids in every way of asking, whole texts
// back, and what goes into GGUF comes out the same.
#include "target.h"
#include "text/gguf_export.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"
#include "text/tokenizer_structure.h"

using namespace peft;

namespace {

// Small enough that a damaged id does not ask for a vocabulary of two thousand million words.
constexpr int64_t largest_exported = 4096;

void encode_and_decode(const std::shared_ptr<const Tokenizer>& tokenizer, std::string_view text) {
  for (const bool special : {false, true}) {
    const std::vector<int32_t> ids = tokenizer->encode(text, special);
    const std::vector<TokenRange> ranges = tokenizer->encode_with_ranges(text, special);
    fuzz::require(ranges.size() == ids.size(), "ranges are as many as ids");
    for (size_t i = 0; i < ids.size(); ++i) {
      fuzz::require(ranges[i].id == ids[i], "ids are the same with ranges");
      fuzz::require(ids[i] >= 0 && ids[i] <= tokenizer->maximum_id(), "ids are in the vocabulary");
      fuzz::require(ranges[i].begin >= 0 && ranges[i].begin <= ranges[i].end &&
                        ranges[i].end <= static_cast<int32_t>(text.size()),
                    "ranges lie in the text");
    }
    const std::string decoded = tokenizer->decode(ids, special);
    StreamDecoder stream(tokenizer, special);
    std::string streamed;
    for (const int32_t id : ids) streamed += stream.step(id);
    streamed += stream.finish();
    fuzz::require(streamed == decoded, "pieces make the whole text");
  }
}

void through_gguf(const std::shared_ptr<const Tokenizer>& tokenizer, std::string_view text) {
  if (tokenizer->maximum_id() >= largest_exported) return;
  const auto again = Tokenizer::from_gguf(gguf_fields_of(*tokenizer, tokenizer->maximum_id() + 1));
  std::vector<int32_t> ids, found;
  fuzz::accept_errors([&] {
    ids = tokenizer->encode(text, true);
    found = again->encode(text, true);
  });
  fuzz::require(ids == found, "GGUF gives the same ids");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  const size_t end = std::min(input.find('\0'), input.size());
  const std::string_view text = input.substr(std::min(end + 1, input.size()));
  return fuzz::accept_errors([&] {
    Limits limits;
    limits.text_bytes = 1 << 16;
    const auto tokenizer = Tokenizer::from_json(input.substr(0, end), "", limits);
    fuzz::accept_errors([&] { kind_of(*tokenizer); });
    fuzz::accept_errors([&] { through_gguf(tokenizer, text); });
    encode_and_decode(tokenizer, text);
  });
}
