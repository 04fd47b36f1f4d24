// libpeft_cuda.so on a machine without a GPU: it loads, and says in one line what is missing.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "cli/program.h"
#include "devices/cuda_module.h"
#include "support/temporary_folder.h"
#include "tensor/module.h"

namespace peft {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

bool has_driver() {
  void* const driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver) dlclose(driver);
  return driver != nullptr;
}

const ModuleTable* open_as(const ModuleHost& host, std::string& error) {
  void* const module = dlopen(PEFT_CUDA_MODULE, RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(module, nullptr) << dlerror();
  if (!module) return nullptr;
  const auto entry = reinterpret_cast<ModuleEntry*>(dlsym(module, module_entry_name));
  EXPECT_NE(entry, nullptr);
  char text[512] = {};
  const ModuleTable* const table = entry ? entry(&host, text, sizeof text) : nullptr;
  error = text;
  return table;
}

TEST(CudaModule, WithoutADriverItSaysSo) {
  if (has_driver()) GTEST_SKIP() << "NOT TESTED: this machine has an NVIDIA driver";
  try {
    open_module({PEFT_CUDA_MODULE});
    FAIL() << "it opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::device);
    EXPECT_STREQ(error.what(),
                 PEFT_CUDA_MODULE ": no NVIDIA driver on this machine (libcuda.so.1 is absent)");
  }
}

TEST(CudaModule, ALibraryOfAnotherVersionIsRefused) {
  ModuleHost host = {sizeof(ModuleHost), kernel_fingerprint() ^ 1, nullptr};
  std::string error;
  EXPECT_EQ(open_as(host, error), nullptr);
  EXPECT_THAT(error, HasSubstr("built for another version of the library: expected kernel list"));
  host = {sizeof(ModuleHost) - 8, kernel_fingerprint(), nullptr};
  EXPECT_EQ(open_as(host, error), nullptr);
  EXPECT_THAT(error, HasSubstr("found 0000000000000000"));
}

TEST(CudaModule, TrainingWithoutAGpuEndsInOneLineAndLeavesNothing) {
  if (has_driver()) GTEST_SKIP() << "NOT TESTED: this machine has an NVIDIA driver";
  setenv("LIBPEFT_CUDA", PEFT_CUDA_MODULE, 1);
  const test::TemporaryFolder folder;
  const std::string output = folder.file("run");
  const test::Outcome outcome =
      test::peft({"train", "--device", "cuda", "--model", test::data_file("families/llama"), "--data",
                  test::data_file("training/rows.jsonl"), "--output-dir", output, "--max-steps", "2"});
  unsetenv("LIBPEFT_CUDA");
  EXPECT_NE(outcome.status, 0);
  EXPECT_LT(outcome.status, 256) << "ended by a signal";
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("no NVIDIA driver on this machine"));
  EXPECT_FALSE(path_exists(output));
}

}  // namespace
}  // namespace peft
