#include "data/records.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "support/expect_error.h"

namespace peft::test {
namespace {

using Rows = std::vector<std::pair<std::string, int64_t>>;

// Hands out `text` a few bytes at a time, so that rows cross every border.
ReadBytes in_pieces(std::string_view text, size_t piece) {
  return [text, piece](std::span<char> out) mutable {
    const size_t size = std::min({out.size(), text.size(), piece});
    if (size > 0) std::memcpy(out.data(), text.data(), size);
    text.remove_prefix(size);
    return size;
  };
}

Rows rows_of(std::string_view text, size_t piece = 1 << 20, const Limits& limits = {}) {
  RecordReader reader(in_pieces(text, piece), "data", limits);
  Rows rows;
  for (Record record; reader.next(record);) rows.emplace_back(record.text, record.line);
  return rows;
}

TEST(RecordReader, GivesLinesWithTheirNumbers) {
  const std::string_view text = "\xEF\xBB\xBF{\"a\":1}\r\n\n  \n{\"b\":2}\n{\"c\":3}";
  const Rows expected = {{"{\"a\":1}", 1}, {"{\"b\":2}", 4}, {"{\"c\":3}", 5}};
  for (const size_t piece : {1, 2, 3, 7, 1000}) EXPECT_EQ(rows_of(text, piece < 3 ? 3 : piece), expected);
  EXPECT_EQ(rows_of(""), Rows());
  EXPECT_EQ(rows_of("\n \r\n"), Rows());
}

TEST(RecordReader, GivesElementsOfAnArray) {
  const std::string_view text = "\n[\n {\"a\": \"]}\\\"{[\"},\n {\"b\":\n  [{}, [1]]}\n ,{}\n]\n\n";
  const Rows expected = {{"{\"a\": \"]}\\\"{[\"}", 3}, {"{\"b\":\n  [{}, [1]]}", 4}, {"{}", 6}};
  for (const size_t piece : {1, 2, 3, 7, 1000}) EXPECT_EQ(rows_of(text, piece), expected);
  EXPECT_EQ(rows_of("[]"), Rows());
}

TEST(RecordReader, RefusesBrokenArrays) {
  EXPECT_ERROR(Code::format, "data:2: expected an object", rows_of("[\n1]"));
  EXPECT_ERROR(Code::format, "data:1: expected an object", rows_of("[{},]"));
  EXPECT_ERROR(Code::format, "data:1: expected an object", rows_of("["));
  EXPECT_ERROR(Code::format, "data:1: expected ',' or ']'", rows_of("[{} {}]"));
  EXPECT_ERROR(Code::format, "data:1: expected ',' or ']'", rows_of("[{}"));
  EXPECT_ERROR(Code::format, "data:2: the file ends inside the row", rows_of("[{},\n{\"a\":[1}"));
  EXPECT_ERROR(Code::format, "data:2: text after the end", rows_of("[{}\n]x"));
}

TEST(RecordReader, RefusesOtherEncodings) {
  EXPECT_ERROR(Code::format, "found UTF-16", rows_of(std::string_view("\xFF\xFE{\0", 4)));
}

// An endless line is refused after the limit, not gathered.
TEST(RecordReader, RefusesAnEndlessRowWithoutHoldingIt) {
  Limits limits;
  limits.data_row_bytes = 1 << 20;
  for (const char* head : {"{\"text\":\"", "[{\"text\":\""}) {
    int64_t given = 0;
    bool first = true;
    RecordReader reader(
        [&](std::span<char> out) {
          std::memset(out.data(), 'x', out.size());
          if (std::exchange(first, false)) std::memcpy(out.data(), head, std::strlen(head));
          given += static_cast<int64_t>(out.size());
          return out.size();
        },
        "endless", limits);
    Record record;
    EXPECT_ERROR(Code::limit, "endless:1: the row is longer than 1048576 bytes", reader.next(record));
    EXPECT_LT(given, 2 << 20);
  }
}

TEST(ParseRecord, NamesTheLineOfTheFile) {
  EXPECT_ERROR(Code::format, "data:7: malformed JSON", parse_record({"{\"a\":}", 7}, "data", {}));
  EXPECT_ERROR(Code::format, "data:9: malformed JSON", parse_record({"{\n\n\"a\":}", 7}, "data", {}));
  EXPECT_ERROR(Code::format, "data:7: expected an object, found number", parse_record({"12", 7}, "data", {}));
  EXPECT_ERROR(Code::format, "data:7: invalid UTF-8 at byte 2",
               parse_record({"{\"\xFF\":1}", 7}, "data", {}));
}

}  // namespace
}  // namespace peft::test
