// Commands that run or rewrite a model: score, generate, chat, inspect, merge, quantize, eval.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cli/program.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace peft::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// From the reference's logits: our reader knows no F64, in which the golden file also has this sum.
double expected_nll(const Golden& golden, const std::string& number) {
  const std::vector<int32_t> ids = golden.ids("token_ids_" + number);
  const std::vector<float> logits = golden.read<float>("logits_" + number);  // [tokens, vocabulary]
  const size_t vocabulary = logits.size() / ids.size();
  double nll = 0;
  for (size_t t = 0; t + 1 < ids.size(); ++t) {
    double sum = 0;
    for (size_t v = 0; v < vocabulary; ++v) sum += std::exp(double{logits[t * vocabulary + v]});
    nll += std::log(sum) - logits[t * vocabulary + static_cast<size_t>(ids[t + 1])];
  }
  return nll;
}

class Models : public ::testing::Test {
 protected:
  // The two rows of a golden file as a file of rows.
  std::string rows_of(const Golden& golden) {
    std::string text;
    for (const char* name : {"token_ids_0", "token_ids_1"})
      text += Json{{"token_ids", golden.ids(name)}}.dump() + "\n";
    write_all(folder_.file("rows.jsonl"), text);
    return folder_.file("rows.jsonl");
  }

  void expect_scores(const Outcome& outcome, const Golden& golden, double tolerance) {
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const std::vector<Json> lines = outcome.json_lines();
    ASSERT_EQ(lines.size(), 2u);
    for (int i = 0; i < 2; ++i) {
      const std::string number = std::to_string(i);
      const double expected = expected_nll(golden, number);
      EXPECT_EQ(lines[i]["token_ids"].get<std::vector<int32_t>>(), golden.ids("token_ids_" + number));
      EXPECT_EQ(lines[i]["count"], golden.ids("token_ids_" + number).size());
      EXPECT_NEAR(lines[i]["nll"].get<double>(), expected, tolerance * std::abs(expected));
    }
  }

  TemporaryFolder folder_;
};

TEST_F(Models, ScoresOfFoldersAndGgufFiles) {
  for (const char* name :
       {"families/llama", "families/llama_sharded", "families/qwen2", "families/qwen3", "families/mistral",
        "families/gpt2", "gguf_models/llama-F32", "gguf_models/gpt2-F16"}) {
    const std::string ending = std::string(name).starts_with("gguf") ? ".gguf" : "";
    const Golden golden(std::string(name) + ".golden.safetensors");
    SCOPED_TRACE(name);
    expect_scores(peft({"score", "--model", data_file(name + ending), "--data", rows_of(golden), "--json"}),
                  golden, 1e-4);
  }
}

TEST_F(Models, ScoresWithAnAdapterOfPeft) {
  const Golden golden("adapters/llama_lora.golden.safetensors");
  expect_scores(peft({"score", "--model", data_file("families/llama"), "--adapter",
                      data_file("adapters/llama_lora"), "--data", rows_of(golden), "--json"}),
                golden, 1e-4);
}

TEST_F(Models, ScoreForPeopleSumsUp) {
  const Golden golden("families/llama.golden.safetensors");
  const Outcome outcome = peft({"score", "--model", data_file("families/llama"), "--data", rows_of(golden)});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("2 rows"));
  const Outcome logprobs = peft(
      {"score", "--model", data_file("families/llama"), "--data", rows_of(golden), "--logprobs", "--json"});
  const Json row = logprobs.json_lines().at(0);
  double sum = 0;
  for (const Json& value : row["logprobs"]) sum -= value.get<double>();
  EXPECT_NEAR(sum, row["nll"].get<double>(), 1e-3);
}

TEST_F(Models, GenerateGivesNewTokensOnly) {
  const Words words = {"generate",      "--model", data_file("families/llama"), "--token-ids", "1,5,9",
                       "--temperature", "0",       "--max-new-tokens",          "7",           "--ignore-eos",
                       "--json"};
  const Outcome outcome = peft(words);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json answer = outcome.json();
  EXPECT_EQ(answer["token_ids"].size(), 7u);
  EXPECT_EQ(answer["text"], "");
  EXPECT_EQ(answer["prompt_tokens"], 3);
  EXPECT_EQ(answer["finish_reason"], "length");
  for (const char* name : {"prefill_seconds", "decode_seconds", "tokens_per_second", "first_token_seconds"})
    EXPECT_GT(answer[name].get<double>(), 0) << name;
  EXPECT_EQ(peft(words).json()["token_ids"], answer["token_ids"]);
  EXPECT_EQ(peft({"generate", "--model", data_file("families/llama"), "--token-ids", "1,x"}).status, 2);
  EXPECT_EQ(peft({"generate", "--model", data_file("families/llama"), "--prompt", "a"}).status, 1);
}

