// Runs the program under test and looks at what it said.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace peft::test {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

struct Outcome {
  int status = -1;  // exit status, or 256 + the signal that ended it
  std::string out, err;

  // The one JSON value that stdout must be. Fails the test and gives null otherwise.
  Json json() const;
  // One value a line.
  std::vector<Json> json_lines() const;
};

// A running `peft`; its output goes to files of a folder of its own.
class Program {
 public:
  explicit Program(const Words& arguments, const std::string& input = "");
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  void signal(int number) const;
  bool running();
  Outcome wait();

 private:
  pid_t child_ = -1;
  int status_ = -1;
  bool ended_ = false;
  std::string folder_;
};

Outcome peft(const Words& arguments, const std::string& input = "");

std::string data_file(const std::string& name);  // below tests/data
std::string read_all(const std::string& path);   // "" when missing
void write_all(const std::string& path, const std::string& text);
std::vector<Json> read_lines(const std::string& path);

}  // namespace peft::test
