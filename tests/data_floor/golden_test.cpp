// Ids and labels of every format against those that Transformers and tokenizers gave (golden/make_golden.py).
#include <gtest/gtest.h>

#include <algorithm>

#include "data/dataset.h"
#include "data_floor/golden.h"

namespace peft::test {
namespace {

std::vector<int32_t> numbers(const Json& list) { return list.get<std::vector<int32_t>>(); }

bool bears_loss(const std::vector<int32_t>& labels) {
  return std::any_of(labels.begin() + 1, labels.end(), [](int32_t label) { return label != ignored_label; });
}

TEST(GoldenRows, IdsAndLabelsAreThoseOfTheReference) {
  int compared = 0, masked = 0;
  for (const Json& expected : golden_rows()["rows"]) {
    const std::string text = dump_json(expected["row"]);
    SCOPED_TRACE(text);
    DatasetOptions options;
    const Json& settings = expected["options"];
    if (settings.contains("completion_only"))
      options.completion_only = settings["completion_only"].get<bool>();
    if (settings.contains("append_eos")) options.append_eos = settings["append_eos"].get<bool>();
    const std::vector<int32_t> ids = numbers(expected["ids"]), labels = numbers(expected["labels"]);
    if (!bears_loss(labels)) {
      ++masked;
      EXPECT_THROW(Dataset::from_text(text, &golden_tokenizer(), options), Error);
      continue;
    }
    const Dataset dataset = Dataset::from_text(text, &golden_tokenizer(), options);
    ASSERT_EQ(dataset.rows(), 1);
    EXPECT_EQ(name_of(dataset.info().format), expected["format"].get<std::string>());
    const RowView row = dataset.row(0);
    EXPECT_EQ(std::vector<int32_t>(row.ids.begin(), row.ids.end()), ids);
    EXPECT_EQ(std::vector<int32_t>(row.labels.begin(), row.labels.end()), labels);
    EXPECT_EQ(row.loss_tokens,
              std::count_if(labels.begin() + 1, labels.end(), [](int32_t label) { return label != -100; }));
    ++compared;
  }
  EXPECT_GE(compared, 30);
  EXPECT_LE(masked, 1);
}

// The rows of one format in one file give what each gives alone.
TEST(GoldenRows, RowsOfAFileAreIndependent) {
  std::string file;
  std::vector<std::vector<int32_t>> expected;
  for (const Json& row : golden_rows()["rows"])
    if (row["format"] == "prompt/completion" && row["options"].empty()) {
      file += dump_json(row["row"]) + "\r\n\n";
      expected.push_back(numbers(row["ids"]));
    }
  const Dataset dataset = Dataset::from_text(file, &golden_tokenizer());
  ASSERT_EQ(dataset.rows(), static_cast<int64_t>(expected.size()));
  for (int64_t i = 0; i < dataset.rows(); ++i) {
    const auto ids = dataset.row(i).ids;
    EXPECT_EQ(std::vector<int32_t>(ids.begin(), ids.end()), expected[static_cast<size_t>(i)]);
    EXPECT_EQ(dataset.row(i).line, 2 * i + 1);
  }
}

}  // namespace
}  // namespace peft::test
