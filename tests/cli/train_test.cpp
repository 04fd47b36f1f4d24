// Trainings from the command line: PEFT's loss curves, the files of the output folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/program.h"
#include "support/temporary_folder.h"

namespace peft::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string llama = data_file("families/llama");
const std::string rows = data_file("training/rows.jsonl");

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

class Train : public ::testing::Test {
 protected:
  std::string out(const std::string& name) const { return folder_.file(name); }
  Words small(const std::string& name) const {
    return {"train",   "--model",     llama, "--data",      rows, "--output-dir",
            out(name), "--max-steps", "6",   "--lora-rank", "4"};
  }
  TemporaryFolder folder_;
};

class Curves : public Train, public ::testing::WithParamInterface<const char*> {};

TEST_P(Curves, EqualPeft) {
  const std::string test_case = std::string("training/") + GetParam();
  const Json expected = Json::parse(read_all(data_file(test_case + "/expected.json")));
  const Outcome outcome = peft({"train",
                                "--model",
                                data_file("families/" + expected["base"].get<std::string>()),
                                "--data",
                                rows,
                                "--init-adapter",
                                data_file(test_case + "/start"),
                                "--no-shuffle",
                                "--no-append-eos",
                                "--max-grad-norm",
                                "0",
                                "--weight-decay",
                                "0",
                                "--lr-scheduler",
                                "constant",
                                "--learning-rate",
                                expected["learning_rate"].dump(),
                                "--batch-size",
                                expected["batch"].dump(),
                                "--grad-accum",
                                expected["accumulation"].dump(),
                                "--max-steps",
                                std::to_string(expected["losses"].size()),
                                "--output-dir",
                                out("run"),
                                "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["status"], "finished");
  const std::vector<Json> lines = read_lines(out("run") + "/metrics.jsonl");
  ASSERT_EQ(lines.size(), expected["losses"].size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const double loss = expected["losses"][i];
    EXPECT_EQ(lines[i]["step"], i + 1);
    EXPECT_EQ(lines[i]["learning_rate"], expected["learning_rate"]);
    EXPECT_NEAR(lines[i]["loss"].get<double>(), loss, 1e-4 * loss) << "step " << i + 1;
  }
}

INSTANTIATE_TEST_SUITE_P(Peft, Curves,
                         ::testing::Values("llama_lora", "llama_lora_accumulate", "llama_lora_head",
                                           "llama_ia3", "llama_prompt", "gpt2_lora", "gpt2_ia3",
                                           "gpt2_prompt", "qwen2_lora_bias"),
                         [](const auto& param) { return std::string(param.param); });

TEST_F(Train, FillsTheOutputFolder) {
  const Outcome outcome = peft(small("run"));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  for (const char* text :
       {"LoRA r4 alpha 32", "12 rows", "6 steps", "estimated of", "step 6/6", "peft merge"})
    EXPECT_THAT(outcome.out, HasSubstr(text));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\r"))) << "a progress line where there is no terminal";
  const std::vector<Json> lines = read_lines(out("run") + "/metrics.jsonl");
  ASSERT_EQ(lines.size(), 6u);
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["step"], i + 1);
    for (const char* name :
         {"loss", "learning_rate", "grad_norm", "tokens", "tokens_per_second", "peak_memory_bytes"})
      EXPECT_TRUE(lines[i].contains(name) && lines[i][name].is_number()) << name;
    EXPECT_GT(lines[i]["peak_memory_bytes"], 1000000);
  }
  EXPECT_EQ(lines[0]["learning_rate"], 0);  // the first step of a warm-up
  const Json config = Json::parse(read_all(out("run") + "/adapter_config.json"));
  EXPECT_EQ(config["r"], 4);
  EXPECT_EQ(config["peft_type"], "LORA");
  EXPECT_THAT(read_all(out("run") + "/checkpoint-6/manifest.json"), Not(IsEmpty()));
  EXPECT_THAT(read_all(out("run") + "/README.md"), HasSubstr("LoRA r4"));
  EXPECT_EQ(peft({"inspect", out("run"), "--json"}).json()["kind"], "adapter");
}

TEST_F(Train, TheResolvedConfigRepeatsTheRun) {
  ASSERT_EQ(peft(small("one") + Words{"--seed", "7", "--lora-dropout", "0.1", "--no-shuffle"}).status, 0);
  const Outcome again =
      peft({"train", "--config", out("one") + "/train_config.yaml", "--output-dir", out("two")});
  ASSERT_EQ(again.status, 0) << again.err;
  const std::string weights = read_all(out("one") + "/adapter_model.safetensors");
  EXPECT_FALSE(weights.empty());
  EXPECT_EQ(weights, read_all(out("two") + "/adapter_model.safetensors"));
  ASSERT_EQ(peft(small("other") + Words{"--seed", "8", "--lora-dropout", "0.1", "--no-shuffle"}).status, 0);
  EXPECT_NE(weights, read_all(out("other") + "/adapter_model.safetensors"));
}

