// What a failing disk does to a save: every system call of it fails in turn, each with several errors.
//
// The definitions below stand before the C library's: this program's calls come here first.
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace {

// The call with index `fail_at` (-1: none) of the armed thread fails with `error`; 0 shortens a write.
thread_local bool armed = false;
thread_local int fail_at = -1, calls = 0, error_to_give = 0;
thread_local std::vector<std::string> trace;

bool fails_now(const char* name) {
  if (!armed) return false;
  trace.push_back(name);
  if (calls++ != fail_at) return false;
  errno = error_to_give;
  return true;
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t size) {
  if (fails_now("write")) {
    if (error_to_give != 0) return -1;
    size = size / 2 + 1;
  }
  return syscall(SYS_write, descriptor, bytes, size);
}

int fsync(int descriptor) {
  if (fails_now("fsync") && error_to_give != 0) return -1;
  return static_cast<int>(syscall(SYS_fsync, descriptor));
}

int rename(const char* from, const char* to) noexcept {
  if (fails_now("rename") && error_to_give != 0) return -1;
  return static_cast<int>(syscall(SYS_rename, from, to));
}

int close(int descriptor) {
  const bool fails = fails_now("close") && error_to_give != 0;
  const int result = static_cast<int>(syscall(SYS_close, descriptor));
  if (!fails) return result;
  errno = error_to_give;
  return -1;
}

}  // extern "C"

namespace peft {
namespace {

using test::TemporaryFolder;

class Faults {
 public:
  Faults(int at, int error) {
    fail_at = at, error_to_give = error, calls = 0;
    trace.clear();
    armed = true;
  }
  ~Faults() { armed = false; }
};

constexpr int kept_errors[] = {ENOSPC, EIO, EDQUOT};

TEST(FileFaults, FailedSaveLeavesTheOldFileOrTheNewOneWhole) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a"), text(3000, 'n');
  int total = 0;
  {
    write_text_file(path, "old");
    const Faults faults(-1, 0);
    write_text_file(path, text);
    total = calls;
  }
  ASSERT_GE(total, 5);  // write, fsync, close, rename, fsync of the folder
  for (const int error : kept_errors)
    for (int at = 0; at < total; ++at) {
      write_text_file(path, "old");
      bool failed = false;
      std::string failing_call;
      try {
        const Faults faults(at, error);
        write_text_file(path, text);
      } catch (const Error& thrown) {
        failed = true;
        EXPECT_EQ(thrown.code(), Code::io);
        EXPECT_THAT(thrown.what(), testing::HasSubstr(folder.path()));
      }
      failing_call = trace.at(static_cast<size_t>(at));
      const std::string found = read_text_file(path, 10000);
      // Only the folder's own fsync and close come after the file is in place.
      const bool in_place = at > 3;
      EXPECT_EQ(found, in_place ? text : "old") << failing_call << " at " << at;
      EXPECT_TRUE(failed || (in_place && failing_call == "close")) << failing_call << " at " << at;
      EXPECT_EQ(Folder::open(folder.path()).list().size(), 1u)
          << "a temporary file stayed after " << failing_call;
    }
}

TEST(FileFaults, FailedSyncIsNeverTriedAgainOnTheSameFile) {
  const TemporaryFolder folder;
  OutputFile file(folder.file("a"));
  file.write("text");
  {
    const Faults faults(0, EIO);
    EXPECT_ERROR(Code::io, "cannot make it durable (4 bytes written", file.commit());
    EXPECT_EQ(std::count(trace.begin(), trace.end(), "fsync"), 1);
  }
  EXPECT_ERROR(Code::state, "after it failed", file.commit());
  EXPECT_TRUE(Folder::open(folder.path()).list().empty());
}

TEST(FileFaults, InterruptionsAndShortWritesAreGoneOver) {
  const TemporaryFolder folder;
  const std::string text(3000, 'n');
  for (const int error : {EINTR, 0})
    for (int at = 0; at < 6; ++at) {
      {
        const Faults faults(at, error);
        // rename and close are not interrupted on Linux; a close that says so has closed.
        if (error == EINTR && at == 3) continue;
        write_text_file(folder.file("a"), text);
      }
      EXPECT_EQ(read_text_file(folder.file("a"), 10000), text) << error << " at " << at;
    }
}

TEST(FileFaults, FullDiskNamesPathAndBytes) {
  const TemporaryFolder folder;
  OutputFile file(folder.file("a"));
  file.write("12345");
  const Faults faults(0, ENOSPC);
  EXPECT_ERROR(Code::io, "a: cannot write (5 bytes written, 7 more needed): No space left",
               file.write("1234567"));
}

TEST(FileFaults, FailedFolderCommitLeavesTheOldFolder) {
  const TemporaryFolder root;
  const std::string path = root.file("adapter");
  make_folders(path);
  write_text_file(path + "/a", "old");
  for (int at = 0; at < 4; ++at) {
    OutputFolder output(path);
    write_text_file(join_path(output.staging_path(), "a"), "new");
    bool failed = false;
    {
      const Faults faults(at, EIO);
      try {
        output.commit();
      } catch (const Error&) {
        failed = true;
      }
    }
    if (!failed) break;  // a close that failed after reading
    EXPECT_EQ(read_text_file(path + "/a", 10), "old") << trace.at(static_cast<size_t>(at));
  }
}

}  // namespace
}  // namespace peft
