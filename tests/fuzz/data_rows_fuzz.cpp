// fuzz-links: data
// Rows of data: one byte with the options, then what the file holds.
#include <vector>

#include "data/batcher.h"
#include "data/dataset.h"
#include "target.h"

using namespace peft;

namespace {

// A SentencePiece model that knows bytes and blanks.
const Tokenizer& byte_tokenizer() {
  static const auto tokenizer = [] {
    GgufTokenizerFields fields;
    fields.model = "llama";
    const auto add = [&](std::string text, int32_t type) {
      fields.tokens.push_back(std::move(text));
      fields.token_types.push_back(type);
      fields.scores.push_back(-static_cast<float>(fields.scores.size()));
    };
    add("<unk>", 2);
    add("<s>", 3);
    add("</s>", 3);
    for (int byte = 0; byte < 256; ++byte) add(fmt::format("<0x{:02X}>", byte), 6);
    for (const char* piece : {"\xE2\x96\x81", "a", "b", "ab", "\xE2\x96\x81""a"}) add(piece, 1);
    fields.bos_id = 1;
    fields.eos_id = 2;
    fields.unknown_id = 0;
    fields.chat_template =
        "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</s>\n{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}";
    return Tokenizer::from_gguf(fields);
  }();
  return *tokenizer;
}

void check_dataset(const Dataset& dataset, const DatasetOptions& options) {
  const DatasetInfo& info = dataset.info();
  int64_t tokens = 0, loss_tokens = 0;
  for (int64_t i = 0; i < dataset.rows(); ++i) {
    const RowView row = dataset.row(i);
    fuzz::require(row.ids.size() == row.labels.size() && row.loss_tokens > 0, "rows have labels and a loss");
    for (size_t at = 0; at < row.ids.size(); ++at)
      fuzz::require(row.labels[at] == row.ids[at] || row.labels[at] == ignored_label, "labels are the tokens");
    tokens += static_cast<int64_t>(row.ids.size());
    loss_tokens += row.loss_tokens;
  }
  fuzz::require(info.rows == dataset.rows() && info.tokens == tokens && info.loss_tokens == loss_tokens,
                "counts are those of the rows");
  fuzz::require(options.max_seq_len == 0 || info.longest_row <= options.max_seq_len, "rows are cut");

  Batcher batcher(dataset, {.batch_size = 2, .accumulation = 2, .packing = true});
  std::vector<int> seen(static_cast<size_t>(dataset.rows()));
  for (int64_t step = 0; step < batcher.steps_per_epoch(); ++step)
    for (const MicroBatch& batch : batcher.step(step).micro_batches)
      for (const int64_t row : batch.rows) ++seen[static_cast<size_t>(row)];
  for (const int count : seen) fuzz::require(count == 1, "an epoch holds every row once");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  DatasetOptions options;
  options.format = static_cast<DataFormat>(data[0] % 7);
  options.max_seq_len = (data[0] & 0x08) ? 16 : 0;
  if (data[0] & 0x10) options.completion_only = (data[0] & 0x20) != 0;
  options.append_eos = (data[0] & 0x40) != 0;
  options.limits.data_row_bytes = 1 << 16;
  options.limits.template_fuel = 100000;
  options.now = 1;
  return fuzz::accept_errors([&] {
    const std::string_view text = fuzz::text_of(data + 1, size - 1);
    check_dataset(Dataset::from_text(text, &byte_tokenizer(), options), options);
  });
}
