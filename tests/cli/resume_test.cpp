// A training that is cut off at any step and resumed ends with the same bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "cli/program.h"
#include "support/temporary_folder.h"

namespace peft::test {
namespace {

using ::testing::HasSubstr;

constexpr int steps = 1500;  // about a second, so that a signal falls inside

class Resume : public ::testing::Test {
 protected:
  Words words(const std::string& name) const {
    // Dropout, a new order of rows in each epoch, evaluations and the best values: all of it must go on.
    return {"train",
            "--model",
            data_file("families/llama"),
            "--data",
            data_file("training/rows.jsonl"),
            "--eval-data",
            data_file("training/rows.jsonl"),
            "--eval-steps",
            "400",
            "--save-steps",
            "100",
            "--max-steps",
            std::to_string(steps),
            "--lora-rank",
            "4",
            "--lora-dropout",
            "0.1",
            "--batch-size",
            "1",
            "--grad-accum",
            "1",
            "--learning-rate",
            "1e-3",
            "--output-dir",
            folder_.file(name)};
  }
  std::string file(const std::string& name, const std::string& file) const {
    return folder_.file(name) + "/" + file;
  }

  // Sends the signal once that many steps are in metrics.jsonl.
  Outcome interrupt(const std::string& name, const Words& arguments, int step, int number) const {
    Program program(arguments);
    while (program.running()) {
      const std::string text = read_all(file(name, "metrics.jsonl"));
      if (std::count(text.begin(), text.end(), '\n') >= step) {
        program.signal(number);
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return program.wait();
  }

  void expect_whole(const std::string& name, const std::string& reference) const {
    const std::string weights = read_all(file(reference, "adapter_model.safetensors"));
    ASSERT_FALSE(weights.empty());
    EXPECT_TRUE(weights == read_all(file(name, "adapter_model.safetensors"))) << "the adapters differ";
    EXPECT_EQ(read_all(file(reference, "adapter_config.json")), read_all(file(name, "adapter_config.json")));
    const std::vector<Json> expected = read_lines(file(reference, "metrics.jsonl"));
    const std::vector<Json> found = read_lines(file(name, "metrics.jsonl"));
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      for (const char* key : {"step", "loss", "learning_rate", "grad_norm", "tokens", "epoch"})
        ASSERT_EQ(found[i][key], expected[i][key]) << "step " << i + 1 << ": " << key;
  }

  // A few cuts in one run, each at a random step after the last.
  void cut_and_resume(int number) {
    ASSERT_EQ(peft(words("whole")).status, 0);
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    int step = std::uniform_int_distribution<int>(1, steps / 3)(random);
    Outcome outcome = interrupt("cut", words("cut"), step, number);
    for (int cut = 0; cut < 3; ++cut) {
      // A signal may come when all steps are made.
      EXPECT_TRUE(outcome.status == 0 || outcome.status == (number == SIGINT ? 130 : 256 + number))
          << outcome.err;
      step += std::uniform_int_distribution<int>(1, steps / 3)(random);
      Words again = words("cut");
      again.push_back("--resume");
      outcome = interrupt("cut", again, step, number);
    }
    Words last = words("cut");
    last.push_back("--resume");
    outcome = peft(last);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    expect_whole("cut", "whole");
  }

  TemporaryFolder folder_;
};

TEST_F(Resume, AfterCtrlC) { cut_and_resume(SIGINT); }

TEST_F(Resume, AfterKill) { cut_and_resume(SIGKILL); }

TEST_F(Resume, CtrlCSavesTheStepItStandsAt) {
  Words arguments = words("run");
  arguments.push_back("--json");
  const Outcome outcome = interrupt("run", arguments, 150, SIGINT);
  if (outcome.status == 0) GTEST_SKIP() << "SKIPPED: the training was over before the signal";
  ASSERT_EQ(outcome.status, 130) << outcome.err;
  const Json result = outcome.json();
  EXPECT_EQ(result["status"], "interrupted");
  const int64_t step = result["step"];
  EXPECT_EQ(read_lines(file("run", "metrics.jsonl")).back()["step"], step);
  EXPECT_FALSE(read_all(file("run", "checkpoint-" + std::to_string(step) + "/manifest.json")).empty());
  EXPECT_EQ(peft({"inspect", file("run", "checkpoint-" + std::to_string(step))}).status, 0);
}

TEST_F(Resume, WithoutACheckpointItStartsAnewAndSaysSo) {
  Words arguments = words("run");
  arguments[12] = "5";  // --max-steps
  arguments.push_back("--resume");
  const Outcome outcome = peft(arguments);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("starting anew"));
  EXPECT_EQ(read_lines(file("run", "metrics.jsonl")).size(), 5u);
}

TEST_F(Resume, AFinishedRunIsNotChanged) {
  Words arguments = words("run");
  arguments[12] = "5";
  ASSERT_EQ(peft(arguments).status, 0);
  const auto snapshot = [&] {
    std::map<std::string, std::filesystem::file_time_type> times;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.file("run")))
      times[entry.path().string()] = entry.last_write_time();
    return times;
  };
  const auto before = snapshot();
  arguments.push_back("--resume");
  const Outcome outcome = peft(arguments);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("nothing is left to do"));
  EXPECT_EQ(before, snapshot());
}

TEST_F(Resume, AnotherTrainingIsNamed) {
  Words arguments = words("run");
  arguments[12] = "5";
  ASSERT_EQ(peft(arguments).status, 0);
  arguments.insert(arguments.end(), {"--resume", "--seed", "1"});
  const Outcome outcome = peft(arguments);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("seed"));
}

}  // namespace
}  // namespace peft::test
