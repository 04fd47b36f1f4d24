// The program `peft`: finds the command, reads its settings, turns what happened into an exit status.
#include <cstdio>
#include <exception>
#include <new>

#include <fmt/format.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "api.h"
#include "command.h"
#include "interrupt.h"
#include "nearest.h"
#include "terminal.h"

namespace peft_cli {
namespace {

struct Row {
  const char* name;
  const char* help;
  std::unique_ptr<Command> (*make)(CLI::App&);
};

constexpr Row rows[] = {
    {"train", "train an adapter", make_train},
    {"eval", "loss and exact match on rows that were held out", make_eval},
    {"score", "negative log-likelihood of given texts or tokens", make_score},
    {"generate", "one answer to one prompt", make_generate},
    {"chat", "talk to a model", make_chat},
    {"merge", "fold an adapter into the weights", make_merge},
    {"quantize", "write a model with 4-bit weights (NF4)", make_quantize},
    {"inspect", "check a model folder, GGUF file or adapter folder", make_inspect},
    {"estimate", "memory that a job will take", make_estimate},
};

// With --json, a failure before the settings were read must not write to stdout either.
bool asks_for_json(const Names& arguments) {
  for (const std::string& argument : arguments)
    if (argument == "--json" || argument == "--json=true") return true;
  return false;
}

const Row& find_row(const std::string& name) {
  Names known;
  for (const Row& row : rows) {
    if (row.name == name) return row;
    known.push_back(row.name);
  }
  const std::string near = nearest_word(name, known);
  throw UsageError(fmt::format("unknown command '{}'{}", name,
                               near.empty() ? "; see peft --help" : "; did you mean '" + near + "'?"));
}

int run_command(const Row& row, const Names& arguments) {
  CLI::App app(row.help, row.name);
  app.name(fmt::format("peft {}", row.name));
  const auto command = row.make(app);
  Settings& settings = command->settings();
  Names canonical = settings.canonical(arguments);
  try {
    // CLI11 takes the arguments from the back.
    std::vector<std::string> reversed(canonical.rbegin(), canonical.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    put(app.help());
    return exit_done;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  set_json_mode(settings.json());
  settings.read_config();
  watch_interrupts();
  return command->run();
}

void put_overview() {
  std::string text = "usage: peft COMMAND [OPTIONS]        peft COMMAND --help says more\n\ncommands:\n";
  for (const Row& row : rows) text += fmt::format("  {:<10}{}\n", row.name, row.help);
  put(text);
}

int dispatch(const Names& arguments) {
  if (arguments.empty()) {
    put_overview();
    return exit_usage;
  }
  const std::string& first = arguments.front();
  if (first == "-h" || first == "--help" || first == "help") {
    put_overview();
    return exit_done;
  }
  if (first == "--version") {
    put(fmt::format("peft {}\n{}\n", peft_version(), peft_build_info()));
    return exit_done;
  }
  if (peft_abi_version() != PEFT_ABI_VERSION)
    throw CommandError(fmt::format("libpeft.so has binary interface {}, this program was built for {}",
                                   peft_abi_version(), PEFT_ABI_VERSION));
  return run_command(find_row(first), Names(arguments.begin() + 1, arguments.end()));
}

int guarded(const Names& arguments) {
  set_json_mode(asks_for_json(arguments));
  try {
    return dispatch(arguments);
  } catch (const UsageError& error) {
    warn(error.what());
    return exit_usage;
  } catch (const ApiError& error) {
    if (error.status() == PEFT_E_CANCELLED && interrupted()) {
      warn("interrupted");
      return exit_interrupted;
    }
    warn(error.what());
  } catch (const std::bad_alloc&) {
    warn("out of memory");
  } catch (const std::exception& error) {
    warn(error.what());
  }
  return exit_failed;
}

}  // namespace

void put_result(const Json& result) {
  put(result.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace peft_cli

int main(int count, char** values) {
  const int status = peft_cli::guarded(peft_cli::Names(values + 1, values + count));
  std::fflush(stdout);
  return status == 0 && std::ferror(stdout) ? static_cast<int>(peft_cli::exit_failed) : status;
}
