// Exit statuses, spellings of settings, config files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/program.h"
#include "support/temporary_folder.h"

namespace peft::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::string llama = data_file("families/llama");
const std::string rows = data_file("training/rows.jsonl");

class Usage : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
};

// Settings are read before anything else happens, so a config can be tried on a command without a model.
Outcome with_config(const std::string& path) { return peft({"train", "--config", path}); }

TEST_F(Usage, HelpAndVersion) {
  EXPECT_EQ(peft({"--help"}).status, 0);
  EXPECT_EQ(peft({}).status, 2);
  EXPECT_THAT(peft({"--version"}).out, StartsWith("peft 0."));
  for (const char* command :
       {"train", "eval", "score", "generate", "chat", "merge", "quantize", "inspect", "estimate"}) {
    const Outcome outcome = peft({command, "--help"});
    EXPECT_EQ(outcome.status, 0) << command;
    EXPECT_THAT(outcome.out, HasSubstr("--json")) << command;
  }
}

TEST_F(Usage, WhatIsNotUnderstoodEndsWithTwo) {
  const Outcome command = peft({"trian"});
  EXPECT_EQ(command.status, 2);
  EXPECT_THAT(command.err, HasSubstr("did you mean 'train'"));
  const Outcome flag = peft({"train", "--lora-rnk", "8"});
  EXPECT_EQ(flag.status, 2);
  EXPECT_THAT(flag.err, HasSubstr("--lora-rank"));
  EXPECT_THAT(flag.out, IsEmpty());
  EXPECT_EQ(peft({"train", "--lora-rank", "eight"}).status, 2);
  EXPECT_EQ(peft({"train", "--lora-rank", "0"}).status, 2);
  EXPECT_EQ(peft({"train", "--lora-rank"}).status, 2);
  EXPECT_EQ(peft({"train", "--epochs", "nan"}).status, 2);
  EXPECT_EQ(peft({"train", "--lr-scheduler", "cosinus"}).status, 2);
  EXPECT_EQ(peft({"train"}).status, 2);
  EXPECT_EQ(peft({"generate", "--model", llama}).status, 2);
  EXPECT_EQ(peft({"inspect"}).status, 2);
  EXPECT_EQ(peft({"inspect", llama, llama}).status, 2);
}

// Numbers that no training and no answer can have: refused before anything is loaded, and the flag is named.
TEST_F(Usage, NumbersOutOfRangeNameTheFlag) {
  const std::pair<const char*, const char*> training[] = {
      {"--learning-rate", "-1"},
      {"--learning-rate", "1e7"},
      {"--learning-rate", "inf"},
      {"--lora-rank", "0"},
      {"--lora-rank", "65537"},
      {"--lora-rank", "1.5"},
      {"--lora-dropout", "1"},
      {"--lora-dropout", "-0.1"},
      {"--lora-alpha", "nan"},
      {"--epochs", "0"},
      {"--epochs", "-3"},
      {"--max-steps", "-1"},
      {"--batch-size", "0"},
      {"--grad-accum", "0"},
      {"--warmup-ratio", "1.01"},
      {"--warmup-steps", "-1"},
      {"--weight-decay", "-1"},
      {"--max-grad-norm", "-0.5"},
      {"--max-seq-length", "-1"},
      {"--seed", "-1"},
      {"--max-seq-length", "1048577"},
      {"--save-total-limit", "-1"},
      {"--save-steps", "-1"},
      {"--eval-steps", "-1"},
      {"--early-stopping-patience", "-1"},
  };
  for (const auto& [flag, value] : training) {
    const Outcome outcome = peft({"train", "--model", "nowhere", "--data", "nothing", "--output-dir",
                                  folder_.file("out"), std::string(flag) + "=" + value});
    EXPECT_EQ(outcome.status, 2) << flag << " " << value;
    EXPECT_THAT(outcome.err, StartsWith("peft: " + std::string(flag) + ": expected ")) << value;
    EXPECT_THAT(outcome.err, HasSubstr(value)) << flag;
  }
  const std::pair<const char*, const char*> answering[] = {
      {"--temperature", "-1"},       {"--top-p", "0"},  {"--top-p", "1.5"},         {"--min-p", "2"},
      {"--repetition-penalty", "0"}, {"--top-k", "-1"}, {"--max-new-tokens", "-1"}, {"--threads", "-1"},
  };
  for (const auto& [flag, value] : answering) {
    const Outcome outcome =
        peft({"generate", "--model", "nowhere", "--prompt", "a", std::string(flag) + "=" + value});
    EXPECT_EQ(outcome.status, 2) << flag << " " << value;
    EXPECT_THAT(outcome.err, StartsWith("peft: " + std::string(flag) + ": expected ")) << value;
  }
  write_all(folder_.file("run.yaml"), "model: m\nlearning_rate: -1\n");
  const Outcome file = with_config(folder_.file("run.yaml"));
  EXPECT_EQ(file.status, 2);
  EXPECT_THAT(file.err, HasSubstr("run.yaml:2: learning_rate: expected a number from 0"));
}

