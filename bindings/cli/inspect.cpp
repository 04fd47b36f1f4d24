#include <fmt/format.h>
#include <CLI/App.hpp>

#include "api.h"
#include "command.h"
#include "interrupt.h"
#include "model_settings.h"
#include "terminal.h"

namespace peft_cli {
namespace {

// Nested objects are indented; what is too long for a line is cut.
void show(const Json& json, size_t depth) {
  constexpr size_t width = 120;
  const std::string indent(2 * depth, ' ');
  for (const auto& [key, value] : json.items()) {
    if (value.is_object() && !value.empty()) {
      say(fmt::format("{}{}", indent, key));
      show(value, depth + 1);
      continue;
    }
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    say(fmt::format("{}{:<24} {}", indent, key, one_line(text, width)));
  }
}

class Inspect final : public Command {
 public:
  explicit Inspect(CLI::App& app) : Command(app) {
    settings_.text("path", path_, "model folder, GGUF file or adapter folder", {"model", "adapter"});
    app.add_option("PATH", path_, "the same, without the flag");
    settings_.common(/*with_config=*/false);
  }

  int run() override {
    if (path_.empty()) throw UsageError("a path is needed: peft inspect PATH");
    const Context context = make_context(ModelSettings{});
    // Measuring and copying would check the files twice; one large buffer usually does it at once.
    std::string text(size_t{1} << 20, '\0');
    size_t size = 0;
    peft_status status =
        peft_inspect(context.get(), path_.c_str(), interrupt_token(), text.data(), text.size(), &size);
    if (status == PEFT_E_LIMIT && size > text.size()) {
      text.resize(size);
      status = peft_inspect(context.get(), path_.c_str(), interrupt_token(), text.data(), text.size(), &size);
    }
    call(status);
    const Json result = Json::parse(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    if (settings_.json()) {
      put_result(result);
    } else {
      show(result, 0);
    }
    return exit_done;
  }

 private:
  std::string path_;
};

}  // namespace

std::unique_ptr<Command> make_inspect(CLI::App& app) { return std::make_unique<Inspect>(app); }

}  // namespace peft_cli
