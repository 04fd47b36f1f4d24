#include <algorithm>
#include <cmath>
#include <fstream>

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

constexpr size_t maximum_line_bytes = size_t{64} << 20;

// std::getline with a bound: a hostile file has one line without an end.
bool read_line(std::istream& stream, const std::string& place, std::string& line) {
  line.clear();
  bool any = false;
  for (int byte; (byte = stream.get()) != std::istream::traits_type::eof();) {
    any = true;
    if (byte == '\n') return true;
    if (line.size() == maximum_line_bytes)
      throw CommandError(fmt::format("{}: longer than {} bytes", place, maximum_line_bytes));
    line += static_cast<char>(byte);
  }
  return any;
}

class Score final : public Command {
 public:
  explicit Score(CLI::App& app) : Command(app) {
    model_.add(settings_);
    model_.add_adapter(settings_);
    settings_.text("data", data_, "rows {\"text\": ...} or {\"token_ids\": [...]}, one a line", {"d"});
    arithmetic_.add_compute_dtype(settings_);
    arithmetic_.add_activations(settings_);
    settings_.flag("logprobs", logprobs_, "also the logarithm of each token's probability");
    settings_.common(/*with_config=*/true);
  }

  int run() override {
    settings_.require({"model", "data"});
    if (is_folder(data_)) throw CommandError(fmt::format("{}: expected a file, found a folder", data_));
    std::ifstream file(data_, std::ios::binary);
    if (!file) throw CommandError(fmt::format("{}: cannot be read", data_));
    const Context context = make_context(model_);
    const Model model = load_model(context.get(), model_);
    const Adapter adapter = load_adapter(model.get(), model_.adapter);
    const Tokenizer tokenizer = tokenizer_of(model.get());
    double sum = 0;
    int64_t predicted = 0, rows = 0, number = 0;
    std::string line;
    for (std::string place; place = fmt::format("{}:{}", data_, number + 1), read_line(file, place, line);) {
      ++number;
      if (line.find_first_not_of(" \t\r") == line.npos) continue;
      const std::vector<int32_t> ids = ids_of(line, place, tokenizer.get());
      std::vector<float> values;
      const double nll = score(model.get(), adapter.get(), ids, place, values);
      ++rows;
      sum += nll;
      predicted += std::max<int64_t>(0, static_cast<int64_t>(ids.size()) - 1);
      put_row(ids, nll, values);
    }
    if (!settings_.json() && predicted > 0)
      say(fmt::format("{} rows · loss {:.4f} a token · perplexity {:.3f}", rows,
                      sum / static_cast<double>(predicted), std::exp(sum / static_cast<double>(predicted))));
    return exit_done;
  }

 private:
  std::vector<int32_t> ids_of(const std::string& line, const std::string& place,
                              const peft_tokenizer* tokenizer) const {
    const Json row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object()) throw CommandError(place + ": expected a JSON object");
    std::vector<int32_t> ids;
    if (row.contains("token_ids")) {
      if (!row["token_ids"].is_array())
        throw CommandError(place + ": token_ids: expected an array of whole numbers");
      for (const Json& id : row["token_ids"]) {
        const bool fits = id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() <= INT32_MAX;
        if (!fits)
          throw CommandError(
              fmt::format("{}: token_ids: expected whole numbers, found {}", place, id.dump()));
        ids.push_back(id.get<int32_t>());
      }
    } else if (row.contains("text") && row["text"].is_string()) {
      if (!tokenizer) throw CommandError(place + ": a text row needs a tokenizer, and the model has none");
      ids = encode(tokenizer, row["text"].get_ref<const std::string&>(), /*add_special=*/true);
    } else {
      throw CommandError(place + R"(: expected "text" or "token_ids")");
    }
    return ids;
  }

  double score(const peft_model* model, const peft_adapter* adapter, const std::vector<int32_t>& ids,
               const std::string& place, std::vector<float>& values) const {
    if (ids.empty()) return 0;  // a sum over nothing: the row keeps its place in the output
    auto options = defaults(peft_score_options_init);
    const peft_adapter* const active[] = {adapter};
    options.adapter_count = adapter ? 1 : 0;
    options.adapters = adapter ? active : nullptr;
    options.compute_dtype = arithmetic_.dtype();
    options.activations = arithmetic_.activation_kind();
    options.cancel = interrupt_token();
    auto result = empty_result<peft_score_result>();
    if (logprobs_) values.resize(ids.size() - 1);
    size_t length = 0;
    const bool wants_values = !values.empty();
    const peft_status status =
        peft_score(model, ids.data(), ids.size(), &options, &result, wants_values ? values.data() : nullptr,
                   values.size(), wants_values ? &length : nullptr);
    if (status < 0 && status != PEFT_E_CANCELLED) throw ApiError(status, place + ": " + last_error());
    call(status);
    return result.nll;
  }

  void put_row(const std::vector<int32_t>& ids, double nll, const std::vector<float>& values) const {
    if (!settings_.json()) {
      const auto predicted = static_cast<double>(std::max<size_t>(2, ids.size()) - 1);
      say(fmt::format("{:>7} tokens   nll {:>12.4f}   {:.4f} a token", ids.size(), nll, nll / predicted));
      return;
    }
    Json row = Json::object();
    row["token_ids"] = ids;
    row["count"] = ids.size();
    row["nll"] = nll;
    if (logprobs_) row["logprobs"] = values;
    put_result(row);
  }

  ModelSettings model_;
  ArithmeticSettings arithmetic_;
  std::string data_;
  bool logprobs_ = false;
};

}  // namespace

std::unique_ptr<Command> make_score(CLI::App& app) { return std::make_unique<Score>(app); }

}  // namespace peft_cli