TEST_F(Usage, TypesThatModelsCannotLoadAsAreNamed) {
  for (const char* type : {"float16", "q8_0"}) {
    const Outcome outcome = peft({"eval", "--model", llama, "--data", rows, "--dtype", type});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err,
                HasSubstr(std::string("--dtype: expected as-stored, float32 or bfloat16, found '") + type));
  }
  EXPECT_EQ(peft({"eval", "--model", llama, "--data", rows, "--compute-dtype", "float16"}).status, 2);
}

TEST_F(Usage, MessagesThatAreNoneNameFilePlaceAndField) {
  const std::string path = folder_.file("chat.json");
  const std::pair<const char*, const char*> bad[] = {
      {"[{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"user\"}]",
       "chat.json: message 1: field 'content': expected a text, found nothing"},
      {"[{\"role\": \"user\", \"content\": 5}]", "message 0: field 'content': expected a text, found number"},
      {"[{\"role\": \"user\", \"content\": null}]",
       "message 0: field 'content': expected a text, found null"},
      {"[{\"content\": \"a\"}]", "message 0: field 'role': expected a name, found nothing"},
      {"[{\"role\": \"\", \"content\": \"a\"}]", "message 0: field 'role': expected a name"},
      {"[5]", "message 0: expected an object, found number"},
      {"{}", "chat.json: expected an array of messages, found object"},
      {"[]", "chat.json: expected an array of messages, found none"},
      {"[{]", "chat.json: malformed JSON"},
  };
  for (const auto& [text, message] : bad) {
    write_all(path, text);
    const Outcome outcome = peft({"generate", "--model", llama, "--messages", path});
    EXPECT_EQ(outcome.status, 1) << text;
    EXPECT_THAT(outcome.err, HasSubstr(message)) << text;
  }
}

// Said before the model is even looked for, not after hours of work.
TEST_F(Usage, OutputsThatCannotBeWrittenAreRefusedAtOnce) {
  const auto refused = [&](const std::string& output, const Words& more, int status, const std::string& why) {
    for (const char* command : {"merge", "quantize"}) {
      Words words = {command, "--model", "nowhere", "--output", output};
      if (words[0] == "merge") words.insert(words.end(), {"--adapter", "none"});
      words.insert(words.end(), more.begin(), more.end());
      const Outcome outcome = peft(words);
      EXPECT_EQ(outcome.status, status) << command << " " << output;
      EXPECT_THAT(outcome.err, HasSubstr(output)) << command;
      EXPECT_THAT(outcome.err, HasSubstr(why)) << command;
    }
  };
  refused(folder_.file("no/such/place"), {}, 1, "there is no folder " + folder_.file("no/such"));
  write_all(folder_.file("notes.txt"), "mine");
  refused(folder_.file("notes.txt"), {}, 1, "is there already");
  refused(folder_.file("notes.txt"), {"--overwrite"}, 1, "expected a folder to replace, found a file");
  refused(folder_.path(), {"--overwrite"}, 1, "holds no config.json");
  EXPECT_EQ(read_all(folder_.file("notes.txt")), "mine");
  const Outcome gguf = peft({"quantize", "--model", "nowhere", "--output", folder_.file("a.gguf")});
  EXPECT_EQ(gguf.status, 2);
  EXPECT_THAT(gguf.err, HasSubstr("--output: expected a folder"));
}

TEST_F(Usage, ScoreGivesEveryRowItsLine) {
  write_all(folder_.file("rows.jsonl"),
            "{\"token_ids\": [1, 2]}\n{\"token_ids\": []}\n{\"token_ids\": [3, 4, 5]}\n");
  const Outcome outcome =
      peft({"score", "--model", llama, "--data", folder_.file("rows.jsonl"), "--json", "--logprobs"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::vector<Json> lines = outcome.json_lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1],
            (Json{{"token_ids", Json::array()}, {"count", 0}, {"nll", 0.0}, {"logprobs", Json::array()}}));
  EXPECT_GT(lines[2]["nll"], 0.0);
  EXPECT_EQ(peft({"score", "--model", llama, "--data", folder_.file("rows.jsonl")}).status, 0);
}

