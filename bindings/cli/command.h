// One command of the program: declares its settings, then runs.
#pragma once

#include <memory>

#include "settings.h"

namespace peft_cli {

enum ExitStatus { exit_done = 0, exit_failed = 1, exit_usage = 2, exit_interrupted = 130 };

class Command {
 public:
  explicit Command(CLI::App& app) : settings_(app) {}
  virtual ~Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  // Returns the exit status; throws UsageError, CommandError, ApiError.
  virtual int run() = 0;
  Settings& settings() { return settings_; }

 protected:
  Settings settings_;
};

// The result of a command: with --json alone on stdout, as one line.
void put_result(const Json& result);

std::unique_ptr<Command> make_train(CLI::App& app);
std::unique_ptr<Command> make_eval(CLI::App& app);
std::unique_ptr<Command> make_score(CLI::App& app);
std::unique_ptr<Command> make_generate(CLI::App& app);
std::unique_ptr<Command> make_chat(CLI::App& app);
std::unique_ptr<Command> make_merge(CLI::App& app);
std::unique_ptr<Command> make_quantize(CLI::App& app);
std::unique_ptr<Command> make_inspect(CLI::App& app);
std::unique_ptr<Command> make_estimate(CLI::App& app);

}  // namespace peft_cli
