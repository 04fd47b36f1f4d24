#include <algorithm>
#include <limits>

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

struct Survivor {
  std::string name;
  peft_merge_tensor figures = empty_result<peft_merge_tensor>();
};

std::vector<Survivor> report_of(const peft_model* model) {
  std::vector<Survivor> report;
  const int64_t count = info_of(model).merge_tensor_count;
  for (int64_t i = 0; i < count; ++i) {
    Survivor row;
    row.name = read_text([&](char* buffer, size_t capacity, size_t* size) {
      return peft_merge_tensor_at(model, i, nullptr, buffer, capacity, size);
    });
    call(peft_merge_tensor_at(model, i, &row.figures, nullptr, 0, nullptr));
    report.push_back(std::move(row));
  }
  return report;
}

class Merge final : public Command {
 public:
  explicit Merge(CLI::App& app) : Command(app) {
    model_.add(settings_);
    model_.add_adapter(settings_);
    settings_.text("output", output_, "folder to write, or a file that ends in .gguf",
                   {"o", "output_dir", "save_path"});
    settings_.flag("force", force_, "write it even if a tensor loses much of its update");
    settings_.number("minimum-retained", minimum_, any_number,
                     "least share of each tensor's update that must survive");
    settings_.integer("show", show_, 0, std::numeric_limits<int32_t>::max(),
                      "tensors to show, those that lost most first");
    settings_.flag("overwrite", overwrite_, "replace the model files that are in the output already");
    settings_.common(/*with_config=*/true);
  }

  int run() override {
    settings_.require({"model", "adapter", "output"});
    check_output(output_, model_.model, overwrite_);
    // float16 and Q8_0 are types of files; the sum is made in float32 and rounded once, on the way out.
    const peft_dtype wanted = dtype_of(model_.dtype);
    const bool at_saving = wanted == PEFT_DTYPE_FLOAT16 || wanted == PEFT_DTYPE_Q8_0;
    ModelSettings loading = model_;
    if (at_saving) loading.dtype = "float32";
    const Context context = make_context(loading);
    const Model model = load_model(context.get(), loading);
    const Adapter adapter = load_adapter(model.get(), model_.adapter);
    say(fmt::format("peft merge · {} · {}", title_of(model.get(), model_), model_.adapter));
    auto options = defaults(peft_merge_options_init);
    options.force = force_;
    options.minimum_retained = minimum_;
    options.discard_originals = 1;
    options.save_dtype = at_saving ? wanted : PEFT_DTYPE_AS_STORED;
    options.cancel = interrupt_token();
    auto result = empty_result<peft_merge_result>();
    const peft_status status = peft_merge(model.get(), adapter.get(), &options, &result);
    const std::string refusal = status < 0 ? last_error() : "";
    if (status == PEFT_E_UNSUPPORTED && wanted == PEFT_DTYPE_AS_STORED)
      throw ApiError(status, refusal + ": give --dtype float32 or --dtype bfloat16");
    if (status < 0 && status != PEFT_E_REFUSED) throw ApiError(status, refusal);
    const std::vector<Survivor> report = report_of(model.get());
    show(report, result);
    if (status == PEFT_E_REFUSED) {
      put_json("refused", report, result);
      warn(refusal);
      warn("nothing was written; a finer --dtype keeps more, --force writes it all the same");
      return exit_failed;
    }
    auto save = defaults(peft_save_options_init);
    save.dtype = at_saving ? wanted : PEFT_DTYPE_AS_STORED;
    save.cancel = interrupt_token();
    call(peft_model_save(model.get(), output_.c_str(), &save));
    say("saved  " + output_);
    put_json("merged", report, result);
    return exit_done;
  }

 private:
  void show(std::vector<Survivor> report, const peft_merge_result& result) const {
    std::stable_sort(report.begin(), report.end(), [](const Survivor& a, const Survivor& b) {
      return a.figures.retained < b.figures.retained;
    });
    say(fmt::format("share of the update that survives, the {} tensors that lose most of {}:",
                    std::min<size_t>(report.size(), static_cast<size_t>(show_)), report.size()));
    for (size_t i = 0; i < report.size() && i < static_cast<size_t>(show_); ++i) {
      const peft_merge_tensor& row = report[i].figures;
      say(fmt::format("  {:9.5f}  {:<48} {:<10} |dW| {:.3g}  |W| {:.3g}", row.retained, report[i].name,
                      name_of(row.dtype), row.update_norm, row.weight_norm));
    }
    say(fmt::format("survival: smallest {:.5f}, mean {:.5f}, {} of {} tensors below {:g}",
                    result.minimum_retained, result.mean_retained, result.below_minimum, result.tensor_count,
                    minimum_));
  }

  void put_json(const char* status, const std::vector<Survivor>& report,
                const peft_merge_result& result) const {
    if (!settings_.json()) return;
    Json json = Json::object();
    json["status"] = status;
    json["output"] = output_;
    json["tensor_count"] = result.tensor_count;
    json["below_minimum"] = result.below_minimum;
    json["minimum_retained"] = result.minimum_retained;
    json["mean_retained"] = result.mean_retained;
    json["tensors"] = Json::array();
    for (const Survivor& row : report)
      json["tensors"].push_back({{"name", row.name},
                                 {"dtype", name_of(row.figures.dtype)},
                                 {"retained", row.figures.retained},
                                 {"update_norm", row.figures.update_norm},
                                 {"weight_norm", row.figures.weight_norm}});
    put_result(json);
  }

  ModelSettings model_;
  bool overwrite_ = false;
  std::string output_;
  bool force_ = false;
  double minimum_ = 0.99;
  int64_t show_ = 5;
};

}  // namespace

std::unique_ptr<Command> make_merge(CLI::App& app) { return std::make_unique<Merge>(app); }

}  // namespace peft_cli
