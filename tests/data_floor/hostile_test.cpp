// Rows that are wrong or hostile: an Error that names file and line, never more memory than the limits allow.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "data/dataset.h"
#include "data_floor/golden.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft::test {
namespace {

Dataset read(std::string_view row, const DatasetOptions& options = {}) {
  static const std::string good = "{\"text\": \"a b c\"}\n";
  return Dataset::from_text(good + std::string(row), &golden_tokenizer(), options);
}

Dataset read_tokens(const std::string& row) { return Dataset::from_text(row, nullptr); }

TEST(HostileRows, MalformedJsonNamesTheLine) {
  for (const char* row :
       {"{", "{\"text\": \"a\"", "{\"text\": \"a\"} x", "{'text': 'a'}", "{\"text\": 1e400}",
        "{\"text\": \"\\ud800\"}", "{\"text\": \"\\udc00x\"}", "{\"text\": \"\\x\"}", "{\"text\": NaN}",
        "{\"text\": \"a\", \"text\": \"b\"}", "{\"text\": \"tab\tinside\"}"})
    EXPECT_ERROR(Code::format, "text:2: ", read(row));
}

TEST(HostileRows, NulBytesAreRefused) {
  EXPECT_ERROR(Code::format, "text:2: malformed JSON: NUL byte",
               read(std::string_view("{\"text\": \"a\0b\"}", 15)));
  EXPECT_ERROR(Code::format, "text:2: NUL byte at byte 2",
               Dataset::from_text(std::string_view("a\n\0b", 4), &golden_tokenizer()));
  // Escaped, it is a character like any other.
  EXPECT_EQ(read("{\"text\": \"a\\u0000b\"}").rows(), 2);
}

TEST(HostileRows, InvalidUtf8IsNamed) {
  EXPECT_ERROR(Code::format, "text:2: invalid UTF-8 at byte 11", read("{\"text\": \"a\xFF\"}"));
  EXPECT_ERROR(Code::format, "text:2: invalid UTF-8 at byte 10", read("{\"text\": \"\xED\xA0\x80\"}"));
  EXPECT_ERROR(Code::format, "text:3: invalid UTF-8",
               Dataset::from_text("a\nb\nc\xC0\x80", &golden_tokenizer()));
  EXPECT_ERROR(Code::format, "expected UTF-8, found UTF-16",
               Dataset::from_text(std::string_view("\xFF\xFE"
                                                   "a\0",
                                                   4),
                                  &golden_tokenizer()));
}

TEST(HostileRows, DeepNestingIsRefused) {
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_ERROR(Code::limit, "text:2: JSON nests deeper than 64",
               read("{\"text\": " + std::string(100000, '[')));
  EXPECT_ERROR(Code::limit, "text:2: JSON nests deeper", read(objects));
  const std::string array = "[{\"text\": " + std::string(100000, '[') + std::string(100000, ']') + "}]";
  EXPECT_ERROR(Code::limit, "text:1: JSON nests deeper", Dataset::from_text(array, &golden_tokenizer()));
}

TEST(HostileRows, WrongTypesNameTheField) {
  EXPECT_ERROR(Code::format, "text:2: field 'text': expected string, found integer", read("{\"text\": 12}"));
  EXPECT_ERROR(Code::format, "text:2: field 'text': expected string, found nothing",
               read("{\"text\": null}"));
  EXPECT_ERROR(Code::format, "text:2: expected an object, found array", read("[\"text\"]"));
  EXPECT_ERROR(Code::format, "text:1: field 'completion': expected string, found array",
               Dataset::from_text("{\"prompt\": \"a\", \"completion\": []}", &golden_tokenizer()));
  EXPECT_ERROR(Code::format, "text:1: field 'instruction': expected string, found object",
               Dataset::from_text("{\"instruction\": {}, \"output\": \"\"}", &golden_tokenizer()));
}

TEST(HostileRows, TokensAreChecked) {
  EXPECT_ERROR(Code::format, "text:1: token_ids[1]: expected a token id, found -1",
               read_tokens("{\"token_ids\": [1, -1]}"));
  EXPECT_ERROR(Code::format, "token_ids[1]: expected a token id, found -100",
               read_tokens("{\"token_ids\": [1, -100]}"));
  EXPECT_ERROR(Code::format, "found 1.5", read_tokens("{\"token_ids\": [1, 1.5]}"));
  EXPECT_ERROR(Code::format, "found string", read_tokens("{\"token_ids\": [1, \"2\"]}"));
  EXPECT_ERROR(Code::format, "found 2147483648", read_tokens("{\"token_ids\": [1, 2147483648]}"));
  EXPECT_ERROR(Code::format, "found 18446744073709551615",
               read_tokens("{\"token_ids\": [18446744073709551615]}"));
  EXPECT_ERROR(Code::format, "text:1: field 'token_ids': expected an array",
               read_tokens("{\"token_ids\": {}}"));
  EXPECT_ERROR(Code::format, "field 'labels': expected 2 labels, found 1",
               read_tokens("{\"token_ids\": [1, 2], \"labels\": [1]}"));
  EXPECT_ERROR(Code::format, "labels[1]: expected the token itself (2) or -100, found 3",
               read_tokens("{\"token_ids\": [1, 2], \"labels\": [1, 3]}"));
  EXPECT_ERROR(Code::format, "labels[1]: expected a token id or -100, found -99",
               read_tokens("{\"token_ids\": [1, 2], \"labels\": [1, -99]}"));
  const Dataset masked = read_tokens("{\"token_ids\": [1, 2, 3], \"labels\": [-100, -100, 3]}");
  EXPECT_EQ(masked.row(0).loss_tokens, 1);
}

TEST(HostileRows, LimitsHold) {
  DatasetOptions options;
  options.limits.data_row_bytes = 40;
  EXPECT_ERROR(Code::limit, "text:2: the row is longer than 40 bytes",
               read("{\"text\": \"" + std::string(60, 'x') + "\"}", options));
  options = {};
  options.limits.data_rows = 1;
  EXPECT_ERROR(Code::limit, "text:2: more than 1 rows", read("{\"text\": \"a b\"}", options));
  options = {};
  options.max_seq_len = 0;
  options.limits.tokens = 20;
  EXPECT_ERROR(Code::limit, "text:2: the row has",
               read("{\"text\": \"" + std::string(60, '9') + "\"}", options));
}

// Four sparse gigabytes in one line: refused after the limit, in little time and memory.
TEST(HostileRows, AHugeLineIsRefusedEarly) {
  const TemporaryFolder folder;
  for (const char* name : {"huge.jsonl", "huge.txt"}) {
    const std::string path = folder.file(name);
    write_text_file(path, "{\"text\": \"");
    ASSERT_EQ(truncate(path.c_str(), int64_t{4} << 30), 0);
    EXPECT_ERROR(Code::limit, "huge", Dataset::from_file(path, &golden_tokenizer()));
  }
}

TEST(HostileRows, NothingToTrainOnIsAnError) {
  for (const char* text : {"", "\n\n", "[]", "[ ]", "{\"text\": \"\"}", "\xEF\xBB\xBF"})
    EXPECT_ERROR(Code::state, "no row can be used", Dataset::from_text(text, &golden_tokenizer()));
}

TEST(HostileRows, CancelStopsReading) {
  CancelToken cancel;
  cancel.signal();
  DatasetOptions options;
  options.cancel = &cancel;
  EXPECT_ERROR(Code::cancelled, "cancelled", read("", options));
}

// Signalled while one text or one row is encoded, which takes seconds.
TEST(HostileRows, CancelStopsWithinALongTextOrRow) {
  std::string text;
  for (uint32_t i = 1; text.size() < (12u << 20); i = i * 1664525u + 1013904223u)
    text += std::to_string(i) + " a; ";
  for (const std::string& source : {text, "{\"text\": \"" + text + "\"}"}) {
    CancelToken cancel;
    std::thread signaller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      cancel.signal();
    });
    DatasetOptions options;
    options.cancel = &cancel;
    EXPECT_ERROR(Code::cancelled, "cancelled", Dataset::from_text(source, &golden_tokenizer(), options));
    signaller.join();
  }
}

}  // namespace
}  // namespace peft::test
