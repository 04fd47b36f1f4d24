// Which of the library's algorithms computes a product: the fastest of those that compute the same bits.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/checked.h"
#include "base/error.h"
#include "base/log.h"
#include "cuda/cublaslt_plan.h"
#include "cuda/cuda_device.h"
#include "cuda/plan_file.h"
#include "cuda/tuning.h"

namespace peft::cuda {
namespace {

// Below, a product takes a few microseconds, and what it is started with as long.
constexpr int64_t least_timed_rows = 64;
constexpr double least_timed_flops = 1e9;
// Of the copies that are multiplied. A product of larger ones keeps the first algorithm.
constexpr int64_t most_tuning_bytes = int64_t{512} << 20;
constexpr int repetitions = 3;
constexpr int turns_before_timing = 3, uses_before_timing = 1000;  // the latter where all products have the same rows
constexpr float least_gain = 0.98f;  // of the first one's time; what a clock tells apart

class DeviceBlock {
 public:
  DeviceBlock(int32_t device, int64_t bytes) : device_(device), data_(allocate_memory(device, bytes)) {}
  ~DeviceBlock() { release_memory(device_, data_); }
  DeviceBlock(const DeviceBlock&) = delete;
  DeviceBlock& operator=(const DeviceBlock&) = delete;
  std::byte* data() const { return data_; }

