#include "data/dataset.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "data/builder.h"
#include "data/records.h"
#include "data/row_encoder.h"
#include "data/utf8.h"

namespace peft {
namespace {

std::string description_of(DataFormat format) {
  return fmt::format("{} rows ({})", name_of(format), fields_of(format));
}

// Rows of JSON; the first one taken says the format, unless it was asked for.
Dataset read_rows(ReadBytes read, const std::string& name, const Tokenizer* tokenizer,
                  const DatasetOptions& options) {
  DatasetBuilder builder(name, options);
  RecordReader reader(std::move(read), name, options.limits);
  DataFormat format = options.format;
  std::optional<RowEncoder> encoder;
  if (format != DataFormat::automatic) encoder.emplace(tokenizer, format, options);
  Record record;
  while (!builder.is_full() && reader.next(record)) {
    if (!builder.wants_row()) continue;
    const std::string where = reader.where();
    const Json row = parse_record(record, name, options.limits);
    if (options.format == DataFormat::automatic) {
      const DataFormat found = format_of_row(row, where);
      if (format == DataFormat::automatic) {
        format = found;
        with_context(where, [&] { encoder.emplace(tokenizer, format, options); });
      }
      check(found == format, Code::format,
            "{}: the file mixes formats: expected a {} row ({}) as before, found a {} row ({})", where,
            name_of(format), fields_of(format), name_of(found), fields_of(found));
    }
    EncodedRow encoded;
    try {
      encoded = encoder->encode(row, where);
    } catch (const Error& error) {
      // What the row's own checks throw names the place already; what tokenizer and template throw does not.
      if (std::string_view(error.what()).starts_with(where)) throw;
      throw Error(error.code(), where + ": " + error.what());
    }
    builder.add(encoded.ids, encoded.labels, record.line, where);
  }
  if (!encoder) fail(Code::state, "{}: no row can be used: none was found", name);
  return builder.finish(format, encoder->completion_only(), encoder->appends_eos(), description_of(format));
}

// One text, cut into windows of max_seq_len tokens.
Dataset read_plain(std::string_view text, const std::string& name, const Tokenizer* tokenizer,
                   const DatasetOptions& options) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const auto line_at = [&](int64_t at) { return 1 + std::count(text.begin(), text.begin() + at, '\n'); };
  check(!text.starts_with("\xFF\xFE") && !text.starts_with("\xFE\xFF"), Code::format,
        "{}: expected UTF-8, found UTF-16", name);
  const int64_t invalid = invalid_utf8(text);
  check(invalid < 0, Code::format, "{}:{}: invalid UTF-8 at byte {} of the text", name,
        invalid < 0 ? 0 : line_at(invalid), invalid);
  const size_t nul = text.find('\0');
  check(nul == text.npos, Code::format, "{}:{}: NUL byte at byte {}: not a text", name,
        nul == text.npos ? 0 : line_at(static_cast<int64_t>(nul)), nul);

  DatasetBuilder builder(name, options);
  const RowEncoder encoder(tokenizer, DataFormat::plain, options);
  const bool blank = text.find_first_not_of(" \t\r\n") == text.npos;
  const EncodedRow whole =
      with_context(name, [&] { return blank ? EncodedRow() : encoder.encode_text(text); });
  const std::span<const int32_t> ids(whole.ids);
  const size_t window = options.max_seq_len > 0 ? static_cast<size_t>(options.max_seq_len) : ids.size();
  for (size_t begin = 0; begin < ids.size() && !builder.is_full(); begin += window)
    if (builder.wants_row())
      builder.add(ids.subspan(begin, std::min(window, ids.size() - begin)), {}, 1, name);
  return builder.finish(DataFormat::plain, false, encoder.appends_eos(), "plain text");
}

bool ends_with_any(const std::string& path, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return path.ends_with(ending); });
}

}  // namespace

