#include <filesystem>

#include "base/threads.h"
#include "base/half.h"
#include "cpu/stored.h"
#include "cpu/support.h"

namespace peft::testing {
namespace {

struct Case {
  MatmulKind kind;
  DType dtype;
  int64_t m, n, k;
  Arithmetic arithmetic = Arithmetic::float32;
  float alpha = 1.0f;
  bool accumulate = false;
};

const char* name_of_kind(MatmulKind kind) {
  return kind == MatmulKind::nt ? "nt" : kind == MatmulKind::nn ? "nn" : "tn";
}

std::string describe(const Case& c) {
  return fmt::format("{} {} m {} n {} k {} alpha {} accumulate {} arithmetic {}", name_of_kind(c.kind),
                     name_of(c.dtype), c.m, c.n, c.k, c.alpha, c.accumulate, static_cast<int>(c.arithmetic));
}

double rounded(double value) { return bfloat16_to_float(float_to_bfloat16(static_cast<float>(value))); }

// The kernel's result; checked against double precision unless `compare` is off.
Floats32 multiply(CpuBackend& backend, const Case& c, bool compare = true) {
  const bool nt = c.kind == MatmulKind::nt, tn = c.kind == MatmulKind::tn;
  Floats32 a(tn ? c.k : c.m, tn ? c.m : c.k, 3), y(c.m, c.n, 5);
  a.randomize(1);
  y.randomize(2);
  const Stored b(c.dtype, nt ? c.n : c.k, nt ? c.k : c.n, 7, 6);
  const Floats32 before = y;
  MatmulOptions options;
  options.kind = c.kind;
  options.arithmetic = c.arithmetic;
  options.alpha = c.alpha;
  options.accumulate = c.accumulate;
  const int64_t bytes = backend.matmul_scratch(options, a.view().shape, b.view().shape, DType::f32, c.dtype);
  std::vector<std::byte> memory(static_cast<size_t>(bytes) + 128, std::byte{0x5a});
  View scratch;
  scratch.data = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64;
  scratch.shape = Shape{bytes};
  scratch.row_stride = bytes;
  scratch.dtype = DType::u8;
  const auto end = static_cast<size_t>(scratch.data - memory.data() + bytes);
  backend.matmul(options, a.view(), b.view(), y.view(), scratch);
  EXPECT_TRUE(y.guards_intact());
  for (size_t i = end; i < memory.size(); ++i) EXPECT_EQ(memory[i], std::byte{0x5a}) << "scratch overrun";
  if (!compare) return y;
  const bool brain = c.arithmetic == Arithmetic::bfloat16;
  const bool int8 =
      c.arithmetic == Arithmetic::int8 && nt && c.m <= 8 && traits(c.dtype).block_elements == 32;
  // Rounding to int8 moves an activation by at most half a step, the largest of its block over 254.
  std::vector<double> half_steps(static_cast<size_t>(c.m * c.k), 0.0);
  for (int64_t r = 0; int8 && r < c.m; ++r) {
    for (int64_t begin = 0; begin < c.k; begin += 32) {
      double largest = 0;
      for (int64_t i = begin; i < begin + 32; ++i) largest = std::max(largest, std::abs(double{a.at(r, i)}));
      for (int64_t i = begin; i < begin + 32; ++i)
        half_steps[static_cast<size_t>(r * c.k + i)] = largest / 254 * (1 + 1e-5);
    }
  }
  for (int64_t r = 0; r < c.m; ++r) {
    for (int64_t j = 0; j < c.n; ++j) {
      double sum = 0, magnitude = 0, loss = 0;
      for (int64_t i = 0; i < c.k; ++i) {
        if (int8) loss += half_steps[static_cast<size_t>(r * c.k + i)] * std::abs(b.at(j, i));
        double left = tn ? a.at(i, r) : a.at(r, i), right = nt ? b.at(j, i) : b.at(i, j);
        if (brain) left = rounded(left), right = rounded(right);
        sum += left * right;
        magnitude += std::abs(left * right);
      }
      const double start = c.accumulate ? before.at(r, j) : 0;
      const double expected = start + c.alpha * sum;
      // Any order of f32 sums: k + 3 roundings (by blocks: scale and sum once more each).
      const double bound =
          (static_cast<double>(c.k) + 6) * f32_epsilon * (std::abs(c.alpha) * magnitude + std::abs(start)) +
          std::abs(c.alpha) * loss + 1e-30;
      if (std::abs(y.at(r, j) - expected) > bound) {
        ADD_FAILURE() << describe(c) << " at " << r << " " << j << ": found " << y.at(r, j) << ", expected "
                      << expected << ", bound " << bound;
        return y;
      }
    }
  }
  return y;
}

constexpr MatmulKind every_kind[] = {MatmulKind::nt, MatmulKind::nn, MatmulKind::tn};

int64_t whole_blocks(DType dtype, int64_t columns) {
  const int64_t block = is_nf4(dtype) ? 1 : traits(dtype).block_elements;
  return (columns + block - 1) / block * block;
}

TEST(Matmul, EveryKindAndTypeAtOddSizes) {
  CpuBackend backend(nullptr, 2);
  for (MatmulKind kind : every_kind) {
    for (DType dtype : decodable_types) {
      for (const auto& [m, n, k] : {std::array<int64_t, 3>{1, 1, 1},
                                    {1, 37, 75},
                                    {3, 130, 200},
                                    {8, 5, 33},
                                    {9, 97, 65},
                                    {70, 101, 129}}) {
        Case c{kind, dtype, m, n, k};
        if (kind == MatmulKind::nt) {
          c.k = whole_blocks(dtype, k);
        } else {
          c.n = whole_blocks(dtype, n);
        }
        multiply(backend, c);
      }
    }
  }
}

TEST(Matmul, EveryInstructionSetOfTheRowKernels) {
  CpuBackend backend(nullptr, 2);
  for (DType dtype : decodable_types) {
    const int64_t k = whole_blocks(dtype, 576);
    on_every_instruction_set([&] {
      multiply(backend, {MatmulKind::nt, dtype, 1, 50, k});
      multiply(backend, {MatmulKind::nt, dtype, 5, 11, k});
      multiply(backend, {MatmulKind::nn, dtype, 2, whole_blocks(dtype, 300), 67});
    });
  }
}

TEST(Matmul, AlphaAndAccumulate) {
  CpuBackend backend(nullptr, 2);
  for (MatmulKind kind : every_kind) {
    for (DType dtype : {DType::f32, DType::q8_0, DType::nf4_double}) {
      for (int64_t m : {1, 4, 50}) {
        for (Arithmetic arithmetic : {Arithmetic::float32, Arithmetic::bfloat16}) {
          for (const auto& [alpha, accumulate] : {std::pair{0.25f, false}, {-1.5f, true}, {1.0f, true}}) {
            multiply(backend, {kind, dtype, m, 64, 96, arithmetic, alpha, accumulate});
          }
        }
      }
    }
  }
}

TEST(Matmul, BfloatArithmeticIsExactProductsOfRoundedValues) {
  CpuBackend backend(nullptr, 2);
  for (MatmulKind kind : every_kind) {
    for (DType dtype : decodable_types) {
      for (int64_t m : {1, 7, 33}) {
        Case c{kind, dtype, m, 45, 70, Arithmetic::bfloat16};
        c.k = whole_blocks(dtype, kind == MatmulKind::nt ? c.k : 70);
        if (kind != MatmulKind::nt) c.n = whole_blocks(dtype, c.n), c.k = 70;
        multiply(backend, c);
      }
    }
  }
}

// The loss is what rounding the activations explains; types without an integer kernel lose nothing.
TEST(Matmul, Int8LosesNoMoreThanRoundingExplains) {
  CpuBackend backend(nullptr, 2);
  for (DType dtype : decodable_types) {
    for (int64_t m : {1, 2, 8, 20}) {
      on_every_instruction_set([&] {
        multiply(backend, {MatmulKind::nt, dtype, m, 27, whole_blocks(dtype, 160), Arithmetic::int8});
        multiply(backend,
                 {MatmulKind::nt, dtype, m, 9, whole_blocks(dtype, 64), Arithmetic::int8, -0.5f, true});
      });
    }
  }
}

// Codes and activations at their extremes: no integer sum may saturate.
TEST(Matmul, Int8ExtremesDoNotSaturate) {
  CpuBackend backend(nullptr, 1);
  const int64_t k = 64;
  for (const auto& [dtype, weight] :
       {std::pair{DType::q8_0, -128.0}, {DType::q8_0, 127.0}, {DType::q5_1, 31.0}, {DType::q4_1, 15.0}}) {
    const auto block = static_cast<size_t>(traits(dtype).block_bytes);
    std::vector<uint8_t> bytes(2 * block, weight == 127.0 ? 0x7f : weight == -128.0 ? 0x80 : 0xff);
    for (size_t at = 0; at < bytes.size(); at += block) {
      const uint16_t one = float_to_half(1.0f), zero = 0;
      std::memcpy(bytes.data() + at, &one, 2);
      if (dtype != DType::q8_0) std::memcpy(bytes.data() + at + 2, &zero, 2);
    }
    ConstView b;
    b.data = reinterpret_cast<const std::byte*>(bytes.data());
    b.dtype = dtype;
    b.shape = Shape{1, k};
    b.row_stride = k;
    for (float sign : {1.0f, -1.0f}) {
      Floats32 a(1, k), y(1, 1);
      a.fill(sign);
      MatmulOptions options;
      options.arithmetic = Arithmetic::int8;
      std::vector<std::byte> memory(
          static_cast<size_t>(backend.matmul_scratch(options, a.view().shape, b.shape, DType::f32, dtype)) + 64);
      View scratch;
      scratch.data = memory.data();
      on_every_instruction_set([&] {
        backend.matmul(options, a.view(), b, y.view(), scratch);
        EXPECT_NEAR(y.at(0, 0), sign * weight * static_cast<double>(k), std::abs(weight) * 64 * 1e-6);
      });
    }
  }
}

// More than one slice, tile and panel in each direction.
TEST(Matmul, LargeShapesAreCutWithoutSeams) {
  CpuBackend backend(nullptr, 2);
  for (Arithmetic arithmetic : {Arithmetic::float32, Arithmetic::bfloat16}) {
    multiply(backend, {MatmulKind::nt, DType::q8_0, 40, 100, 4416, arithmetic});
    multiply(backend, {MatmulKind::nn, DType::q4_1, 33, 128, 4500, arithmetic});
    multiply(backend, {MatmulKind::tn, DType::f32, 30, 100, 4500, arithmetic});
    multiply(backend, {MatmulKind::nt, DType::f32, 600, 100, 40, arithmetic});
    multiply(backend, {MatmulKind::nt, DType::bf16, 530, 16, 64, arithmetic});
  }
  multiply(backend, {MatmulKind::nt, DType::q4_0, 1, 30, 4416});
  multiply(backend, {MatmulKind::nt, DType::nf4, 2, 30, 4401});
}

TEST(Matmul, ThreadsChangeNoBit) {
  for (MatmulKind kind : every_kind) {
    for (DType dtype : {DType::f32, DType::bf16, DType::q4_1, DType::nf4_double}) {
      for (int64_t m : {1, 6, 300}) {
        for (Arithmetic arithmetic : {Arithmetic::float32, Arithmetic::bfloat16, Arithmetic::int8}) {
          const Case c{kind, dtype, m, 416, 320, arithmetic};
          SCOPED_TRACE(describe(c));
          expect_independent_of_threads([&](CpuBackend& backend) { return multiply(backend, c, false); });
        }
      }
    }
  }
}

// oneDNN must not start a team of its own, neither under the caller nor under a worker.
TEST(Matmul, StartsNoThreadsBesideThePool) {
  const auto tasks = [] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
      count += entry.is_directory() ? 1 : 0;
    return count;
  };
  CpuBackend backend(nullptr, 2);
  parallel_for(4, 1, 3, [](int64_t, int64_t) {});
  const int before = tasks();
  for (Arithmetic arithmetic : {Arithmetic::float32, Arithmetic::bfloat16}) {
    multiply(backend, {MatmulKind::nt, DType::f32, 600, 300, 300, arithmetic}, false);
    multiply(backend, {MatmulKind::tn, DType::f32, 20, 300, 700, arithmetic}, false);
  }
  EXPECT_LE(tasks(), std::max(before, 3));
}

TEST(Matmul, NothingToSumGivesZero) {
  CpuBackend backend(nullptr, 2);
  multiply(backend, {MatmulKind::nt, DType::f32, 3, 4, 0});
  multiply(backend, {MatmulKind::nt, DType::f32, 30, 4, 0, Arithmetic::float32, 1.0f, true});
  multiply(backend, {MatmulKind::nt, DType::f32, 0, 4, 5});
  multiply(backend, {MatmulKind::nn, DType::f32, 4, 0, 5});
}

// One row of nf4 weights, sliced out of a larger tensor.
TEST(Matmul, SlicedNf4Weights) {
  CpuBackend backend(nullptr, 2);
  const Stored b(DType::nf4_double, 40, 50, 3);
  const ConstView part = b.view().row_range(7, 21);
  for (int64_t m : {1, 20}) {
    Floats32 a(m, 50), y(m, 21);
    a.randomize(3);
    const MatmulOptions options;
    std::vector<std::byte> memory(
        static_cast<size_t>(backend.matmul_scratch(options, a.view().shape, part.shape, DType::f32, part.dtype)) + 64);
    View scratch;
    scratch.data = memory.data();
    backend.matmul(options, a.view(), part, y.view(), scratch);
    for (int64_t r = 0; r < m; ++r) {
      for (int64_t j = 0; j < 21; ++j) {
        double sum = 0;
        for (int64_t i = 0; i < 50; ++i) sum += double{a.at(r, i)} * b.at(j + 7, i);
        EXPECT_NEAR(y.at(r, j), sum, 1e-4);
      }
    }
  }
}

}  // namespace
}  // namespace peft::testing
