#include "peft/data.h"

#include "capi/data.h"
#include "capi/objects.h"
#include "capi/structs.h"

using namespace peft;
using namespace peft::capi;

namespace peft::capi {

static_assert(ignored_label == PEFT_LABEL_IGNORED);
static_assert(static_cast<int>(DataFormat::tokens) == PEFT_DATA_TOKENS &&
              static_cast<int>(DataFormat::chat) == PEFT_DATA_CHAT);

std::vector<TokenRow> read_rows(const peft_row* rows, int64_t count, const Limits& limits) {
  check(count >= 0, Code::invalid_argument, "the number of rows must not be negative, not {}", count);
  check(count <= limits.data_rows, Code::limit, "there are {} rows, the limit is {}", count,
        limits.data_rows);
  check(rows != nullptr || count == 0, Code::invalid_argument, "rows is NULL but their number is {}", count);
  std::vector<TokenRow> result;
  if (count == 0) return result;
  const uint32_t stride = struct_size_of(rows, "rows");
  const auto* bytes = reinterpret_cast<const unsigned char*>(rows);
  for (int64_t i = 0; i < count; ++i) {
    const peft_row empty{};
    const peft_row row = read_struct(
        reinterpret_cast<const peft_row*>(bytes + static_cast<size_t>(i) * stride), empty, "a row");
    check(row.struct_size == stride, Code::invalid_argument,
          "row {}: struct_size {} differs from the first row's {}", i, row.struct_size, stride);
    check(row.id_count > 0 && row.ids != nullptr, Code::invalid_argument, "row {} has no ids", i);
    check(row.id_count <= limits.tokens, Code::limit, "row {} has {} tokens, the limit is {}", i,
          row.id_count, limits.tokens);
    check(row.type_ids == nullptr && row.decoder_ids == nullptr && row.values == nullptr, Code::unsupported,
          "row {}: type ids, decoder ids and values are not used by causal language models", i);
    check(row.label_count >= 0 && row.decoder_id_count >= 0 && row.value_count >= 0, Code::invalid_argument,
          "row {}: a count is negative: label_count {}, decoder_id_count {}, value_count {}", i,
          row.label_count, row.decoder_id_count, row.value_count);
    const bool plain = row.label_kind == PEFT_LABEL_NEXT_TOKEN;
    check(plain || row.label_kind == PEFT_LABEL_TOKENS, Code::unsupported,
          "row {}: label kind {} is not supported here", i, static_cast<int>(row.label_kind));
    const auto length = static_cast<size_t>(row.id_count);
    TokenRow read;
    read.ids = {row.ids, length};
    if (!plain) {
      check(row.labels != nullptr && row.label_count == row.id_count, Code::invalid_argument,
            "row {}: expected {} labels, found {}", i, row.id_count, row.labels ? row.label_count : 0);
      read.labels = std::span<const int32_t>(row.labels, length);
    } else {
      check(row.labels == nullptr, Code::invalid_argument,
            "row {}: labels are given but label_kind says there are none", i);
    }
    result.push_back(read);
  }
  return result;
}

}  // namespace peft::capi

namespace {

peft_dataset_options dataset_defaults() {
  peft_dataset_options options{};
  options.struct_size = sizeof options;
  options.max_seq_len = 2048;
  options.completion_only = PEFT_CHOICE_AUTO;
  options.append_eos = 1;
  options.add_special = PEFT_CHOICE_AUTO;
  return options;
}

std::optional<bool> choice(peft_choice value, const char* what) {
  check_range<int>(value, PEFT_CHOICE_NO, PEFT_CHOICE_AUTO, what);
  return value == PEFT_CHOICE_AUTO ? std::nullopt : std::optional<bool>(value == PEFT_CHOICE_YES);
}

DatasetOptions read_options(const peft_dataset_options& given, const Limits& limits,
                            const CancelUse& cancel) {
  DatasetOptions options;
  check_range<int>(given.format, PEFT_DATA_AUTO, PEFT_DATA_TOKENS, "format");
  options.format = static_cast<DataFormat>(given.format);
  check_range<int64_t>(given.max_seq_len, 0, limits.tokens, "max_seq_len");
  options.max_seq_len = given.max_seq_len;
  options.completion_only = choice(given.completion_only, "completion_only");
  check_flag(given.append_eos, "append_eos");
  options.append_eos = given.append_eos != 0;
  options.add_special = choice(given.add_special, "add_special");
  options.chat_template = read_string_or(given.chat_template, "chat_template");
  check(given.first_row >= 0 && given.row_count >= 0, Code::invalid_argument,
        "first_row and row_count must not be negative");
  options.first_row = given.first_row;
  options.row_count = given.row_count;
  options.cancel = cancel.token();
  options.limits = limits;
  return options;
}

// A tokenizer may carry a chat template of its own (chat_template.jinja) that the tokenizer's files do not
// hold.
std::shared_ptr<TokenizerObject> find_tokenizer(const peft_tokenizer* handle, DatasetOptions& options) {
  if (!handle) return nullptr;
  const auto object = shared<TokenizerObject>(handle);
  if (options.chat_template.empty()) options.chat_template = object->chat_template;
  return object.object();
}

peft_dataset* publish(Dataset dataset) {
  return static_cast<peft_dataset*>(add_handle(std::make_shared<DatasetObject>(std::move(dataset))));
}

}  // namespace