Dataset Dataset::from_file(const std::string& path, const Tokenizer* tokenizer,
                           const DatasetOptions& options) {
  const InputFile file = InputFile::open(path);
  bool plain = options.format == DataFormat::plain;
  if (options.format == DataFormat::automatic && !ends_with_any(path, {".jsonl", ".json", ".ndjson"})) {
    std::string head(static_cast<size_t>(std::min<int64_t>(file.size(), 4096)), '\0');
    file.read_at(0, std::as_writable_bytes(std::span(head)));
    plain = ends_with_any(path, {".txt", ".md"}) || !looks_like_json(head);
  }
  if (!plain) return read_rows(bytes_of_file(file), path, tokenizer, options);
  check(file.size() <= options.limits.text_bytes, Code::limit,
        "{}: {} bytes of plain text, at most {} allowed; larger texts can be given as JSONL rows", path,
        file.size(), options.limits.text_bytes);
  return read_plain(read_text_file(path, options.limits.text_bytes), path, tokenizer, options);
}

Dataset Dataset::from_text(std::string_view text, const Tokenizer* tokenizer, const DatasetOptions& options,
                           const std::string& name) {
  const bool plain = options.format == DataFormat::plain ||
                     (options.format == DataFormat::automatic && !looks_like_json(text.substr(0, 4096)));
  if (plain) return read_plain(text, name, tokenizer, options);
  return read_rows(bytes_of_text(text), name, tokenizer, options);
}

Dataset Dataset::from_rows(std::span<const TokenRow> rows, const DatasetOptions& options) {
  DatasetBuilder builder("rows", options);
  bool masked = false;
  for (size_t i = 0; i < rows.size() && !builder.is_full(); ++i) {
    if (!builder.wants_row()) continue;
    const TokenRow& row = rows[i];
    const auto number = static_cast<int64_t>(i) + 1;
    const std::string where = fmt::format("row {}", number);
    const std::span<const int32_t> labels = row.labels.value_or(std::span<const int32_t>());
    check(!row.labels || labels.size() == row.ids.size(), Code::invalid_argument,
          "{}: expected {} labels, found {}", where, row.ids.size(), labels.size());
    for (size_t at = 0; at < row.ids.size(); ++at) {
      check(row.ids[at] >= 0, Code::invalid_argument, "{}: ids[{}]: expected a token id, found {}", where, at,
            row.ids[at]);
      check(!row.labels || labels[at] == row.ids[at] || labels[at] == ignored_label, Code::invalid_argument,
            "{}: labels[{}]: expected the token itself ({}) or -100, found {}", where, at, row.ids[at],
            row.labels ? labels[at] : 0);
    }
    masked |= row.labels.has_value();
    builder.add(row.ids, labels, number, where);
  }
  return builder.finish(DataFormat::tokens, false, false,
                        masked ? "rows of tokens with labels" : "rows of tokens");
}

int64_t Dataset::length(int64_t index) const {
  PEFT_ASSERT(index >= 0 && index < rows());
  const auto at = static_cast<size_t>(index);
  return offsets_[at + 1] - offsets_[at];
}

int64_t Dataset::loss_tokens(int64_t index) const {
  PEFT_ASSERT(index >= 0 && index < rows());
  return loss_tokens_[static_cast<size_t>(index)];
}

RowView Dataset::row(int64_t index) const {
  check(index >= 0 && index < rows(), Code::not_found, "{}: row {}: there are {} rows", source_, index,
        rows());
  const auto at = static_cast<size_t>(index), begin = static_cast<size_t>(offsets_[at]);
  const auto size = static_cast<size_t>(offsets_[at + 1] - offsets_[at]);
  RowView view;
  view.ids = std::span(ids_).subspan(begin, size);
  view.labels = labels_.empty() ? view.ids : std::span(labels_).subspan(begin, size);
  view.loss_tokens = loss_tokens_[at];
  view.line = lines_[at];
  return view;
}

}  // namespace peft
