// Models, adapters and rows that the training tests share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/files.h"
#include "base/json.h"
#include "models/model.h"
#include "support/golden.h"
#include "train/trainer.h"

namespace peft::test {

inline std::string text_of_file(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::string text;
  char block[4096];
  while (const size_t count = std::fread(block, 1, sizeof(block), file.get())) text.append(block, count);
  return text;
}

struct TestRow {
  std::vector<int32_t> ids, labels;
  TokenRow view() const { return {ids, std::span<const int32_t>(labels)}; }
};

inline std::vector<TestRow> training_rows() {
  std::vector<TestRow> rows;
  const std::string text = text_of_file(data_path("training/rows.jsonl"));
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    const Json json = Json::parse(text.substr(at, end - at));
    rows.push_back(
        {json["token_ids"].get<std::vector<int32_t>>(), json["labels"].get<std::vector<int32_t>>()});
    at = end + 1;
  }
  return rows;
}

inline std::vector<TokenRow> views(const std::vector<TestRow>& rows) {
  std::vector<TokenRow> list;
  for (const TestRow& row : rows) list.push_back(row.view());
  return list;
}

inline std::shared_ptr<const Dataset> training_dataset() {
  const std::vector<TestRow> rows = training_rows();
  return std::make_shared<const Dataset>(Dataset::from_rows(views(rows)));
}

inline std::shared_ptr<Model> load_model(const std::string& name) {
  const auto context = test_context();
  return Model::load(data_path(name), *context);
}

inline std::shared_ptr<const Transformer> transformer_of(const std::shared_ptr<Model>& model) {
  return {model, &model->transformer()};
}

// A fresh adapter from PEFT's JSON.
inline std::shared_ptr<Adapter> new_adapter(const Transformer& model, const std::string& config,
                                            uint64_t seed = 1) {
  const auto context = test_context();
  const Json json = Json::parse(config);
  const PlanInput input{model, json, "test", {}, false, seed};
  return Adapter::create("default", plan_adapter(input), model, *context, seed);
}

// Bits of all values, in the plan's order.
inline std::vector<std::vector<float>> values_of(const Adapter& adapter) {
  const auto context = test_context();
  std::vector<std::vector<float>> values;
  for (const Tensor& tensor : adapter.values()) values.push_back(context->to_host(tensor));
  return values;
}

}  // namespace peft::test
