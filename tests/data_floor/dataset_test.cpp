// Files and texts: formats found and asked for, cutting, parts, special tokens, counts.
#include "data/dataset.h"

#include <gtest/gtest.h>

#include "data_floor/golden.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft::test {
namespace {

constexpr int32_t bos = 1, eos = 2;

std::vector<int32_t> ids_of(const Dataset& dataset, int64_t row = 0) {
  const auto ids = dataset.row(row).ids;
  return {ids.begin(), ids.end()};
}

Dataset read(std::string_view text, const DatasetOptions& options = {}) {
  return Dataset::from_text(text, &golden_tokenizer(), options);
}

DatasetOptions with_format(DataFormat format) {
  DatasetOptions options;
  options.format = format;
  return options;
}

TEST(DatasetFiles, FormatIsFoundByNameAndFirstRow) {
  const TemporaryFolder folder;
  const auto found = [&](const std::string& name, std::string_view text) {
    write_text_file(folder.file(name), text);
    return Dataset::from_file(folder.file(name), &golden_tokenizer()).info().format;
  };
  const std::string_view row = "{\"text\": \"a b c\"}\n";
  EXPECT_EQ(found("rows.jsonl", row), DataFormat::text);
  EXPECT_EQ(found("rows.json", "[{\"prompt\": \"a\", \"completion\": \"b\"}]"),
            DataFormat::prompt_completion);
  EXPECT_EQ(found("rows.txt", row), DataFormat::plain);
  EXPECT_EQ(found("rows", row), DataFormat::text);
  EXPECT_EQ(found("words", "once upon a time"), DataFormat::plain);
  EXPECT_ERROR(Code::format, "words.jsonl:2: malformed JSON", found("words.jsonl", "\nonce upon a time"));
  EXPECT_ERROR(Code::not_found, "absent.jsonl", Dataset::from_file(folder.file("absent.jsonl"), nullptr));
  EXPECT_ERROR(Code::io, "not a regular file", Dataset::from_file(folder.path(), nullptr));
}

TEST(DatasetFiles, ArrayAndLinesAreTheSame) {
  const Dataset lines = read("{\"text\": \"a b\"}\n{\"text\": \"c d\"}\n");
  const Dataset array = read("[\n{\"text\": \"a b\"},\n {\"text\":\n\"c d\"}]");
  EXPECT_EQ(lines.fingerprint(), array.fingerprint());
  EXPECT_EQ(array.row(1).line, 3);
}

TEST(DatasetFiles, MixedFormatsAreRefused) {
  EXPECT_ERROR(Code::format,
               "text:2: the file mixes formats: expected a text row ({\"text\"}) as before, found a "
               "prompt/completion row",
               read("{\"text\": \"a b\"}\n{\"prompt\": \"a\", \"completion\": \"b\"}"));
  EXPECT_ERROR(Code::unsupported, "text:2: a classification row",
               read("{\"text\": \"a b\"}\n{\"text\": \"a\", \"label\": 1}"));
  // Asked for, a format needs its own fields only.
  EXPECT_EQ(
      read("{\"text\": \"a b\"}\n{\"text\": \"a b\", \"label\": 1}", with_format(DataFormat::text)).rows(),
      2);
}

TEST(DatasetFiles, SummarySaysWhatWasFound) {
  const Dataset dataset =
      read("{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"prompt\": \"\", \"completion\": \"\"}");
  EXPECT_EQ(dataset.info().summary,
            "prompt/completion rows ({\"prompt\", \"completion\"}): 1 row, 3 tokens, 67 % bear a loss "
            "(answers only); 1 "
            "row left out (1 empty, 0 without a token that bears a loss)");
  EXPECT_TRUE(dataset.info().completion_only);
  EXPECT_TRUE(dataset.info().appended_eos);
  EXPECT_EQ(dataset.source(), "text");
}

TEST(DatasetFiles, TakesAPart) {
  const std::string_view rows = "not JSON\n{\"text\": \"a a\"}\n{\"text\": \"b b\"}\n{\"broken";
  DatasetOptions options;
  options.format = DataFormat::text;
  options.first_row = 1;
  options.row_count = 2;
  const Dataset dataset = read(rows, options);
  EXPECT_EQ(dataset.rows(), 2);
  EXPECT_EQ(dataset.row(1).line, 3);
}

TEST(DatasetText, EosIsAppendedOnce) {
  DatasetOptions bare;
  bare.append_eos = false;
  const auto words = ids_of(read("{\"text\": \"a b c\"}", bare));
  auto ended = words;
  ended.push_back(eos);
  EXPECT_EQ(ids_of(read("{\"text\": \"a b c\"}")), ended);
  EXPECT_EQ(ids_of(read("{\"text\": \"a b c<|im_end|>\"}")), ended);
}

TEST(DatasetText, SpecialTokensAreTheTokenizers) {
  const Tokenizer& tokenizer = tokenizer_with_bos();
  const auto ids = [&](std::string_view text, const DatasetOptions& options = {}) {
    return ids_of(Dataset::from_text(text, &tokenizer, options));
  };
  DatasetOptions without;
  without.add_special = false;
  const std::string_view row = "{\"text\": \"a b c\"}";
  EXPECT_EQ(ids(row)[0], bos);
  EXPECT_NE(ids(row, without)[0], bos);
  EXPECT_EQ(ids(row).size(), ids(row, without).size() + 1);
  // A chat template brings its own.
  const auto chat =
      ids("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": "
          "\"b\"}]}");
  EXPECT_EQ(chat[0], bos);
  EXPECT_NE(chat[1], bos);
  // What the tokenizer puts in front bears no loss.
  const Dataset pair = Dataset::from_text("{\"prompt\": \"\", \"completion\": \"b\"}", &tokenizer);
  EXPECT_EQ(pair.row(0).labels[0], ignored_label);
  EXPECT_EQ(pair.row(0).loss_tokens, 2);
}

TEST(DatasetText, CutsAtTheRight) {
  DatasetOptions options;
  options.max_seq_len = 4;
  const std::string_view row = "{\"text\": \"turn on the light in the kitchen\"}";
  const Dataset cut = read(row, options), whole = read(row);
  EXPECT_EQ(cut.info().truncated_rows, 1);
  EXPECT_EQ(cut.length(0), 4);
  EXPECT_TRUE(std::equal(cut.row(0).ids.begin(), cut.row(0).ids.end(), whole.row(0).ids.begin()));
}

TEST(DatasetText, CutPromptsLeaveRowsWithoutALoss) {
  DatasetOptions options;
  options.max_seq_len = 2;
  EXPECT_ERROR(Code::state, "no row can be used: 1 row read, 0 empty, 1 without a token that bears a loss",
               read("{\"prompt\": \"turn on the light \", \"completion\": \"now\"}", options));
}

TEST(DatasetText, CompletionOnlyNeedsAnswers) {
  DatasetOptions options;
  options.completion_only = true;
  EXPECT_ERROR(Code::invalid_argument, "text:1: completion-only loss needs",
               read("{\"text\": \"a\"}", options));
  EXPECT_ERROR(Code::invalid_argument, "completion-only loss needs", read("a plain text", options));
}

TEST(DatasetText, NeedsATokenizerAndATemplate) {
  EXPECT_ERROR(Code::invalid_argument, "text rows need a tokenizer",
               Dataset::from_text("{\"text\": \"a\"}", nullptr));
  EXPECT_EQ(Dataset::from_text("{\"token_ids\": [1, 2]}", nullptr).rows(), 1);
  const auto bare = Tokenizer::from_json(golden_file("tokenizer.json"), "");
  const std::string_view chat =
      "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b "
      "c\"}]}";
  EXPECT_ERROR(Code::not_found, "chat rows need a chat template", Dataset::from_text(chat, bare.get()));
  DatasetOptions options;
  options.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}";
  EXPECT_EQ(Dataset::from_text(chat, bare.get(), options).rows(), 1);
  options.chat_template = "{% for";
  EXPECT_ERROR(Code::format, "text:1: chat template", Dataset::from_text(chat, bare.get(), options));
  options.chat_template = "{{ raise_exception('never') }}";
  EXPECT_ERROR(Code::format, "text:1: chat template", Dataset::from_text(chat, bare.get(), options));
}