TEST_F(Train, AStartAdapterGoesThroughTheResolvedConfig) {
  const Words words = {"train",
                       "--model",
                       llama,
                       "--data",
                       rows,
                       "--max-steps",
                       "2",
                       "--init-adapter",
                       data_file("training/llama_lora/start"),
                       "--output-dir",
                       out("one")};
  ASSERT_EQ(peft(words).status, 0);
  EXPECT_EQ(peft({"train", "--config", out("one") + "/train_config.yaml", "--output-dir", out("two")}).status,
            0);
  const Outcome both = peft(words + Words{"--lora-rank", "8", "--overwrite"});
  EXPECT_EQ(both.status, 2);
  EXPECT_THAT(both.err, HasSubstr("lora-rank"));
}

TEST_F(Train, AnotherRunIsNotOverwrittenUnasked) {
  ASSERT_EQ(peft(small("run")).status, 0);
  const std::string weights = read_all(out("run") + "/adapter_model.safetensors");
  const Outcome refused = peft(small("run") + Words{"--seed", "9"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("--resume"));
  EXPECT_EQ(weights, read_all(out("run") + "/adapter_model.safetensors"));
  EXPECT_EQ(peft(small("run") + Words{"--seed", "9", "--overwrite"}).status, 0);
  EXPECT_NE(weights, read_all(out("run") + "/adapter_model.safetensors"));
  EXPECT_EQ(read_lines(out("run") + "/metrics.jsonl").size(), 6u);
}

TEST_F(Train, FoldersOfRowsAreEvaluatedToo) {
  const std::string data = out("data");
  ASSERT_EQ(mkdir(data.c_str(), 0700), 0);
  write_all(data + "/train.jsonl", read_all(rows));
  write_all(data + "/valid.jsonl", "{\"token_ids\": [5, 9, 3, 77, 12, 40]}\n");
  Words words = small("run");
  words[4] = data;
  const Outcome outcome = peft(words + Words{"--eval-steps", "2", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const std::vector<Json> lines = read_lines(out("run") + "/evaluations.jsonl");
  ASSERT_EQ(lines.size(), 4u);  // before the first step, then after 2, 4 and 6
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i]["step"], 2 * i);
  double best = lines[0]["eval_loss"];
  for (const Json& line : lines) best = std::min(best, line["eval_loss"].get<double>());
  EXPECT_EQ(outcome.json()["best_eval_loss"].get<double>(), best);
  EXPECT_EQ(peft(small("other") + Words{"--early-stopping-patience", "2"}).status, 2);
}

// The records of TensorBoard's file: length, checksum, event, checksum; checked bit by bit.
uint32_t masked_checksum(const std::string& bytes) {
  uint32_t value = ~0u;
  for (const char byte : bytes) {
    value ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ 0x82F63B78u : value >> 1;
  }
  value = ~value;
  return ((value >> 15) | (value << 17)) + 0xA282EAD8u;
}

template <typename T>
T number_at(const std::string& bytes, size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

TEST_F(Train, WritesEventsForTensorBoard) {
  ASSERT_EQ(peft(small("run") + Words{"--report-to", "tensorboard"}).status, 0);
  std::string text;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(out("run") + "/runs"))
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) text = read_all(entry.path());
  int records = 0, losses = 0;
  size_t at = 0;
  while (at + 16 <= text.size()) {
    const auto length = number_at<uint64_t>(text, at);
    ASSERT_EQ(number_at<uint32_t>(text, at + 8), masked_checksum(text.substr(at, 8)));
    ASSERT_LE(length, text.size() - at - 16);
    const std::string event = text.substr(at + 12, length);
    ASSERT_EQ(number_at<uint32_t>(text, at + 12 + length), masked_checksum(event));
    if (event.find("train/loss") != event.npos) ++losses;
    ++records;
    at += 16 + length;
  }
  EXPECT_EQ(at, text.size());
  EXPECT_EQ(records, 1 + 6 * 5);
  EXPECT_EQ(losses, 6);
}

