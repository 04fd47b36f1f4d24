#include "data/records.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "data/utf8.h"

namespace peft {
namespace {

constexpr size_t chunk_bytes = 256 << 10;

bool is_blank(int byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }
bool is_blank_text(std::string_view text) { return std::all_of(text.begin(), text.end(), is_blank); }

// parse_json counts lines inside the record: "file:7: line 3: ..." is line 9 of the file.
[[noreturn]] void fail_at_line_of_file(const Error& error, const std::string& where, const Record& record,
                                       const std::string& name) {
  std::string_view message = error.what();
  const std::string prefix = where + ": line ";
  int64_t line = 0;
  if (message.starts_with(prefix)) {
    message.remove_prefix(prefix.size());
    const auto [end, problem] = std::from_chars(message.data(), message.data() + message.size(), line);
    if (problem == std::errc() && line > 0) {
      message.remove_prefix(static_cast<size_t>(end - message.data()));
      throw Error(error.code(), fmt::format("{}:{}{}", name, record.line + line - 1, message));
    }
  }
  throw error;
}

}  // namespace

ReadBytes bytes_of_file(const InputFile& file) {
  return [&file, offset = int64_t{0}](std::span<char> out) mutable {
    const auto size =
        static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(out.size()), file.size() - offset));
    file.read_at(offset, std::as_writable_bytes(out.first(size)));
    offset += static_cast<int64_t>(size);
    return size;
  };
}

ReadBytes bytes_of_text(std::string_view text) {
  return [text](std::span<char> out) mutable {
    const size_t size = std::min(out.size(), text.size());
    if (size > 0) std::memcpy(out.data(), text.data(), size);
    text.remove_prefix(size);
    return size;
  };
}

RecordReader::RecordReader(ReadBytes read, std::string name, const Limits& limits)
    : read_(std::move(read)), name_(std::move(name)), maximum_bytes_(limits.data_row_bytes) {}

std::string RecordReader::where() const { return fmt::format("{}:{}", name_, record_line_); }

bool RecordReader::fill() {
  if (at_ < end_) return true;
  chunk_.resize(chunk_bytes);
  at_ = 0;
  end_ = read_(std::span(chunk_));
  return end_ > 0;
}

int RecordReader::peek() { return fill() ? static_cast<unsigned char>(chunk_[at_]) : -1; }

void RecordReader::advance() {
  if (chunk_[at_++] == '\n') ++line_;
}

void RecordReader::skip_blanks() {
  while (is_blank(peek())) advance();
}

void RecordReader::append(std::string_view part) {
  if (static_cast<int64_t>(part.size()) > maximum_bytes_ - static_cast<int64_t>(record_.size()))
    fail(Code::limit, "{}: the row is longer than {} bytes", where(), maximum_bytes_);
  record_.append(part);
}

void RecordReader::begin() {
  if (fill()) {
    const std::string_view head(chunk_.data() + at_, end_ - at_);
    check(!head.starts_with("\xFF\xFE") && !head.starts_with("\xFE\xFF"), Code::format,
          "{}: expected UTF-8, found UTF-16", name_);
    if (head.starts_with("\xEF\xBB\xBF")) at_ += 3;
  }
  skip_blanks();
  state_ = peek() == '[' ? State::first_element : State::lines;
  if (state_ == State::first_element) advance();
}

bool RecordReader::next(Record& record) {
  if (state_ == State::unopened) begin();
  if (state_ == State::done) return false;
  record_.clear();
  const bool found = state_ == State::lines ? next_line(record) : next_element(record);
  if (!found) state_ = State::done;
  return found;
}

bool RecordReader::next_line(Record& record) {
  while (fill()) {
    record_line_ = line_;
    record_.clear();
    bool ended = false;
    while (!ended && fill()) {
      const std::string_view rest(chunk_.data() + at_, end_ - at_);
      const size_t newline = rest.find('\n');
      ended = newline != rest.npos;
      append(rest.substr(0, newline));
      at_ += ended ? newline + 1 : rest.size();
    }
    ++line_;
    if (is_blank_text(record_)) continue;
    if (record_.back() == '\r') record_.pop_back();
    record = {record_, record_line_};
    return true;
  }
  return false;
}

bool RecordReader::next_element(Record& record) {
  skip_blanks();
  record_line_ = line_;
  if (peek() == ']') {
    advance();
    skip_blanks();
    check(peek() < 0, Code::format, "{}:{}: text after the end of the array of rows", name_, line_);
    return false;
  }
  if (state_ == State::later_element) {
    check(peek() == ',', Code::format, "{}:{}: expected ',' or ']' after a row of the array", name_, line_);
    advance();
    skip_blanks();
    record_line_ = line_;
  }
  state_ = State::later_element;
  check(peek() == '{', Code::format, "{}:{}: expected an object in the array of rows", name_, line_);

  int64_t depth = 0;
  bool in_string = false, escaped = false, ended = false;
  while (!ended && fill()) {
    const size_t begin = at_;
    while (!ended && at_ < end_) {
      const char byte = chunk_[at_++];
      if (byte == '\n') ++line_;
      if (in_string) {
        if (escaped)
          escaped = false;
        else if (byte == '\\')
          escaped = true;
        else if (byte == '"')
          in_string = false;
      } else if (byte == '"') {
        in_string = true;
      } else if (byte == '{' || byte == '[') {
        ++depth;
      } else if (byte == '}' || byte == ']') {
        ended = --depth == 0;
      }
    }
    append(std::string_view(chunk_.data() + begin, at_ - begin));
  }
  check(ended, Code::format, "{}: the file ends inside the row", where());
  record = {record_, record_line_};
  return true;
}

Json parse_record(const Record& record, const std::string& name, const Limits& limits) {
  const std::string where = fmt::format("{}:{}", name, record.line);
  const int64_t invalid = invalid_utf8(record.text);
  check(invalid < 0, Code::format, "{}: invalid UTF-8 at byte {} of the row", where, invalid);
  Limits row_limits = limits;
  row_limits.json_bytes = limits.data_row_bytes;
  Json row;
  try {
    row = parse_json(record.text, where, row_limits);
  } catch (const Error& error) {
    fail_at_line_of_file(error, where, record, name);
  }
  check(row.is_object(), Code::format, "{}: expected an object, found {}", where, row.type_name());
  return row;
}

}  // namespace peft