TEST_F(Usage, WhatFailsEndsWithOneAndNamesTheFile) {
  const Outcome missing = peft({"score", "--model", folder_.file("none"), "--data", rows, "--json"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr(folder_.file("none")));
  EXPECT_THAT(missing.err, ::testing::EndsWith("No such file or directory\n"));
  EXPECT_THAT(missing.out, IsEmpty());
  write_all(folder_.file("bad.jsonl"), "{\"token_ids\": [1, 2]}\n{\"token_ids\": [1, -2]}\n");
  const Outcome bad = peft({"score", "--model", llama, "--data", folder_.file("bad.jsonl"), "--json"});
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, HasSubstr("bad.jsonl:2"));
  EXPECT_EQ(bad.json_lines().size(), 1u);
  write_all(folder_.file("text.jsonl"), "{\"text\": \"hello\"}\n");
  const Outcome text = peft({"score", "--model", llama, "--data", folder_.file("text.jsonl")});
  EXPECT_EQ(text.status, 1);
  EXPECT_THAT(text.err, HasSubstr("tokenizer"));
}

TEST_F(Usage, UnknownKeysOfAConfigNameTheNearest) {
  const std::string yaml = folder_.file("run.yaml");
  write_all(yaml, "model: m\nlora_rnak: 8\n");
  const Outcome outcome = with_config(yaml);
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("run.yaml:2"));
  EXPECT_THAT(outcome.err, HasSubstr("lora_rnak"));
  EXPECT_THAT(outcome.err, HasSubstr("did you mean 'lora_rank'"));
  const std::string json = folder_.file("run.json");
  write_all(json, "{\n\t\"model\": \"m\",\n\t\"learning_rat\": 1e-4\n}\n");
  EXPECT_THAT(with_config(json).err, HasSubstr("did you mean 'learning_rate'"));
}

TEST_F(Usage, MalformedConfigsAreUsageErrors) {
  const std::string path = folder_.file("run.yaml");
  for (const char* text :
       {"- a\n- b\n", "model: {a: 1}\n", "model: m\nmodel: n\n", "lora_rank: [1, [2]]\n", "a: [\n",
        "epochs: many\n", "packing: perhaps\n", "{\"model\": \"m\",,}", "*x\n", "\t\n: :"}) {
    write_all(path, text);
    EXPECT_EQ(with_config(path).status, 2) << text;
  }
  write_all(path, std::string(100000, '['));
  EXPECT_EQ(with_config(path).status, 2);
  EXPECT_EQ(with_config(folder_.file("none.yaml")).status, 1);
}

// The estimate depends on rank and length: equal figures mean equal settings.
Json estimate(const Words& more) {
  Words words = {"estimate", "--model", llama, "--json"};
  words.insert(words.end(), more.begin(), more.end());
  const Outcome outcome = peft(words);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return outcome.json();
}

TEST_F(Usage, AliasesOfOtherLibrariesAndFlagsThatWin) {
  const int64_t r4 = estimate({"--lora-rank", "4"})["trainable_elements"];
  const int64_t r8 = estimate({"--lora-rank=8"})["trainable_elements"];
  EXPECT_EQ(r8, 2 * r4);
  EXPECT_EQ(estimate({})["trainable_elements"], 4 * r4);
  EXPECT_EQ(estimate({"--r", "4"})["trainable_elements"], r4);
  EXPECT_EQ(estimate({"--lora_r", "4"})["trainable_elements"], r4);
  EXPECT_EQ(estimate({"--lora_rank", "8", "--lora-rank", "4"})["trainable_elements"], r4);
  const std::string path = folder_.file("peft.yaml");
  write_all(path,
            "# as others spell it\nbase_model: nowhere\nr: 4\nper_device_train_batch_size: "
            "3\nnum_train_epochs: 2.0\n"
            "lora_target_modules: [q_proj, v_proj]\ngradient_checkpointing: no\nwarmup_steps: null\n");
  const Json listed = estimate({"--config", path});
  EXPECT_EQ(listed["trainable_elements"],
            estimate({"--r", "4", "--target-modules", "q_proj,v_proj"})["trainable_elements"]);
  EXPECT_EQ(estimate({"--config", path, "--lora-rank", "8"})["trainable_elements"],
            2 * listed["trainable_elements"].get<int64_t>());
}

TEST_F(Usage, EstimateGrowsWithTheJob) {
  const Json small = estimate({"--max-seq-length", "32", "--batch-size", "1"});
  const Json large = estimate({"--max-seq-length", "128", "--batch-size", "8"});
  EXPECT_GT(small["peak_bytes"], 0);
  EXPECT_GT(large["activation_bytes"], small["activation_bytes"]);
  EXPECT_EQ(estimate({"--job", "generate", "--max-seq-length", "64"})["gradient_bytes"], 0);
  EXPECT_EQ(peft({"estimate", "--model", llama}).status, 0);
}

}  // namespace
}  // namespace peft::test