TEST_F(Train, BadRowsNameFileAndLine) {
  write_all(out("bad.jsonl"), "{\"token_ids\": [1, 2, 3]}\n{\"token_ids\": [1, 2\n");
  Words words = small("run");
  words[4] = out("bad.jsonl");
  const Outcome outcome = peft(words + Words{"--json"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("bad.jsonl:2"));
  EXPECT_THAT(outcome.out, IsEmpty());
  write_all(out("bad.jsonl"), "{\"token_ids\": [1, 2, 96]}\n");
  EXPECT_EQ(peft(words).status, 1);
  EXPECT_THAT(read_all(out("run") + "/metrics.jsonl"), IsEmpty());
}

// Reading the data takes minutes where there is much of it, and its errors are no answer to "which GPU?".
TEST_F(Train, AGpuThatIsAbsentIsNamedBeforeTheDataIsRead) {
  const std::string module = out("no/libpeft_cuda.so");
  const char* const before = std::getenv("LIBPEFT_CUDA");
  const std::string kept = before ? before : "";
  setenv("LIBPEFT_CUDA", module.c_str(), 1);
  write_all(out("bad.jsonl"), "{");
  const Words words = {"train", "--model", llama, "--data", out("bad.jsonl"), "--output-dir", out("run"), "--device"};
  for (const char* device : {"cuda", "cuda:0"}) {
    const Outcome outcome = peft(words + Words{device});
    EXPECT_EQ(outcome.status, 1) << device;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(module), Not(HasSubstr("bad.jsonl")))) << device;
  }
  for (const char* device : {"cpu", "auto"})
    EXPECT_THAT(peft(words + Words{device}).err, AllOf(HasSubstr("bad.jsonl"), Not(HasSubstr(module)))) << device;
  EXPECT_EQ(peft(words + Words{"tpu"}).status, 1);
  EXPECT_FALSE(std::filesystem::exists(out("run")));
  if (before) {
    setenv("LIBPEFT_CUDA", kept.c_str(), 1);
  } else {
    unsetenv("LIBPEFT_CUDA");
  }
}

TEST_F(Train, FourBitsAndOtherMethods) {
  EXPECT_EQ(peft(small("nf4") + Words{"--load-in-4bit"}).status, 0);
  write_all(out("ia3.json"), R"({"peft_type": "IA3", "task_type": "CAUSAL_LM"})");
  const Outcome ia3 = peft({"train", "--model", llama, "--data", rows, "--max-steps", "2", "--adapter-config",
                            out("ia3.json"), "--output-dir", out("ia3")});
  EXPECT_EQ(ia3.status, 0) << ia3.err;
  EXPECT_EQ(Json::parse(read_all(out("ia3") + "/adapter_config.json"))["peft_type"], "IA3");
  EXPECT_EQ(peft(small("bf16") + Words{"--compute-dtype", "bfloat16", "--dtype", "bfloat16", "--packing",
                                       "--activation-checkpointing"})
                .status,
            0);
}

TEST_F(Train, WhatAStepKeeps) {
  const Outcome kept = peft(small("kept")), chosen = peft(small("chosen") + Words{"--activation-memory", "auto"}),
                layers = peft(small("layers") + Words{"--activation-memory", "checkpoint"});
  EXPECT_EQ(chosen.status, 0) << chosen.err;
  EXPECT_EQ(layers.status, 0) << layers.err;
  const auto adapter = [&](const char* name) { return read_all(out(name) + "/adapter_model.safetensors"); };
  EXPECT_THAT(adapter("kept"), Not(IsEmpty()));
  EXPECT_EQ(adapter("chosen"), adapter("kept"));
  EXPECT_EQ(adapter("layers"), adapter("kept"));
  // The CPU has no other memory to leave them in.
  const Outcome offloaded = peft(small("offloaded") + Words{"--activation-memory", "offload"});
  EXPECT_EQ(offloaded.status, 1);
  EXPECT_THAT(offloaded.err, HasSubstr("the model's device has no other memory"));
  const Outcome moments = peft(small("moments") + Words{"--optimizer-memory", "host"});
  EXPECT_EQ(moments.status, 1);
  EXPECT_THAT(moments.err, HasSubstr("optimizer_placement"));
  const Outcome embedding = peft(small("embedding") + Words{"--embedding-memory", "host"});
  EXPECT_EQ(embedding.status, 1);
  EXPECT_THAT(embedding.err, HasSubstr("embedding_placement"));
  EXPECT_EQ(peft(small("open") + Words{"--optimizer-memory", "auto"}).status, 0);
  const Outcome both = peft(small("both") + Words{"--activation-checkpointing", "--activation-memory", "offload"});
  EXPECT_EQ(both.status, 2);
  EXPECT_THAT(both.err, HasSubstr("only one can decide"));
}

}  // namespace
}  // namespace peft::test
