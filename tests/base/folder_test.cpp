#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::TemporaryFolder;
using Names = std::vector<std::string>;

TEST(Folders, NothingOutsideIsOpened) {
  const TemporaryFolder root;
  write_text_file(root.file("secret"), "secret");
  make_folders(root.file("model/sub"));
  write_text_file(root.file("model/sub/inner"), "x");
  write_text_file(root.file("model/a"), "inside");
  const Folder folder = Folder::open(root.file("model"));
  EXPECT_EQ(folder.read_text("a", 100), "inside");
  for (const std::string& name :
       {std::string("../secret"), std::string(".."), std::string("."), std::string(""), root.file("secret"),
        std::string("sub/inner"), std::string("a\0b", 3), std::string("sub/../a"),
        std::string("/etc/passwd")}) {
    EXPECT_FALSE(folder.contains(name)) << name;
    EXPECT_ERROR(Code::format, "is not the name of a file in this folder", folder.open_file(name));
  }
  EXPECT_ERROR(Code::io, "not a regular file", folder.open_file("sub"));
  EXPECT_ERROR(Code::not_found, "model/absent", folder.open_file("absent"));
  EXPECT_ERROR(Code::limit, "6 bytes, at most 5", folder.read_text("a", 5));
  EXPECT_FALSE(folder.contains("sub"));
  EXPECT_EQ(folder.list(), (Names{"a", "sub"}));
  EXPECT_ERROR(Code::not_found, "absent", Folder::open(root.file("absent")));
  EXPECT_ERROR(Code::not_found, "cannot open the folder", Folder::open(root.file("secret")));
}

TEST(Folders, LinksAreFollowedToRegularFilesWhereAllowed) {
  const TemporaryFolder root;
  make_folders(root.file("model"));
  write_text_file(root.file("blob"), "data");
  ASSERT_EQ(::symlink("../blob", root.file("model/link").c_str()), 0);
  ASSERT_EQ(::symlink("/dev/zero", root.file("model/device").c_str()), 0);
  ASSERT_EQ(::symlink("loop", root.file("model/loop").c_str()), 0);
  ASSERT_EQ(::symlink("..", root.file("model/up").c_str()), 0);
  ASSERT_EQ(::symlink("gone", root.file("model/dangling").c_str()), 0);
  const Folder following = Folder::open(root.file("model"));
  EXPECT_EQ(following.read_text("link", 100), "data");
  EXPECT_TRUE(following.contains("link"));
  EXPECT_ERROR(Code::io, "not a regular file", following.open_file("device"));
  EXPECT_ERROR(Code::io, "not a regular file", following.open_file("up"));
  EXPECT_ERROR(Code::io, "cannot follow the link", following.open_file("loop"));
  EXPECT_ERROR(Code::not_found, "cannot follow the link", following.open_file("dangling"));
  const Folder strict = Folder::open(root.file("model"), /*follow_links=*/false);
  EXPECT_FALSE(strict.contains("link"));
  EXPECT_ERROR(Code::io, "links are not followed here", strict.open_file("link"));
}

TEST(OutputFolders, AppearsAndReplacesAsOneStep) {
  const TemporaryFolder root;
  const std::string path = root.file("adapter");
  {
    OutputFolder output(path + "/");
    write_text_file(join_path(output.staging_path(), "a"), "1");
    make_folders(join_path(output.staging_path(), "deep/er"));
    write_text_file(join_path(output.staging_path(), "deep/er/b"), "2");
    EXPECT_FALSE(path_exists(path));
    output.commit();
    EXPECT_ERROR(Code::state, "committed twice", output.commit());
  }
  EXPECT_EQ(read_text_file(path + "/deep/er/b", 10), "2");
  {
    OutputFolder output(path);
    write_text_file(join_path(output.staging_path(), "c"), "3");
    EXPECT_EQ(Folder::open(path).list(), (Names{"a", "deep"}));
    output.commit();
  }
  EXPECT_EQ(Folder::open(path).list(), Names{"c"});
  EXPECT_EQ(Folder::open(root.path()).list(), Names{"adapter"});
}

TEST(OutputFolders, WithoutCommitNothingChanges) {
  const TemporaryFolder root;
  make_folders(root.file("adapter"));
  write_text_file(root.file("adapter/a"), "old");
  {
    OutputFolder output(root.file("adapter"));
    write_text_file(join_path(output.staging_path(), "a"), "new");
  }
  EXPECT_EQ(read_text_file(root.file("adapter/a"), 10), "old");
  EXPECT_EQ(Folder::open(root.path()).list(), Names{"adapter"});
  write_text_file(root.file("file"), "");
  EXPECT_ERROR(Code::io, "a file is there", OutputFolder(root.file("file")));
}

TEST(OutputFolders, LinkToAFolderStaysALink) {
  const TemporaryFolder root;
  make_folders(root.file("real"));
  ASSERT_EQ(::symlink("real", root.file("link").c_str()), 0);
  OutputFolder output(root.file("link"));
  write_text_file(join_path(output.staging_path(), "a"), "1");
  output.commit();
  struct stat status;
  ASSERT_EQ(::lstat(root.file("link").c_str(), &status), 0);
  EXPECT_TRUE(S_ISLNK(status.st_mode));
  EXPECT_EQ(read_text_file(root.file("real/a"), 10), "1");
}

TEST(RemoveFolder, NeverFollowsLinks) {
  const TemporaryFolder root;
  make_folders(root.file("keep"));
  write_text_file(root.file("keep/a"), "1");
  make_folders(root.file("gone/deep"));
  ASSERT_EQ(::symlink("../keep", root.file("gone/link").c_str()), 0);
  remove_folder(root.file("gone"));
  remove_folder(root.file("gone"));
  EXPECT_EQ(Folder::open(root.path()).list(), Names{"keep"});
  EXPECT_EQ(read_text_file(root.file("keep/a"), 10), "1");
}

}  // namespace
}  // namespace peft
