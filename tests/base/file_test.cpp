#include "base/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::TemporaryFolder;

std::string read(const InputFile& file, int64_t offset, size_t size) {
  std::string text(size, '?');
  file.read_at(offset, std::as_writable_bytes(std::span(text)));
  return text;
}

TEST(InputFiles, ReadsAtOffsets) {
  const TemporaryFolder folder;
  write_text_file(folder.file("a"), "0123456789");
  InputFile file = InputFile::open(folder.file("a"));
  EXPECT_EQ(file.size(), 10);
  EXPECT_EQ(read(file, 3, 4), "3456");
  EXPECT_EQ(read(file, 10, 0), "");
  const InputFile moved = std::move(file);
  EXPECT_EQ(read(moved, 0, 10), "0123456789");
  EXPECT_ERROR(Code::io, "cannot read bytes 8 to 12: the file ends at 10", read(moved, 8, 4));
  EXPECT_ERROR(Code::format, "overflows", read(moved, INT64_MAX, 1));
}

TEST(InputFiles, TruncationWhileOpenIsAnError) {
  const TemporaryFolder folder;
  write_text_file(folder.file("a"), std::string(1000, 'x'));
  const InputFile file = InputFile::open(folder.file("a"));
  ASSERT_EQ(::truncate(folder.file("a").c_str(), 10), 0);
  EXPECT_ERROR(Code::io, "the file ends at 10", read(file, 0, 1000));
}

TEST(InputFiles, OnlyRegularFilesOpen) {
  const TemporaryFolder folder;
  EXPECT_ERROR(Code::not_found, "No such file", InputFile::open(folder.file("absent")));
  EXPECT_ERROR(Code::io, "not a regular file", InputFile::open(folder.path()));
  EXPECT_ERROR(Code::io, "not a regular file", InputFile::open("/dev/zero"));
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  EXPECT_ERROR(Code::io, "not a regular file", InputFile::open(folder.file("pipe")));
  EXPECT_ERROR(Code::invalid_argument, "NUL byte", InputFile::open(std::string("a\0b", 3)));
  EXPECT_ERROR(Code::invalid_argument, "empty path", InputFile::open(""));
}

TEST(InputFiles, TextIsBounded) {
  const TemporaryFolder folder;
  write_text_file(folder.file("a"), "12345");
  EXPECT_EQ(read_text_file(folder.file("a"), 5), "12345");
  EXPECT_ERROR(Code::limit, "5 bytes, at most 4 allowed", read_text_file(folder.file("a"), 4));
}

TEST(Paths, JoinAndSplit) {
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a//", "/b"), "a/b");
  EXPECT_EQ(join_path("/", "b"), "/b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(base_name("/a/b.txt"), "b.txt");
  EXPECT_EQ(base_name("a/b/"), "b");
  EXPECT_EQ(base_name("b"), "b");
  EXPECT_EQ(base_name("/"), "/");
}

TEST(Paths, MakeFolders) {
  const TemporaryFolder folder;
  make_folders(folder.file("a/b//c/"));
  EXPECT_TRUE(is_folder(folder.file("a/b/c")));
  make_folders(folder.file("a/b/c"));
  write_text_file(folder.file("file"), "");
  EXPECT_FALSE(is_folder(folder.file("file")));
  EXPECT_TRUE(path_exists(folder.file("file")));
  EXPECT_ERROR(Code::io, "cannot make the folder", make_folders(folder.file("file")));
  EXPECT_ERROR(Code::io, "file: cannot make the folder: File exists", make_folders(folder.file("file/x")));
}

TEST(OutputFiles, AppearsOnlyWithCommit) {
  const TemporaryFolder folder;
  write_text_file(folder.file("a"), "old");
  {
    OutputFile file(folder.file("a"));
    file.write("new text");
    EXPECT_EQ(file.size(), 8);
    EXPECT_EQ(read_text_file(folder.file("a"), 100), "old");
  }
  EXPECT_EQ(read_text_file(folder.file("a"), 100), "old");
  EXPECT_EQ(Folder::open(folder.path()).list(), std::vector<std::string>{"a"});

  OutputFile file(folder.file("a"));
  file.write("new text");
  file.commit();
  EXPECT_EQ(read_text_file(folder.file("a"), 100), "new text");
  EXPECT_EQ(Folder::open(folder.path()).list(), std::vector<std::string>{"a"});
  EXPECT_ERROR(Code::state, "committed after", file.commit());
  EXPECT_ERROR(Code::state, "written to after", file.write("x"));
}

TEST(OutputFiles, NeverReplacesWhatIsNoFile) {
  const TemporaryFolder folder;
  EXPECT_ERROR(Code::io, "not a regular file", OutputFile(folder.path()));
  EXPECT_ERROR(Code::io, "not a regular file", OutputFile("/dev/null"));
  EXPECT_ERROR(Code::not_found, "cannot create", OutputFile(folder.file("no/a")));
  // A name as long as a name may be leaves room for the temporary one.
  write_text_file(folder.file(std::string(255, 'n')), "x");
  EXPECT_ERROR(Code::io, "put the finished file of 1 bytes in place",
               write_text_file(folder.file(std::string(256, 'n')), "x"));
  EXPECT_EQ(Folder::open(folder.path()).list().size(), 1u);
}

TEST(OutputFiles, ReadersNeverSeeHalfAFile) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a");
  write_text_file(path, std::string(5000, 'a'));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (char c = 'b'; !stop; c = c == 'z' ? 'b' : static_cast<char>(c + 1))
      write_text_file(path, std::string(5000, c));
  });
  for (int i = 0; i < 200; ++i) {
    const std::string text = read_text_file(path, 10000);
    EXPECT_EQ(text, std::string(5000, text[0]));
  }
  stop = true;
  writer.join();
}

// XXH3-128 (seed 0) of the empty input, as the xxHash specification's reference gives it (xxh128sum of
// /dev/null).
TEST(Hashes, AreXxh3) {
  EXPECT_EQ(hash_bytes({}), "99aa06d3014798d86001c324468d497f");
  const TemporaryFolder folder;
  const std::string text(3000001, 'q');
  write_text_file(folder.file("a"), text);
  EXPECT_EQ(hash_file(InputFile::open(folder.file("a"))), hash_bytes(std::as_bytes(std::span(text))));
}

}  // namespace
}  // namespace peft