extern "C" {

peft_status peft_dataset_options_init(peft_dataset_options* options, size_t size) {
  return init_struct(options, size, dataset_defaults());
}

peft_status peft_dataset_from_file(const peft_context* context, const peft_tokenizer* tokenizer,
                                   const char* path, const peft_dataset_options* options,
                                   peft_dataset** out) {
  return guard([&] {
    check_pointer(out, "out");
    const auto parent = shared<ContextObject>(context);
    const peft_dataset_options given = read_struct(options, dataset_defaults(), "options");
    const CancelUse cancel(given.cancel);
    DatasetOptions read = read_options(given, parent->limits, cancel);
    const auto text = find_tokenizer(tokenizer, read);
    *out =
        publish(Dataset::from_file(read_string(path, "path"), text ? text->tokenizer.get() : nullptr, read));
  });
}

peft_status peft_dataset_from_text(const peft_context* context, const peft_tokenizer* tokenizer,
                                   const char* text, size_t text_len, const peft_dataset_options* options,
                                   peft_dataset** out) {
  return guard([&] {
    check_pointer(out, "out");
    const auto parent = shared<ContextObject>(context);
    const peft_dataset_options given = read_struct(options, dataset_defaults(), "options");
    const CancelUse cancel(given.cancel);
    DatasetOptions read = read_options(given, parent->limits, cancel);
    const auto source = find_tokenizer(tokenizer, read);
    constexpr int64_t largest_text = int64_t{1} << 36;
    *out = publish(Dataset::from_text(read_text(text, text_len, largest_text),
                                      source ? source->tokenizer.get() : nullptr, read));
  });
}

peft_status peft_dataset_from_rows(const peft_context* context, const peft_row* rows, size_t n,
                                   const peft_dataset_options* options, peft_dataset** out) {
  return guard([&] {
    check_pointer(out, "out");
    const auto parent = shared<ContextObject>(context);
    const peft_dataset_options given = read_struct(options, dataset_defaults(), "options");
    const CancelUse cancel(given.cancel);
    check(n <= static_cast<size_t>(parent->limits.data_rows), Code::limit,
          "there are {} rows, the limit is {}", n, parent->limits.data_rows);
    *out = publish(Dataset::from_rows(read_rows(rows, static_cast<int64_t>(n), parent->limits),
                                      read_options(given, parent->limits, cancel)));
  });
}

void peft_dataset_free(peft_dataset* dataset) { free_handle(dataset, ObjectType::dataset); }

peft_status peft_dataset_get_info(const peft_dataset* dataset, peft_dataset_info* info) {
  return guard([&] {
    check_output(info, "info");
    const auto object = shared<DatasetObject>(dataset);
    const DatasetInfo& source = object->dataset->info();
    peft_dataset_info result{};
    result.format = static_cast<peft_data_format>(source.format);
    result.rows = source.rows;
    result.tokens = source.tokens;
    result.loss_tokens = source.loss_tokens;
    result.longest_row = source.longest_row;
    result.truncated_rows = source.truncated_rows;
    result.masked_rows = source.masked_rows;
    result.empty_rows = source.empty_rows;
    result.completion_only = source.completion_only;
    result.appended_eos = source.appended_eos;
    copy_name(result.summary, source.summary);
    write_struct(info, result);
  });
}

peft_status peft_dataset_row(const peft_dataset* dataset, int64_t row, peft_row_part part, int32_t* data,
                             size_t cap, size_t* len) {
  return guard([&] {
    const auto object = shared<DatasetObject>(dataset);
    check(row >= 0 && row < object->dataset->rows(), Code::not_found, "there is no row {}; there are {}", row,
          object->dataset->rows());
    check_range<int>(part, PEFT_ROW_IDS, PEFT_ROW_DECODER_IDS, "part");
    const RowView view = object->dataset->row(row);
    std::span<const int32_t> column;
    if (part == PEFT_ROW_IDS) column = view.ids;
    if (part == PEFT_ROW_LABELS) column = view.labels;
    deliver<int32_t>(column, data, cap, len);
  });
}

}  // extern "C"
