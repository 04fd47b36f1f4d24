// Speed of the matrix products, as a share of what this machine can do. Not a test: build the target
// matmul_bench and run it on a quiet machine. Arguments: threads (2), a word that a line must contain, and
// avx2 for that instruction set (oneDNN's is set by ONEDNN_MAX_CPU_ISA).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>

#include "base/memory.h"
#include "base/threads.h"
#include "cpu/stored.h"
#include "cpu/support.h"
#include "hwy/targets.h"

namespace peft::testing {
namespace {

int threads = 2;
const char* filter = "";
double peak = 0;  // f32 GFLOP/s of `threads` threads

// Time of this thread alone where it is the only one, which others disturb less; else the clock's.
double now() {
  timespec time{};
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_of_best(const std::function<void()>& body, double budget = 0.4) {
  body();
  double best = 1e9, spent = 0;
  for (int i = 0; i < 3 || (spent < budget && i < 2000); ++i) {
    const double begin = now();
    body();
    const double took = now() - begin;
    best = std::min(best, took);
    spent += took;
  }
  return best;
}

#if defined(__x86_64__)
// Twelve independent chains of fused multiply-adds.
template <typename Vector>
[[gnu::always_inline]] inline float chains(int64_t count) {
  Vector sums[12], factor = Vector{} + 0.999f, term = Vector{} + 1e-3f;
  for (int i = 0; i < 12; ++i) sums[i] = Vector{} + static_cast<float>(i);
  for (int64_t i = 0; i < count; ++i) {
    for (auto& sum : sums) sum = sum * factor + term;
  }
  Vector total{};
  for (auto& sum : sums) total += sum;
  return total[0];
}
using Eight [[gnu::vector_size(32)]] = float;
using Sixteen [[gnu::vector_size(64)]] = float;
[[gnu::target("avx2,fma"), gnu::optimize("O3", "fp-contract=fast")]] float chains_avx2(int64_t count) {
  return chains<Eight>(count);
}
[[gnu::target("avx512f"), gnu::optimize("O3", "fp-contract=fast")]] float chains_avx512(int64_t count) {
  return chains<Sixteen>(count);
}
#endif

void measure_peak() {
  constexpr int64_t count = 2000000;
  const bool wide = __builtin_cpu_supports("avx512f");
  const double took = seconds_of_best([&] {
    parallel_for(threads, 1, threads, [&](int64_t, int64_t) {
      volatile float sink = wide ? chains_avx512(count) : chains_avx2(count);
      (void)sink;
    });
  });
  peak = threads * count * 12.0 * (wide ? 32 : 16) / took / 1e9;
  std::printf("FMA peak, %d threads: %.0f GFLOP/s\n", threads, peak);
}

void product(const char* what, MatmulKind kind, DType dtype, int64_t m, int64_t n, int64_t k,
             Arithmetic arithmetic = Arithmetic::float32) {
  char line[200];
  std::snprintf(line, sizeof line, "%-14s %s %-10s %-5s m %5ld n %5ld k %5ld", what,
                kind == MatmulKind::nt   ? "nt"
                : kind == MatmulKind::nn ? "nn"
                                         : "tn",
                std::string(name_of(dtype)).c_str(),
                arithmetic == Arithmetic::float32    ? "f32"
                : arithmetic == Arithmetic::bfloat16 ? "bf16"
                                                     : "int8",
                static_cast<long>(m), static_cast<long>(n), static_cast<long>(k));
  if (std::strstr(line, filter) == nullptr) return;
  CpuBackend backend(nullptr, threads);
  const bool nt = kind == MatmulKind::nt, tn = kind == MatmulKind::tn;
  Floats32 a(tn ? k : m, tn ? m : k), y(m, n);
  a.randomize(1);
  const int64_t rows = nt ? n : k, columns = nt ? k : n;
  // Few rows: as many copies as a model's layers, so that weights come from memory.
  const double bytes = is_nf4(dtype)
                           ? 0.516 * static_cast<double>(rows * columns)
                           : static_cast<double>(row_bytes(dtype, columns)) * static_cast<double>(rows);
  const int64_t copies = m <= 8 ? std::clamp<int64_t>(static_cast<int64_t>(128e6 / bytes), 1, 400) : 1;
  const Stored b(dtype, rows * copies, columns, 7);
  MatmulOptions options;
  options.kind = kind;
  options.arithmetic = arithmetic;
  const int64_t scratch_bytes = backend.matmul_scratch(options, a.view().shape, Shape{rows, columns}, DType::f32, dtype);
  View scratch;
  scratch.data = static_cast<std::byte*>(allocate_block(scratch_bytes + 64));
  const double took =
      seconds_of_best([&] {
        for (int64_t i = 0; i < copies; ++i) {
          backend.matmul(options, a.view(), b.view().row_range(i * rows, rows), y.view(), scratch);
        }
      }) /
      static_cast<double>(copies);
  free_block(scratch.data, scratch_bytes + 64);
  const double rate =
      2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / took / 1e9;
  if (m <= 8) {
    std::printf("%s: %8.1f us %6.1f GB/s of weights\n", line, took * 1e6, bytes / took / 1e9);
  } else {
    std::printf("%s: %8.2f ms %6.0f GFLOP/s %4.0f %% of the f32 peak\n", line, took * 1e3, rate,
                100 * rate / peak);
  }
  std::fflush(stdout);
}

void run() {
  measure_peak();
  constexpr auto nt = MatmulKind::nt, nn = MatmulKind::nn, tn = MatmulKind::tn;
  for (Arithmetic arithmetic : {Arithmetic::float32, Arithmetic::bfloat16}) {
    for (DType dtype : {DType::f32, DType::bf16, DType::q4_1, DType::q8_0, DType::nf4_double}) {
      product("q, o", nt, dtype, 1024, 576, 576, arithmetic);
      product("k, v", nt, dtype, 1024, 192, 576, arithmetic);
      product("gate, up", nt, dtype, 1024, 1536, 576, arithmetic);
      product("down", nt, dtype, 1024, 576, 1536, arithmetic);
      product("q, o back", nn, dtype, 1024, 576, 576, arithmetic);
      product("k, v back", nn, dtype, 1024, 576, 192, arithmetic);
      product("gate, up back", nn, dtype, 1024, 576, 1536, arithmetic);
      product("down back", nn, dtype, 1024, 1536, 576, arithmetic);
    }
    for (int64_t m : {128, 512}) {
      product("head", nt, DType::q8_0, m, 49152, 576, arithmetic);
      product("head back", nn, DType::q8_0, m, 576, 49152, arithmetic);
    }
  }
  product("head", nt, DType::f32, 256, 49152, 576);
  product("head back", nn, DType::f32, 256, 576, 49152);
  product("lora a", nt, DType::f32, 1024, 16, 576);
  product("lora a qkv", nt, DType::f32, 1024, 48, 576);
  product("lora a down", nt, DType::f32, 1024, 16, 1536);
  product("lora b", nt, DType::f32, 1024, 576, 16);
  product("lora b up", nt, DType::f32, 1024, 1536, 16);
  product("lora g", nn, DType::f32, 1024, 16, 576);
  product("lora dx", nn, DType::f32, 1024, 576, 16);
  product("lora dx qkv", nn, DType::f32, 1024, 576, 48);
  product("lora da", tn, DType::f32, 16, 576, 1024);
  product("lora da qkv", tn, DType::f32, 48, 576, 1024);
  product("lora db", tn, DType::f32, 576, 16, 1024);
  product("lora db up", tn, DType::f32, 1536, 16, 1024);
  for (DType dtype : {DType::f32, DType::bf16, DType::f16, DType::q8_0, DType::q4_0, DType::q4_1, DType::q5_0,
                      DType::q5_1, DType::nf4, DType::nf4_double}) {
    product("decode q, o", nt, dtype, 1, 576, 576);
    product("decode gate", nt, dtype, 1, 1536, 576);
    product("decode down", nt, dtype, 1, 576, 1536);
    product("decode head", nt, dtype, 1, 49152, 576);
  }
  for (DType dtype : {DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k})
    product("decode k", nt, dtype, 1, 2048, 2048);
  for (DType dtype : {DType::q8_0, DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1}) {
    product("decode q, o", nt, dtype, 1, 576, 576, Arithmetic::int8);
    product("decode gate", nt, dtype, 1, 1536, 576, Arithmetic::int8);
    product("decode down", nt, dtype, 1, 576, 1536, Arithmetic::int8);
    product("decode head", nt, dtype, 1, 49152, 576, Arithmetic::int8);
  }
  for (int64_t m : {2, 4, 8}) {
    product("few gate", nt, DType::q4_1, m, 1536, 576);
    product("few gate", nt, DType::q4_1, m, 1536, 576, Arithmetic::int8);
  }
  product("conv1d", nn, DType::f32, 1, 3072, 768);
  product("conv1d", nn, DType::bf16, 1, 3072, 768);
  product("conv1d", nn, DType::q8_0, 1, 3072, 768);
}

}  // namespace
}  // namespace peft::testing

int main(int argument_count, char** arguments) {
  using namespace peft::testing;
  if (argument_count > 1) threads = std::max(1, std::atoi(arguments[1]));
  if (argument_count > 2) filter = arguments[2];
  if (argument_count > 3 && std::strcmp(arguments[3], "avx2") == 0) hwy::GetChosenTarget().Update(HWY_AVX2);
  run();
  return 0;
}
