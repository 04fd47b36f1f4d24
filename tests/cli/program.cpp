#include "cli/program.h"
#include "support/paths.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace peft::test {
namespace {

constexpr auto longest_run = std::chrono::seconds(120);  // a hang must not take the whole test run

void redirect(const std::string& path, int flags, int target) {
  const int file = open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (file < 0 || dup2(file, target) < 0) _exit(127);
}

}  // namespace

Json Outcome::json() const {
  const Json value = Json::parse(out, nullptr, /*allow_exceptions=*/false);
  EXPECT_FALSE(value.is_discarded()) << "stdout is not one JSON value: " << out << "\nstderr: " << err;
  return value.is_discarded() ? Json() : value;
}

std::vector<Json> Outcome::json_lines() const {
  std::vector<Json> lines;
  std::istringstream stream(out);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(Json::parse(line, nullptr, /*allow_exceptions=*/false));
    EXPECT_FALSE(lines.back().is_discarded()) << "a line of stdout is not JSON: " << line;
  }
  return lines;
}

Program::Program(const Words& arguments, const std::string& input) {
  folder_ = (std::filesystem::temp_directory_path() / "peft-cli-XXXXXX").string();
  if (!mkdtemp(folder_.data())) throw std::runtime_error("cannot make a temporary folder");
  write_all(folder_ + "/in", input);
  const std::string program = std::string(::peft::test::binary_folder()) + "/peft";
  std::vector<char*> values = {const_cast<char*>("peft")};
  for (const std::string& argument : arguments) values.push_back(const_cast<char*>(argument.c_str()));
  values.push_back(nullptr);
  child_ = fork();
  if (child_ < 0) throw std::runtime_error("cannot fork");
  if (child_ == 0) {
    redirect(folder_ + "/in", O_RDONLY, STDIN_FILENO);
    redirect(folder_ + "/out", O_WRONLY | O_CREAT, STDOUT_FILENO);
    redirect(folder_ + "/err", O_WRONLY | O_CREAT, STDERR_FILENO);
    execv(program.c_str(), values.data());
    _exit(127);
  }
}

Program::~Program() {
  if (!ended_) {
    signal(SIGKILL);
    wait();
  }
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
}

void Program::signal(int number) const {
  if (!ended_) kill(child_, number);
}

bool Program::running() {
  if (ended_) return false;
  int status = 0;
  if (waitpid(child_, &status, WNOHANG) != child_) return true;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
  ended_ = true;
  return false;
}

Outcome Program::wait() {
  const auto start = std::chrono::steady_clock::now();
  bool killed = false;
  while (running()) {
    if (!killed && std::chrono::steady_clock::now() - start > longest_run) {
      signal(SIGKILL);
      killed = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_FALSE(killed) << "the program did not end in time";
  return {status_, read_all(folder_ + "/out"), read_all(folder_ + "/err")};
}

Outcome peft(const Words& arguments, const std::string& input) { return Program(arguments, input).wait(); }

std::string data_file(const std::string& name) {
  return std::string(::peft::test::source_folder()) + "/tests/data/" + name;
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_all(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

std::vector<Json> read_lines(const std::string& path) { return Outcome{0, read_all(path), ""}.json_lines(); }

}  // namespace peft::test
