#include "formats/state_file.h"

#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::TemporaryFolder;
using test::write_bytes;

void make_checkpoint(const TemporaryFolder& root, int64_t step) {
  const std::string path = root.file("checkpoint-" + std::to_string(step));
  OutputFolder folder(path);
  write_bytes(join_path(folder.staging_path(), "a"), "first " + std::to_string(step));
  make_folders(join_path(folder.staging_path(), "inner"));
  write_bytes(join_path(folder.staging_path(), "inner/b"), std::string(5000, 'b'));
  write_manifest(folder.staging_path(), {{"step", step}});
  folder.commit();
}

TEST(StateFile, ManifestRoundTrip) {
  const TemporaryFolder root;
  make_checkpoint(root, 3);
  EXPECT_EQ(read_manifest(root.file("checkpoint-3")), (Json{{"step", 3}}));
}

TEST(StateFile, EveryDamageIsSeen) {
  const auto damaged = [](Code code, const char* message, const auto& change) {
    const TemporaryFolder root;
    make_checkpoint(root, 3);
    change(root.file("checkpoint-3"));
    EXPECT_ERROR(code, message, read_manifest(root.file("checkpoint-3")));
  };
  damaged(Code::mismatch, "inner/b",
          [](const std::string& path) { test::patch_byte(path + "/inner/b", 4999, 'c'); });
  damaged(Code::mismatch, "expected 5000 bytes, found 4999",
          [](const std::string& path) { std::filesystem::resize_file(path + "/inner/b", 4999); });
  damaged(Code::mismatch, "'a' is missing",
          [](const std::string& path) { std::filesystem::remove(path + "/a"); });
  damaged(Code::mismatch, "'inner/b' is missing",
          [](const std::string& path) { std::filesystem::remove_all(path + "/inner"); });
  damaged(Code::mismatch, "'c' is not in the manifest",
          [](const std::string& path) { write_bytes(path + "/c", "x"); });
  damaged(Code::not_found, "no manifest.json",
          [](const std::string& path) { std::filesystem::remove(path + "/manifest.json"); });
  damaged(Code::format, "manifest.json",
          [](const std::string& path) { std::filesystem::resize_file(path + "/manifest.json", 40); });
  damaged(Code::format, "not a regular file", [](const std::string& path) {
    std::filesystem::remove(path + "/a");
    std::filesystem::create_symlink("/dev/zero", path + "/a");
  });
  const auto manifest = [&](Code code, const char* message, const std::string& text) {
    damaged(code, message, [&](const std::string& path) { write_bytes(path + "/manifest.json", text); });
  };
  manifest(Code::format, "expected an object 'files'", R"({"version":1,"state":null})");
  manifest(Code::unsupported, "version 2", R"({"version":2,"files":{},"state":null})");
  manifest(Code::mismatch, "'../../etc/passwd' is missing",
           R"({"version":1,"files":{"../../etc/passwd":{"bytes":1,"hash":"0"}}})");
  manifest(Code::format, "bytes", R"({"version":1,"files":{"a":{"hash":"0"}}})");
  manifest(Code::format, "expected an object", R"({"version":1,"files":{"a":7}})");
}

TEST(StateFile, NewestCompleteCheckpointWins) {
  const TemporaryFolder root;
  EXPECT_FALSE(newest_complete(root.path()).newest);
  EXPECT_FALSE(newest_complete(root.file("nowhere")).newest);
  for (const int64_t step : {2, 10, 9}) make_checkpoint(root, step);
  EXPECT_EQ(checkpoint_steps(root.path()), (std::vector<int64_t>{2, 9, 10}));
  const CheckpointSearch all = newest_complete(root.path());
  ASSERT_TRUE(all.newest);
  EXPECT_EQ(all.newest->step, 10);
  EXPECT_EQ(all.newest->path, root.file("checkpoint-10"));
  EXPECT_EQ(all.newest->state["step"], 10);
  EXPECT_TRUE(all.skipped.empty());

  // Temporaries, odd names and plain files are not looked at; a damaged one is passed over and named.
  make_folders(root.file(".checkpoint-11.123-1.tmp"));
  make_folders(root.file("checkpoint-011"));
  make_folders(root.file("checkpoint-"));
  make_folders(root.file("checkpoint-12x"));
  make_folders(root.file("checkpoint--3"));
  make_folders(root.file("checkpoint-99999999999999999999"));
  write_bytes(root.file("checkpoint-20"), "a file");
  make_folders(root.file("checkpoint-21"));
  test::patch_byte(root.file("checkpoint-10/a"), 0, 'F');
  const CheckpointSearch damaged = newest_complete(root.path());
  ASSERT_TRUE(damaged.newest);
  EXPECT_EQ(damaged.newest->step, 9);
  ASSERT_EQ(damaged.skipped.size(), 2u);
  EXPECT_NE(damaged.skipped[0].find("checkpoint-21: no manifest.json"), std::string::npos);
  EXPECT_NE(damaged.skipped[1].find("checkpoint-10/a"), std::string::npos);

  remove_stale_checkpoints(root.path());
  EXPECT_FALSE(path_exists(root.file(".checkpoint-11.123-1.tmp")));
  EXPECT_TRUE(path_exists(root.file("checkpoint-10")));
}

}  // namespace
}  // namespace peft
