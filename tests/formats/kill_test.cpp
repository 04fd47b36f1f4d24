// Saves that are killed at any moment: what was complete before, or what is complete now, is found; never a
// mixture.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "base/file.h"
#include "files.h"
#include "formats/adapter_folder.h"
#include "formats/state_file.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

// Runs `body` in a child, `wait` here, and kills the child when that returns. The child must not end by
// itself.
template <typename Body, typename Wait>
void run_and_kill(Body&& body, Wait&& wait) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      body();
    } catch (...) {
    }
    ::_exit(1);
  }
  wait();
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
}

void save(const std::string& path, float value) {
  const std::vector<float> values(5000, value);
  save_adapter_folder(path, {{"peft_type", "LORA"}},
                      {output_from_bytes("a", DType::f32, Shape{5000}, std::as_bytes(std::span(values)))});
}

TEST(Kill, AnAdapterIsTheOldOrTheNewOne) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("adapter");
  save(path, 0);
  std::mt19937 random(5);
  for (int i = 0; i < 25; ++i) {
    run_and_kill(
        [&] {
          for (int n = 1;; ++n) save(path, static_cast<float>(n));
        },
        [&] { ::usleep(random() % 40000); });
    const AdapterFolder adapter = open_adapter_folder(path);
    const auto values = test::read_tensor<float>(*adapter.tensors, "a");
    for (const float value : values) ASSERT_EQ(value, values[0]);
  }
  save(path, 7);
  EXPECT_EQ(Folder::open(path).list().size(), 2u) << "leftovers of killed saves are removed by the next one";
}

TEST(Kill, TheNewestCheckpointIsAtLeastTheLastReportedOne) {
  const test::TemporaryFolder folder;
  std::mt19937 random(6);
  int64_t reported = 0;
  for (int i = 0; i < 25; ++i) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const auto save_forever = [&] {
      remove_stale_checkpoints(folder.path());
      for (int64_t step = reported + 1;; ++step) {
        OutputFolder checkpoint(folder.file("checkpoint-" + std::to_string(step)));
        save(join_path(checkpoint.staging_path(), "adapter"), static_cast<float>(step));
        write_manifest(checkpoint.staging_path(), {{"step", step}});
        checkpoint.commit();
        if (::write(ends[1], &step, sizeof step) != sizeof step) return;
        if (step > 3) remove_folder(folder.file("checkpoint-" + std::to_string(step - 3)));
      }
    };
    const auto read_report = [&] {
      int64_t step = 0;
      if (::read(ends[0], &step, sizeof step) != sizeof step) return false;
      reported = step;
      return true;
    };
    // A moment within the save after the first one that was reported, however slow the disk is.
    run_and_kill(save_forever, [&] {
      ::close(ends[1]);
      EXPECT_TRUE(read_report());
      ::usleep(random() % 60000);
    });
    while (read_report()) {
    }
    ::close(ends[0]);
    const CheckpointSearch found = newest_complete(folder.path());
    ASSERT_TRUE(found.newest);
    EXPECT_GE(found.newest->step, reported);
    EXPECT_EQ(found.newest->state["step"], found.newest->step);
    const AdapterFolder adapter = open_adapter_folder(join_path(found.newest->path, "adapter"));
    EXPECT_EQ(test::read_tensor<float>(*adapter.tensors, "a")[0], static_cast<float>(found.newest->step));
    reported = found.newest->step;
  }
}

}  // namespace
}  // namespace peft
