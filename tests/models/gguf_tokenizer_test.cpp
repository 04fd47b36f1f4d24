// A model that goes from GGUF to a folder and to GGUF again has the same tokenizer everywhere.
#include <gtest/gtest.h>

#include <cstdlib>

#include "formats/gguf.h"
#include "models/model.h"
#include "models/save.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/smollm2.h"
#include "support/temporary_folder.h"
#include "text/tokenizer.h"

namespace peft {
namespace {

// `lasting`: type of the weights on the way, small enough for the disk.
void expect_same_after_a_folder(const std::string& path, DType lasting) {
  const auto context = test::test_context();
  LoadOptions load;
  load.dtype = lasting;
  const auto model = Model::load(path, *context, load);
  const test::TemporaryFolder folder;
  save_folder(*model, folder.file("model"), *context, {});
  const auto from_folder = Model::load(folder.file("model"), *context);
  save_gguf(*from_folder, folder.file("model.gguf"), *context, {});
  const auto again = Model::load(folder.file("model.gguf"), *context);
  const Tokenizer &first = *model->tokenizer(), &last = *again->tokenizer();
  for (const char* text :
       {"a", " a b  c", "HELLO, a1!\n", "it's <s>a</s> \ud55c\uad6d\uc5b4 \U0001F600 0x1F", ""})
    for (const bool special : {true, false}) {
      EXPECT_EQ(last.encode(text, special), first.encode(text, special)) << text;
      EXPECT_EQ(last.encode(text, special), from_folder->tokenizer()->encode(text, special)) << text;
    }
  EXPECT_EQ(last.bos_id(), first.bos_id());
  EXPECT_EQ(last.eos_id(), first.eos_id());
  EXPECT_EQ(again->chat_template(), model->chat_template());
  EXPECT_EQ(again->end_tokens(), model->end_tokens());
  const GgufMetadata &before = *model->gguf_metadata(), &after = *again->gguf_metadata();
  EXPECT_EQ(after.string("tokenizer.ggml.model"), before.string("tokenizer.ggml.model"));
  EXPECT_EQ(after.strings("tokenizer.ggml.tokens"), before.strings("tokenizer.ggml.tokens"));
  if (before.has("tokenizer.ggml.merges")) {
    EXPECT_EQ(after.strings("tokenizer.ggml.merges"), before.strings("tokenizer.ggml.merges"));
  }
}

class SmallFiles : public testing::TestWithParam<const char*> {};

TEST_P(SmallFiles, KeepTheirTokenizer) {
  expect_same_after_a_folder(test::data_path(std::string("gguf_models/") + GetParam()), DType::f32);
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, SmallFiles, testing::Values("llama-F32.gguf", "gpt2-F32.gguf"));

TEST(SmolLm2, KeepsItsTokenizer) {
  const std::string path = test::smollm2_file();
  PEFT_SKIP_WITHOUT(path, test::smollm2_name);
  expect_same_after_a_folder(path, DType::bf16);
}

TEST(Folders, OfOthersAreNotReplaced) {
  const auto context = test::test_context();
  const auto model = Model::load(test::data_path("families/llama"), *context);
  const test::TemporaryFolder folder;
  make_folders(folder.file("diary"));
  write_text_file(folder.file("diary/monday.txt"), "rain\n");
  EXPECT_ERROR(Code::refused, "holds 'monday.txt' but no config.json",
               save_folder(*model, folder.file("diary"), *context, {}));
  make_folders(folder.file("model/pictures"));
  write_text_file(folder.file("model/config.json"), "{}");
  EXPECT_ERROR(Code::refused, "holds the folder 'pictures'",
               save_folder(*model, folder.file("model"), *context, {}));
  EXPECT_TRUE(path_exists(folder.file("diary/monday.txt")));
  make_folders(folder.file("empty"));
  save_folder(*model, folder.file("empty"), *context, {});
}

}  // namespace
}  // namespace peft