 private:
  int32_t device_;
  std::byte* data_;
};

class Event {
 public:
  Event() { check_cuda(cudaEventCreate(&event_), "cudaEventCreate"); }
  ~Event() {
    if (cudaEventDestroy(event_) != cudaSuccess) cudaGetLastError();
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// Of a matrix with `vectors` dense vectors of `length`, `stride` apart; a multiple of what allocations are aligned to.
int64_t bytes_of(DType dtype, int64_t vectors, int64_t length, int64_t stride) {
  return round_up(((vectors - 1) * std::max(stride, length) + length) * traits(dtype).block_bytes, 256);
}

template <typename T>
uint32_t config_of(const cublasLtMatmulAlgo_t& algorithm, int attribute) {
  T value = 0;
  size_t written = 0;
  const auto which = static_cast<cublasLtMatmulAlgoConfigAttributes_t>(attribute);
  check_cublaslt(cublaslt_functions().config_get(&algorithm, which, &value, sizeof value, &written),
                 "cublasLtMatmulAlgoConfigGetAttribute");
  return static_cast<uint32_t>(value);
}

AlgorithmConfig config_of(const cublasLtMatmulAlgo_t& algorithm) {
  AlgorithmConfig config;
  for (int i = 0; i < static_cast<int>(config.size()); ++i) {
    const bool is_short = i >= CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID;
    config[static_cast<size_t>(i)] = is_short ? config_of<uint16_t>(algorithm, i) : config_of<uint32_t>(algorithm, i);
  }
  return config;
}

bool is_capturing(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check_cuda(cudaStreamIsCapturing(ordered(stream), &status), "cudaStreamIsCapturing");
  return status != cudaStreamCaptureStatusNone;
}

}  // namespace

bool is_worth_timing(const Product& p) {
  const double flops = 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  return p.m >= least_timed_rows && flops >= least_timed_flops && alignment_of(p.a) == 16 && alignment_of(p.b) == 16 &&
         alignment_of(p.y) == 16;
}

// Timing takes as long as dozens of products and waits for the device: not for a batch whose length was never seen and may
// never be again.
bool CublasLt::comes_again(Plan& plan) const {
  if (plan.turn != turn_) plan.turn = turn_, ++plan.turns;
  return plan.turns >= turns_before_timing || ++plan.uses >= uses_before_timing;
}

// Leaves one algorithm in the plan. While work is recorded into a graph, nothing can be timed: then another time.
void CublasLt::choose(cudaStream_t stream, const Product& p, Plan& plan) {
  if (is_capturing(stream)) return;
  const ProductKey key = {p.flags(), p.m, p.n, p.k, p.a_stride, p.b_stride, p.y_stride};
  if (const auto kept = choices_->find(key)) {
    for (const cublasLtMatmulAlgo_t& algorithm : plan.algorithms) {
      if (config_of(algorithm) != *kept) continue;
      plan.algorithms = {algorithm};
      return;
    }
    log(LogLevel::warning, "cuBLASLt does not offer the algorithm that is kept for m {} n {} k {}", p.m, p.n, p.k);
  }
  if (choices_->full()) return plan.algorithms.resize(1);
  if (!comes_again(plan)) return;
  try {
    time_candidates(stream, p, plan);
    choices_->add(key, config_of(plan.algorithms.front()));
  } catch (const Error& error) {
    if (error.code() == Code::device_lost) throw;
    log(LogLevel::info, "cuBLASLt's algorithms for m {} n {} k {} are not compared: {}", p.m, p.n, p.k, error.what());
  }
  plan.algorithms.resize(1);
}

// On copies of everything: the product itself runs once, after this.
void CublasLt::time_candidates(cudaStream_t stream, const Product& product, Plan& plan) const {
  Product p = product;
  const int64_t a_rows = p.a_transposed ? p.k : p.m, a_columns = p.a_transposed ? p.m : p.k;
  const int64_t b_rows = p.b_transposed ? p.n : p.k, b_columns = p.b_transposed ? p.k : p.n;
  const int64_t a_bytes = bytes_of(p.operands, a_rows, a_columns, p.a_stride),
                b_bytes = bytes_of(p.operands, b_rows, b_columns, p.b_stride),
                y_bytes = bytes_of(p.result, p.m, p.n, p.y_stride), flag_bytes = 256;
  const int64_t bytes = a_bytes + b_bytes + 2 * y_bytes + flag_bytes;
  size_t available = 0, total = 0;
  check_cuda(cudaMemGetInfo(&available, &total), "cudaMemGetInfo");
  const int64_t most = std::min(most_tuning_bytes, static_cast<int64_t>(available / 4));
  check(bytes <= most, Code::out_of_memory, "{} bytes needed, at most {} used for it", bytes, most);

  const DeviceBlock block(device_, bytes);
  std::byte* const a = block.data();
  std::byte* const b = a + a_bytes;
  std::byte* const expected = b + b_bytes;
  std::byte* const found = expected + y_bytes;
  auto* const flags = reinterpret_cast<uint32_t*>(found + y_bytes);
  const auto clear = [&](void* data, int64_t size) {
    check_cuda(cudaMemsetAsync(data, 0, static_cast<size_t>(size), ordered(stream)), "cudaMemsetAsync");
  };
  clear(block.data(), bytes);
  fill_for_tuning(stream,
                  {a, p.operands, p.m, p.k, p.a_transposed ? 1 : p.a_stride, p.a_transposed ? p.a_stride : 1},
                  {b, p.operands, p.n, p.k, p.b_transposed ? p.b_stride : 1, p.b_transposed ? 1 : p.b_stride});
  const auto handle = static_cast<cublasLtHandle_t>(handle_);
  p.a = a, p.b = b, p.y = expected;
  const auto run = [&](const cublasLtMatmulAlgo_t& algorithm) {
    return plan.run(handle, stream, p, algorithm, workspace_);
  };

  // Each once: what it computes, and its kernels are loaded.
  std::vector<cublasLtMatmulAlgo_t>& all = plan.algorithms;
  check_cublaslt(run(all.front()), "cublasLtMatmul");
  p.y = found;
  std::vector<uint32_t> differs(all.size(), 0);
  for (size_t i = 1; i < all.size(); ++i) {
    clear(found, y_bytes);
    differs[i] = run(all[i]) != CUBLAS_STATUS_SUCCESS;
    compare_words(stream, reinterpret_cast<const uint32_t*>(expected), reinterpret_cast<const uint32_t*>(found),
                  y_bytes / 4, flags + i);
  }
  std::vector<uint32_t> compared(all.size(), 0);
  const size_t compared_bytes = compared.size() * sizeof(uint32_t);
  check_cuda(cudaMemcpyAsync(compared.data(), flags, compared_bytes, cudaMemcpyDeviceToHost, ordered(stream)),
             "cudaMemcpyAsync");
  check_cuda(cudaStreamSynchronize(ordered(stream)), "cudaStreamSynchronize");

  const Event begin, end;
  size_t best = 0;
  float first_time = 0, best_time = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < all.size(); ++i) {
    if (differs[i] != 0 || compared[i] != 0) continue;
    check_cuda(cudaEventRecord(begin.get(), ordered(stream)), "cudaEventRecord");
    for (int k = 0; k < repetitions; ++k) check_cublaslt(run(all[i]), "cublasLtMatmul");
    check_cuda(cudaEventRecord(end.get(), ordered(stream)), "cudaEventRecord");
    check_cuda(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
    float time = 0;
    check_cuda(cudaEventElapsedTime(&time, begin.get(), end.get()), "cudaEventElapsedTime");
    if (i == 0) first_time = time;
    if (time < best_time && (i == 0 || time < first_time * least_gain)) best = i, best_time = time;
  }
  log(LogLevel::debug, "cuBLASLt, m {} n {} k {}: algorithm {} of {}, {:.3f} ms instead of {:.3f}", p.m, p.n, p.k,
      best + 1, all.size(), best_time / repetitions, first_time / repetitions);
  std::swap(all[0], all[best]);
}

}  // namespace peft::cuda
