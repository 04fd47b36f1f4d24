#include <fmt/format.h>
#include <CLI/App.hpp>

#include "api.h"
#include "command.h"
#include "files.h"
#include "interrupt.h"
#include "model_settings.h"
#include "terminal.h"

namespace peft_cli {
namespace {

class Quantize final : public Command {
 public:
  explicit Quantize(CLI::App& app) : Command(app) {
    model_.add(settings_);
    settings_.text("output", output_, "folder to write, as Transformers and bitsandbytes read it",
                   {"o", "output_dir", "save_path"});
    settings_.integer("block-size", block_size_, 64, 64, "weights per maximum: 64");
    settings_.flag("double-quantize", double_quantize_, "quantize the maxima too",
                   {"bnb_4bit_use_double_quant", "double_quant"});
    settings_.text("skip-modules", skip_modules_,
                   "modules by commas that stay as they are; default: the output head");
    settings_.flag("overwrite", overwrite_, "replace the model files that are in the output already");
    settings_.common(/*with_config=*/true);
  }

  int run() override {
    settings_.require({"model", "output"});
    if (output_.ends_with(".gguf"))
      throw UsageError("--output: expected a folder, found '" + output_ + "': a GGUF file cannot hold NF4");
    check_output(output_, model_.model, overwrite_);
    ModelSettings loading = model_;
    loading.load_in_4bit = false;  // that is what this command does itself, with its own settings
    const Context context = make_context(loading);
    const Model model = load_model(context.get(), loading);
    const peft_model_info before = info_of(model.get());
    say(fmt::format("peft quantize · {}", title_of(model.get(), model_)));
    auto options = defaults(peft_quantize_options_init);
    options.block_size = static_cast<int32_t>(block_size_);
    options.double_quantize = double_quantize_;
    options.skip_modules = settings_.given("skip-modules") ? skip_modules_.c_str() : nullptr;
    options.cancel = interrupt_token();
    call(peft_quantize_nf4(model.get(), &options));
    const peft_model_info after = info_of(model.get());
    auto save = defaults(peft_save_options_init);
    save.cancel = interrupt_token();
    call(peft_model_save(model.get(), output_.c_str(), &save));
    say(fmt::format(
        "weights {} -> {} ({:.2f} bits a number)", bytes_text(before.weight_bytes),
        bytes_text(after.weight_bytes),
        8.0 * static_cast<double>(after.weight_bytes) / static_cast<double>(after.parameter_elements)));
    say("saved   " + output_);
    if (settings_.json()) {
      Json result = Json::object();
      result["output"] = output_;
      result["dtype"] = name_of(after.dtype);
      result["parameter_elements"] = after.parameter_elements;
      result["bytes_before"] = before.weight_bytes;
      result["bytes_after"] = after.weight_bytes;
      put_result(result);
    }
    return exit_done;
  }

 private:
  ModelSettings model_;
  bool overwrite_ = false;
  std::string output_, skip_modules_;
  int64_t block_size_ = 64;
  bool double_quantize_ = true;
};

}  // namespace

std::unique_ptr<Command> make_quantize(CLI::App& app) { return std::make_unique<Quantize>(app); }

}  // namespace peft_cli