TEST(DatasetText, ChatWithoutAnAnswerIsMasked) {
  const Dataset dataset = read(
      "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n{\"messages\": []}\n"
      "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": "
      "\"b\"}]}");
  EXPECT_EQ(dataset.rows(), 1);
  EXPECT_EQ(dataset.info().masked_rows, 1);
  EXPECT_EQ(dataset.info().empty_rows, 1);
  EXPECT_EQ(dataset.row(0).line, 3);
}

TEST(DatasetPlain, IsCutIntoWindows) {
  DatasetOptions options;
  options.max_seq_len = 5;
  const std::string text = "turn on the light in the kitchen please\nand set it to 55 percent\n";
  const Dataset dataset = read(text, options);
  std::vector<int32_t> all;
  for (int64_t i = 0; i < dataset.rows(); ++i) {
    EXPECT_TRUE(dataset.length(i) == 5 || i + 1 == dataset.rows());
    const auto ids = ids_of(dataset, i);
    all.insert(all.end(), ids.begin(), ids.end());
  }
  std::vector<int32_t> expected = golden_tokenizer().encode(text, true);
  expected.push_back(eos);
  if (expected.size() % 5 == 1) expected.pop_back();  // a last window of one token bears no loss
  EXPECT_EQ(all, expected);
  EXPECT_EQ(dataset.info().format, DataFormat::plain);
  EXPECT_EQ(dataset.info().truncated_rows, 0);
  options.max_seq_len = 0;
  EXPECT_EQ(read(text, options).rows(), 1);
}

}  // namespace
}  // namespace peft::test
