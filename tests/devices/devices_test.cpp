#include "devices/devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devices/cuda_module.h"
#include "tensor/context.h"

namespace peft {
namespace {

using testing::HasSubstr;

template <typename Body>
std::string message_of(Code code, Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

TEST(Devices, TheCpuIsAlwaysThereAndFirst) {
  Device& cpu = find_device("cpu");
  EXPECT_EQ(cpu.kind(), DeviceKind::cpu);
  EXPECT_EQ(&cpu, &find_device("cpu"));
  EXPECT_EQ(available_devices()[0], &cpu);
  EXPECT_FALSE(cpu.description().empty());
  EXPECT_GT(cpu.available_memory(), 0);
  EXPECT_LE(cpu.available_memory(), cpu.total_memory());
  Context context(cpu.create_backend(1));
  EXPECT_EQ(context.to_host(context.zeros({3})), std::vector<float>(3, 0.0f));
}

TEST(Devices, MetaCountsForTheCpu) { EXPECT_EQ(find_device("meta").kind(), DeviceKind::meta); }

TEST(Devices, UnknownNamesAreErrors) {
  for (const char* name : {"", "gpu", "cpu:0", "cpu:", "cuda:", "cuda:-1", "cuda:x", "cuda:1x",
                           "cuda:99999999999", "meta:0", "CPU"}) {
    const std::string message = message_of(Code::invalid_argument, [&] { find_device(name); });
    EXPECT_THAT(message, HasSubstr("expected cpu, cuda:N, auto or meta"));
  }
}

TEST(Devices, AnAbsentModuleNamesThePlacesLookedAt) {
  const std::string message = message_of(Code::device, [] {
    open_module({"/nowhere/libpeft_cuda.so", "libpeft_cuda_absent.so"});
  });
  EXPECT_THAT(message, HasSubstr("libpeft_cuda.so is absent"));
  EXPECT_THAT(message, HasSubstr("'/nowhere/libpeft_cuda.so'"));
  EXPECT_THAT(message, HasSubstr("'libpeft_cuda_absent.so'"));
}

TEST(Devices, AModuleOfAnotherVersionIsRefused) {
  const std::string message = message_of(Code::device, [] { open_module({OTHER_VERSION_MODULE}); });
  EXPECT_THAT(message, HasSubstr("built for another version of the library: expected kernel list"));
}

TEST(Devices, AModuleMaySayWhyItCannotWork) {
  EXPECT_THAT(message_of(Code::device, [] { open_module({REFUSING_MODULE}); }),
              HasSubstr("the driver is too old"));
}

TEST(Devices, ALibraryThatIsNoModuleIsRefused) {
  EXPECT_THAT(message_of(Code::device, [] { open_module({"libm.so.6"}); }), HasSubstr("not a device module"));
}

}  // namespace
}  // namespace peft
