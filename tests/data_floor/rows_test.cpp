// Rows that a program gives.
#include <gtest/gtest.h>

#include "data/dataset.h"
#include "support/expect_error.h"

namespace peft::test {
namespace {

using Numbers = std::vector<int32_t>;
constexpr int32_t none = ignored_label;

Numbers list(std::span<const int32_t> numbers) { return Numbers(numbers.begin(), numbers.end()); }

TEST(FromRows, WithoutLabelsEveryTokenButTheFirstBearsALoss) {
  const Numbers a = {5, 6, 7}, b = {8, 9};
  const TokenRow rows[] = {{a, std::nullopt}, {b, std::nullopt}};
  const Dataset dataset = Dataset::from_rows(rows);
  ASSERT_EQ(dataset.rows(), 2);
  EXPECT_EQ(list(dataset.row(0).ids), a);
  EXPECT_EQ(list(dataset.row(0).labels), a);
  EXPECT_EQ(list(dataset.row(1).ids), b);
  EXPECT_EQ(dataset.row(1).line, 2);
  EXPECT_EQ(dataset.length(0), 3);
  EXPECT_EQ(dataset.loss_tokens(0), 2);
  EXPECT_EQ(dataset.info().tokens, 5);
  EXPECT_EQ(dataset.info().loss_tokens, 3);
  EXPECT_EQ(dataset.info().longest_row, 3);
  EXPECT_EQ(dataset.info().largest_id, 9);
  EXPECT_EQ(dataset.info().format, DataFormat::tokens);
}

TEST(FromRows, LabelsMayBeginInAnyRow) {
  const Numbers a = {5, 6, 7}, b = {8, 9, 10}, b_labels = {none, none, 10}, c = {1, 2}, c_labels = {none, 2};
  const TokenRow rows[] = {{a, std::nullopt}, {b, b_labels}, {a, a}, {c, c_labels}};
  const Dataset dataset = Dataset::from_rows(rows);
  EXPECT_EQ(list(dataset.row(0).labels), a);
  EXPECT_EQ(list(dataset.row(1).labels), b_labels);
  EXPECT_EQ(list(dataset.row(2).labels), a);
  EXPECT_EQ(list(dataset.row(3).labels), c_labels);
  EXPECT_EQ(dataset.info().loss_tokens, 2 + 1 + 2 + 1);
}

TEST(FromRows, CutsCountsAndLeavesOut) {
  const Numbers longer = {1, 2, 3, 4, 5}, masked = {none, none, none, 4, 5}, single = {3}, empty;
  const TokenRow rows[] = {
      {longer, std::nullopt}, {longer, masked}, {single, std::nullopt}, {empty, std::nullopt}};
  DatasetOptions options;
  options.max_seq_len = 3;
  const Dataset dataset = Dataset::from_rows(rows, options);
  EXPECT_EQ(dataset.rows(), 1);
  EXPECT_EQ(list(dataset.row(0).ids), (Numbers{1, 2, 3}));
  EXPECT_EQ(dataset.info().truncated_rows, 2);
  EXPECT_EQ(dataset.info().masked_rows, 2);
  EXPECT_EQ(dataset.info().empty_rows, 1);
  EXPECT_EQ(dataset.info().summary,
            "rows of tokens with labels: 1 row, 3 tokens, 67 % bear a loss; 2 rows cut at 3; 3 rows left out "
            "(1 empty, "
            "2 without a token that bears a loss)");
  options.max_seq_len = 0;
  EXPECT_EQ(Dataset::from_rows(rows, options).info().tokens, 10);
}

TEST(FromRows, TakesAPartOfTheRows) {
  const Numbers a = {1, 1}, b = {2, 2}, c = {3, 3};
  const TokenRow rows[] = {{a, std::nullopt}, {b, std::nullopt}, {c, std::nullopt}};
  DatasetOptions options;
  options.first_row = 1;
  EXPECT_EQ(Dataset::from_rows(rows, options).rows(), 2);
  options.row_count = 1;
  const Dataset dataset = Dataset::from_rows(rows, options);
  ASSERT_EQ(dataset.rows(), 1);
  EXPECT_EQ(dataset.row(0).ids[0], 2);
}

TEST(FromRows, RefusesWrongRows) {
  const Numbers ids = {1, 2}, negative = {1, -2}, other = {1, 3}, shorter = {1};
  const auto read = [](TokenRow row) { return Dataset::from_rows(std::span(&row, 1)); };
  EXPECT_ERROR(Code::invalid_argument, "row 1: ids[1]: expected a token id, found -2",
               read({negative, std::nullopt}));
  EXPECT_ERROR(Code::invalid_argument, "row 1: labels[1]: expected the token itself (2) or -100, found 3",
               read({ids, other}));
  EXPECT_ERROR(Code::invalid_argument, "row 1: expected 2 labels, found 1", read({ids, shorter}));
  EXPECT_ERROR(Code::state, "no row can be used: 0 rows read", Dataset::from_rows({}));
  EXPECT_ERROR(Code::state, "1 without a token that bears a loss", read({shorter, std::nullopt}));
  EXPECT_ERROR(Code::not_found, "row 1: there are 1 rows", read({ids, std::nullopt}).row(1));
  EXPECT_ERROR(Code::not_found, "row -1", read({ids, std::nullopt}).row(-1));
}

TEST(FromRows, RefusesWrongOptions) {
  const Numbers ids = {1, 2, 3};
  const TokenRow row = {ids, std::nullopt};
  const auto read = [&](DatasetOptions options) { return Dataset::from_rows(std::span(&row, 1), options); };
  DatasetOptions options;
  options.max_seq_len = -1;
  EXPECT_ERROR(Code::invalid_argument, "max_seq_len", read(options));
  options = {};
  options.first_row = -1;
  EXPECT_ERROR(Code::invalid_argument, "first_row", read(options));
  options = {};
  options.row_count = -1;
  EXPECT_ERROR(Code::invalid_argument, "row_count", read(options));
  options = {};
  options.limits.tokens = 2;
  EXPECT_ERROR(Code::limit, "row 1: the row has 3 tokens, at most 2", read(options));
  options = {};
  CancelToken cancel;
  cancel.signal();
  options.cancel = &cancel;
  EXPECT_ERROR(Code::cancelled, "cancelled", read(options));
}

TEST(Fingerprint, IsOfIdsAndLabelsInTheirRows) {
  const auto fingerprint = [](std::vector<Numbers> ids, std::vector<Numbers> labels = {}) {
    std::vector<TokenRow> rows;
    for (size_t i = 0; i < ids.size(); ++i)
      rows.push_back(
          {ids[i], i < labels.size() ? std::optional<std::span<const int32_t>>(labels[i]) : std::nullopt});
    return Dataset::from_rows(rows).fingerprint();
  };
  const std::string whole = fingerprint({{1, 2, 3}, {4, 5}});
  EXPECT_EQ(whole.size(), 32u);
  EXPECT_EQ(whole, fingerprint({{1, 2, 3}, {4, 5}}));
  EXPECT_EQ(whole, fingerprint({{1, 2, 3}, {4, 5}}, {{1, 2, 3}, {4, 5}}));
  EXPECT_NE(whole, fingerprint({{1, 2, 3}, {4, 6}}));
  EXPECT_NE(whole, fingerprint({{1, 2}, {3, 4, 5}}));
  EXPECT_NE(whole, fingerprint({{4, 5}, {1, 2, 3}}));
  EXPECT_NE(whole, fingerprint({{1, 2, 3}, {4, 5}}, {{1, none, 3}}));
  EXPECT_NE(fingerprint({{1, 2, 3}}), fingerprint({{1, 2, 3}, {1, 2, 3}}));
}

}  // namespace
}  // namespace peft::test
