// Adapter folders that PEFT saved, against logits that PEFT computed with them (tests/data/adapters).
#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/files.h"
#include "formats/adapter_folder.h"
#include "generate/score.h"
#include "models/model.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::Golden;

constexpr double logit_tolerance = 1e-4;

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(test::data_path("adapters")))
    if (entry.is_directory()) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

class PeftFolder : public testing::TestWithParam<std::string> {};

TEST_P(PeftFolder, logits_equal_peft) {
  const Golden golden("adapters/" + GetParam() + ".golden.safetensors");
  const std::string base = golden.metadata().at("base");
  const auto context = test::test_context();
  const auto model = Model::load(test::data_path("families/" + base), *context);
  const LoadedAdapter loaded = load_adapter("default", test::data_path("adapters/" + GetParam()),
                                            model->transformer(), *context, "tiny-" + base);
  EXPECT_EQ(loaded.note, "");
  Workspace workspace(*context);
  for (const std::string row : {"0", "1"}) {
    const std::vector<int32_t> ids = golden.ids("token_ids_" + row);
    const auto logits = token_logits(model->transformer(), workspace, ids, {loaded.adapter->snapshot()}, 0,
                                     static_cast<int64_t>(ids.size()));
    EXPECT_LE(test::largest_difference(logits, golden.read<float>("logits_" + row)), logit_tolerance)
        << "row " << row;
  }
}

// What we write, PEFT's config class wrote before: the same JSON and the same tensors, bit for bit.
TEST_P(PeftFolder, saving_gives_the_same_folder) {
  const auto context = test::test_context();
  const Golden golden("adapters/" + GetParam() + ".golden.safetensors");
  const std::string base = golden.metadata().at("base");
  const auto model = Model::load(test::data_path("families/" + base), *context);
  const std::string original = test::data_path("adapters/" + GetParam());
  const LoadedAdapter loaded = load_adapter("default", original, model->transformer(), *context, base);
  const test::TemporaryFolder folder;
  SaveAdapterOptions options;
  options.base_name = "tiny-" + base;
  options.model = &model->transformer();
  const AdapterFolder expected = open_adapter_folder(original);
  options.dtype = expected.tensors->entries().front().dtype;
  save_adapter(*loaded.adapter, folder.path(), *context, options);
  const AdapterFolder found = open_adapter_folder(folder.path());
  ASSERT_EQ(found.tensors->entries().size(), expected.tensors->entries().size());
  for (const TensorEntry& entry : expected.tensors->entries()) {
    std::vector<std::byte> a(static_cast<size_t>(entry.bytes)), b(a.size());
    expected.tensors->read(entry, a);
    const TensorEntry& ours = found.tensors->at(entry.name);
    ASSERT_EQ(ours.bytes, entry.bytes);
    found.tensors->read(ours, b);
    EXPECT_EQ(a, b) << entry.name;
  }
  Json wanted = expected.config, written = found.config;
  // A list of module names may be written shorter; that it chooses the same modules is tested by loading it
  // again.
  wanted.erase("target_modules"), written.erase("target_modules");
  EXPECT_EQ(Json(written).dump(), Json(wanted).dump());
  EXPECT_NO_THROW(load_adapter("again", folder.path(), model->transformer(), *context, base));
}

INSTANTIATE_TEST_SUITE_P(Folders, PeftFolder, testing::ValuesIn(cases()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace peft
