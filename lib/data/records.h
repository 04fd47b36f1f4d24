// Rows of a data file as texts, one at a time: lines of JSONL, or the elements of one JSON array.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"

namespace peft {

// Fills the span from where the last call ended; returns the bytes read, 0 at the end.
using ReadBytes = std::function<size_t(std::span<char>)>;
ReadBytes bytes_of_file(const InputFile& file);  // `file` must outlive it
ReadBytes bytes_of_text(std::string_view text);

struct Record {
  std::string_view text;  // valid until the next call
  int64_t line = 0;       // where it begins, from 1
};

// Holds one record and one chunk at a time. A record above limits.data_row_bytes is Code::limit as soon as it
// is that long. An UTF-8 mark at the beginning and blank lines are skipped. `name` stands before the line in
// errors.
class RecordReader {
 public:
  RecordReader(ReadBytes read, std::string name, const Limits& limits);

  // False at the end.
  bool next(Record& record);
  // "name:line" of the last record.
  std::string where() const;

 private:
  bool fill();
  int peek();  // the next byte, -1 at the end
  void advance();
  void skip_blanks();
  void append(std::string_view part);
  void begin();
  bool next_line(Record& record);
  bool next_element(Record& record);

  ReadBytes read_;
  std::string name_;
  int64_t maximum_bytes_;
  std::string chunk_, record_;
  size_t at_ = 0, end_ = 0;
  int64_t line_ = 1, record_line_ = 1;
  enum class State { unopened, lines, first_element, later_element, done } state_ = State::unopened;
};

// The JSON object of one record. Invalid UTF-8 and malformed JSON are Code::format with the line of the file.
Json parse_record(const Record& record, const std::string& name, const Limits& limits);

}  // namespace peft
