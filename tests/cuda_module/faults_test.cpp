// The module's border on the emulated GPU: faults come as errors, nothing leaks, and what is not to wait does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "control.h"
#include "devices/cuda_module.h"
#include "devices/module_device.h"
#include "tensor/context.h"

namespace peft {
namespace {

using testing::HasSubstr;

class Faults : public testing::Test {
 protected:
  static void SetUpTestSuite() { device_ = make_module_device(open_module({PEFT_EMULATED_MODULE}), 0).release(); }
  void TearDown() override {
    cuda_emulator::fail_allocation(-1);
    cuda_emulator::fail_launch(-1);
    cuda_emulator::recover();
  }
  Device& device() { return *device_; }

  template <typename Body>
  static std::string message_of(Code code, Body&& body) {
    try {
      body();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
  }

 private:
  static inline Device* device_ = nullptr;  // like the module, for the life of the process
};

TEST_F(Faults, FullMemoryNamesWhatWasAskedForAndWhatIsFree) {
  Context context(device().create_backend(0));
  MemorySource& memory = *context.backend().memory();
  const int64_t free = device().available_memory(), total = device().total_memory();
  const std::string message = message_of(Code::out_of_memory, [&] { memory.allocate(total + 1); });
  EXPECT_EQ(message, fmt::format("cuda:0: {} bytes asked for, {} of {} free", total + 1, free, total));
  // Nothing is left of it.
  std::byte* const block = memory.allocate(1000);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 256, 0u);
  memory.release(block, 1000);
  EXPECT_EQ(context.to_host(context.zeros({3})), std::vector<float>(3, 0.0f));
}

TEST_F(Faults, ABackendThatCannotBeMadeLeavesNothing) {
  const auto before = cuda_emulator::counts();
  cuda_emulator::fail_allocation(0);
  EXPECT_THAT(message_of(Code::out_of_memory, [&] { device().create_backend(0); }), HasSubstr("bytes asked for"));
  EXPECT_EQ(cuda_emulator::counts().live_allocations, before.live_allocations);
  device().create_backend(0);
  EXPECT_EQ(cuda_emulator::counts().live_allocations, before.live_allocations);
}

TEST_F(Faults, ALostDeviceStaysLostAndFreesStillWork) {
  auto context = std::make_unique<Context>(device().create_backend(0));
  const auto memory = context->backend().memory();
  std::byte* const block = memory->allocate(4096);
  Tensor tensor = context->zeros({1000});
  context->backend().synchronize();
  cuda_emulator::fail_launch(0);
  context->backend().fill(tensor.view(), 1.0f);
  std::vector<float> values(1000);
  const auto bytes = std::as_writable_bytes(std::span(values));
  message_of(Code::device_lost, [&] { context->copy_to_host(tensor, bytes); });
  // From now on everything says so, and says why.
  const std::string message = message_of(Code::device_lost, [&] { context->backend(); });
  EXPECT_THAT(message, HasSubstr("cuda:0: "));
  message_of(Code::device_lost, [&] { context->from_host(std::span<const float>(values), {1000}); });
  message_of(Code::device_lost, [&] { context->copy_to_host(tensor, bytes); });
  message_of(Code::device_lost, [&] { memory->allocate(1 << 20); });
  message_of(Code::device_lost, [&] { device().create_backend(0); });
  tensor = Tensor();
  context.reset();
  memory->release(block, 4096);
}

TEST_F(Faults, SmallUploadsDoNotWait) {
  Context context(device().create_backend(0));
  std::vector<int32_t> ids(200);
  std::iota(ids.begin(), ids.end(), 0);
  std::vector<Tensor> sent;
  const auto before = cuda_emulator::counts();
  for (int i = 0; i < 100; ++i) {
    ids[0] = i;  // the host's buffer is free again after each
    sent.push_back(context.from_host(std::span<const int32_t>(ids), {200}));
  }
  EXPECT_EQ(cuda_emulator::counts().synchronizations, before.synchronizations);
  for (int i = 0; i < 100; ++i) {
    ids[0] = i;
    EXPECT_EQ(context.to_host_i32(sent[static_cast<size_t>(i)]), ids);
  }
}

// Around the segments of the ring that copies go through, both ways, and in turns.
TEST_F(Faults, CopiesOfEverySize) {
  Context context(device().create_backend(0));
  constexpr int64_t segment = 1 << 20;
  std::vector<Tensor> sent;
  std::vector<std::vector<float>> values;
  uint32_t state = 1;
  for (const int64_t bytes :
       {int64_t{4}, int64_t{60}, segment - 4, segment, segment + 4, 4 * segment, 9 * segment + 12, 5 * segment}) {
    std::vector<float> each(static_cast<size_t>(bytes / 4));
    for (float& value : each) value = static_cast<float>(state = state * 1664525u + 1013904223u);
    sent.push_back(context.from_host(std::span<const float>(each), {bytes / 4}));
    values.push_back(std::move(each));
    EXPECT_EQ(context.to_host(sent.front()), values.front());
  }
  for (size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(context.to_host(sent[i]), values[i]) << i;
}

}  // namespace
}  // namespace peft