// The tiny models know no end: it is taken from an answer, so that the next one must stop there.
TEST_F(Models, TheEndOfTheSequenceIsPartOfTheAnswer) {
  const Outcome outcome = peft({"generate", "--model", data_file("families/llama"), "--token-ids", "2",
                                "--max-new-tokens", "200", "--temperature", "1", "--seed", "3", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json answer = outcome.json();
  constexpr int end_of_sequence = 2;
  if (answer["finish_reason"] == "eos") {
    EXPECT_EQ(answer["token_ids"].back(), end_of_sequence);
  } else {
    for (const Json& id : answer["token_ids"]) EXPECT_NE(id, end_of_sequence);
  }
}

TEST_F(Models, ChatNeedsATemplate) {
  const Outcome outcome = peft({"chat", "--model", data_file("families/llama")}, "hello\n");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("peft:"));
  EXPECT_EQ(peft({"chat", "--model", data_file("families/llama")}, "/exit\n").status, 0);
}

TEST_F(Models, InspectTakesModelsFilesAndAdapters) {
  EXPECT_EQ(peft({"inspect", data_file("families/qwen2"), "--json"}).json()["family"], "qwen2");
  EXPECT_EQ(peft({"inspect", data_file("gguf_models/gpt2-F16.gguf"), "--json"}).json()["family"], "gpt2");
  EXPECT_EQ(peft({"inspect", data_file("adapters/llama_lora"), "--json"}).json()["kind"], "adapter");
  const Outcome shown = peft({"inspect", data_file("families/llama")});
  EXPECT_THAT(shown.out, HasSubstr("family"));
  write_all(folder_.file("adapter_config.json"),
            read_all(data_file("adapters/llama_lora/adapter_config.json")));
  std::string weights = read_all(data_file("adapters/llama_lora/adapter_model.safetensors"));
  write_all(folder_.file("adapter_model.safetensors"), weights.substr(0, weights.size() - 5));
  const Outcome broken = peft({"inspect", folder_.path(), "--json"});
  EXPECT_EQ(broken.status, 1);
  EXPECT_THAT(broken.out, IsEmpty());
  EXPECT_THAT(broken.err, HasSubstr("adapter_model.safetensors"));
}

TEST_F(Models, MergedModelScoresAsTheAdapterDid) {
  const Golden golden("adapters/llama_lora.golden.safetensors");
  const std::string output = folder_.file("merged");
  const Outcome merged = peft({"merge", "--model", data_file("families/llama"), "--adapter",
                               data_file("adapters/llama_lora"), "--output", output, "--json"});
  ASSERT_EQ(merged.status, 0) << merged.err;
  EXPECT_EQ(merged.json()["status"], "merged");
  EXPECT_GE(merged.json()["minimum_retained"].get<double>(), 0.99);
  EXPECT_EQ(merged.json()["tensors"].size(), merged.json()["tensor_count"].get<size_t>());
  expect_scores(peft({"score", "--model", output, "--data", rows_of(golden), "--json"}), golden, 1e-4);
  const std::string gguf = folder_.file("merged.gguf");
  const Outcome file = peft({"merge", "--model", data_file("families/llama"), "--adapter",
                             data_file("adapters/llama_lora"), "--output", gguf});
  ASSERT_EQ(file.status, 0) << file.err;
  EXPECT_THAT(file.out, HasSubstr("survival"));
  expect_scores(peft({"score", "--model", gguf, "--data", rows_of(golden), "--json"}), golden, 1e-4);
}

// A four-bit grid keeps little of a small update: without --force nothing may be written.
TEST_F(Models, LossyMergesAreRefusedUnlessForced) {
  const std::string output = folder_.file("merged");
  Words words = {"merge",
                 "--model",
                 data_file("families/llama"),
                 "--adapter",
                 data_file("adapters/llama_lora"),
                 "--load-in-4bit",
                 "--output",
                 output,
                 "--minimum-retained",
                 "0.999999",
                 "--json"};
  const Outcome refused = peft(words);
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.json()["status"], "refused");
  EXPECT_GT(refused.json()["below_minimum"], 0);
  EXPECT_THAT(read_all(output + "/config.json"), IsEmpty());
  words.push_back("--force");
  EXPECT_EQ(peft(words).status, 0);
  EXPECT_EQ(peft({"inspect", output}).status, 0);
}

TEST_F(Models, QuantizedFoldersLoad) {
  const std::string output = folder_.file("nf4");
  const Outcome outcome =
      peft({"quantize", "--model", data_file("families/llama"), "--output", output, "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_LT(outcome.json()["bytes_after"], outcome.json()["bytes_before"]);
  const Golden golden("families/llama.golden.safetensors");
  const std::vector<Json> saved =
      peft({"score", "--model", output, "--data", rows_of(golden), "--json"}).json_lines();
  const std::vector<Json> in_place = peft({"score", "--model", data_file("families/llama"), "--load-in-4bit",
                                           "--data", rows_of(golden), "--json"})
                                         .json_lines();
  ASSERT_EQ(saved.size(), 2u);
  EXPECT_EQ(saved, in_place);
  EXPECT_EQ(peft({"quantize", "--model", output, "--output", folder_.file("again")}).status, 1);
}

TEST_F(Models, EvalTellsLossAndExactMatch) {
  const std::string rows = data_file("training/rows.jsonl");
  const Outcome outcome =
      peft({"eval", "--model", data_file("families/llama"), "--adapter",
            data_file("training/llama_lora/final"), "--data", rows, "--exact-match", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json result = outcome.json();
  EXPECT_LT(result["loss"], result["base"]["loss"]);
  EXPECT_NEAR(result["perplexity"].get<double>(), std::exp(result["loss"].get<double>()), 1e-6);
  EXPECT_EQ(result["answers"].size(), result["answered_rows"].get<size_t>());
  EXPECT_GT(result["answered_rows"], 0);
  const Outcome people = peft({"eval", "--model", data_file("families/llama"), "--data", rows});
  EXPECT_EQ(people.status, 0);
  EXPECT_THAT(people.out, HasSubstr("perplexity"));
}

}  // namespace
}  // namespace peft::test
