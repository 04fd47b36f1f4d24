// Products of every kind over every storage, at sizes and places that no library likes, against double precision.
#include "cuda/activation_matrix.h"  // first: peft::testing, which the next one opens, hides GoogleTest's

#include <fmt/format.h>

#include "base/half.h"
#include "cpu/stored.h"

namespace peft {
namespace {

using peft::testing::decodable_types;
using peft::testing::Stored;

struct Case {
  MatmulKind kind = MatmulKind::nt;
  DType dtype = DType::f32;
  int64_t m = 0, n = 0, k = 0;
  Arithmetic arithmetic = Arithmetic::float32;
  float alpha = 1.0f;
  bool accumulate = false;
  Placement a = {}, y = {};
  int64_t b_gap = 0, b_lead = 0;  // elements; plain types only
  DType a_dtype = DType::f32, y_dtype = DType::f32;

  std::string text() const {
    return fmt::format(
        "kind {} {} m {} n {} k {} arithmetic {} alpha {} accumulate {} gaps {} {} {} leads {} {} {} a {} y {}",
        static_cast<int>(kind), name_of(dtype), m, n, k, static_cast<int>(arithmetic), alpha, accumulate, a.gap, b_gap,
        y.gap, a.lead, b_lead, y.lead, name_of(a_dtype), name_of(y_dtype));
  }
};

constexpr MatmulKind kinds[] = {MatmulKind::nt, MatmulKind::nn, MatmulKind::tn};
constexpr Arithmetic arithmetics[] = {Arithmetic::float32, Arithmetic::bfloat16};

int64_t whole_blocks(DType dtype, int64_t columns) {
  const int64_t block = is_nf4(dtype) ? 1 : traits(dtype).block_elements;
  return (columns + block - 1) / block * block;
}

double rounded(double value) { return bfloat16_to_float(float_to_bfloat16(static_cast<float>(value))); }

class MatmulKernel : public DeviceTest {
 protected:
  // b's bytes on the device, `b_lead` elements into their block.
  std::shared_ptr<Storage> upload(const Case& c, const Stored& b, ConstView& view) {
    view = b.view();
    const bool plain = !is_quantized(c.dtype);
    const int64_t lead = plain ? c.b_lead * traits(c.dtype).block_bytes : 0;
    const int64_t bytes = storage_bytes(c.dtype, Shape{view.rows(), view.row_stride});
    auto storage = make_storage(context->backend().memory(), lead + bytes);
    context->backend().copy_from_host(view.data, storage->data() + lead, bytes);
    view.data = storage->data() + lead;
    return storage;
  }

  // With a and y of every type that they may have.
  void check_types(Case c) {
    const std::vector<DType> types = activation_types(context->backend(), c.arithmetic);
    for (const DType a : types)
      for (const DType y : types) {
        c.a_dtype = a, c.y_dtype = y;
        check(c);
        if (HasFatalFailure()) return;
      }
  }

  void check(const Case& c) {
    SCOPED_TRACE(c.text());
    const bool nt = c.kind == MatmulKind::nt, tn = c.kind == MatmulKind::tn;
    ActivationMatrix a(*context, c.a_dtype, tn ? c.k : c.m, tn ? c.m : c.k, c.a);
    ActivationMatrix y(*context, c.y_dtype, c.m, c.n, c.y);
    a.randomize(1);
    y.randomize(2);
    const std::vector<float> before = y.values();
    const Stored b(c.dtype, nt ? c.n : c.k, nt ? c.k : c.n, 7, c.b_gap);
    ConstView b_view;
    const auto storage = upload(c, b, b_view);
    MatmulOptions options;
    options.kind = c.kind;
    options.arithmetic = c.arithmetic;
    options.alpha = c.alpha;
    options.accumulate = c.accumulate;
    Backend& backend = context->backend();
    const View a_view = a.view(), y_view = y.view();
    const int64_t bytes = backend.matmul_scratch(options, a_view.shape, b_view.shape, c.a_dtype, c.dtype);
    Tensor scratch = context->scratch(bytes);
    backend.matmul(options, a_view, b_view, y_view, scratch.view());
    ASSERT_TRUE(y.guards_intact());

    const bool brain = c.arithmetic == Arithmetic::bfloat16;
    for (int64_t r = 0; r < c.m; ++r) {
      for (int64_t j = 0; j < c.n; ++j) {
        double sum = 0, magnitude = 0;
        for (int64_t i = 0; i < c.k; ++i) {
          double left = tn ? a.at(i, r) : a.at(r, i), right = nt ? b.at(j, i) : b.at(i, j);
          if (brain) left = rounded(left), right = rounded(right);
          sum += left * right;
          magnitude += std::abs(left * right);
        }
        const double start = c.accumulate ? static_cast<double>(before[static_cast<size_t>(r * c.n + j)]) : 0;
        // Any order of f32 sums: k + 3 roundings; by blocks, scale and sum once more each.
        const double bound = (static_cast<double>(c.k) + 6) * f32_epsilon *
                                 (std::abs(static_cast<double>(c.alpha)) * magnitude + std::abs(start)) +
                             1e-30;
        // And one rounding, whatever the sum was made of.
        const double expected = start + static_cast<double>(c.alpha) * sum;
        ASSERT_TRUE(near(y.at(r, j), expected, 0, bound + y.rounding_of(std::abs(expected) + bound))) << r << " " << j;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, MatmulKernel, every_device());

TEST_P(MatmulKernel, EveryKindAndStorage) {
  for (const MatmulKind kind : kinds)
    for (const DType dtype : decodable_types)
      for (const Arithmetic arithmetic : arithmetics)
        for (const int64_t m : {1, 3, 8, 9, 33}) {
          Case c{.kind = kind, .dtype = dtype, .m = m, .n = 37, .k = 70, .arithmetic = arithmetic};
          if (kind == MatmulKind::nt)
            c.k = whole_blocks(dtype, c.k);
          else
            c.n = whole_blocks(dtype, c.n);
          check_types(c);
          if (HasFatalFailure()) return;
        }
}

TEST_P(MatmulKernel, AlphaAndAccumulate) {
  for (const MatmulKind kind : kinds)
    for (const DType dtype : {DType::f32, DType::bf16, DType::nf4, DType::q8_0})
      for (const Arithmetic arithmetic : arithmetics)
        for (const int64_t m : {1, 5, 19}) {
          check_types({.kind = kind, .dtype = dtype, .m = m, .n = 64, .k = 96, .arithmetic = arithmetic, .alpha = 0.5f,
                 .accumulate = true});
          check_types({.kind = kind, .dtype = dtype, .m = m, .n = 64, .k = 96, .arithmetic = arithmetic,
                       .alpha = -3.0f});
          if (HasFatalFailure()) return;
        }
}

// Columns of wider matrices, as LoRA's stacked factors are, at addresses of every kind.
TEST_P(MatmulKernel, PartsOfWiderMatrices) {
  for (const MatmulKind kind : kinds)
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
      for (const Arithmetic arithmetic : arithmetics)
        for (const Placement place : placements)
          for (const int64_t m : {2, 40}) {
            Case c{.kind = kind, .dtype = dtype, .m = m, .n = 24, .k = 16, .arithmetic = arithmetic};
            c.accumulate = true;
            c.a = c.y = place;
            c.b_gap = place.gap, c.b_lead = place.lead;
            check_types(c);
            c.n = 23, c.k = 17;
            check_types(c);
            if (HasFatalFailure()) return;
          }
}

TEST_P(MatmulKernel, SmallSizes) {
  for (const MatmulKind kind : kinds)
    for (const DType dtype : {DType::f32, DType::bf16})
      for (const Arithmetic arithmetic : arithmetics)
        for (const int64_t m : {0, 1, 2, 17})
          for (const int64_t n : {0, 1, 2})
            for (const int64_t k : {0, 1, 2}) {
              const Case c{.kind = kind, .dtype = dtype, .m = m, .n = n, .k = k, .arithmetic = arithmetic};
              check_types(c);
              Case added = c;
              added.accumulate = true;
              check_types(added);
              if (HasFatalFailure()) return;
            }
}

// More of b than a GPU decodes at once, so that y is made in several ranges of columns.
TEST_P(MatmulKernel, DecodedInChunks) {
  check({.kind = MatmulKind::nn, .dtype = DType::f16, .m = 2, .n = 1000, .k = 2200, .alpha = 0.5f});
  check({.kind = MatmulKind::nn, .dtype = DType::q8_0, .m = 3, .n = 1024, .k = 2100, .accumulate = true});
  check({.kind = MatmulKind::nn, .dtype = DType::q4_k, .m = 2, .n = 768, .k = 4352});
  check({.kind = MatmulKind::nn, .dtype = DType::nf4_double, .m = 2, .n = 1050, .k = 2100});
  check({.kind = MatmulKind::nt, .dtype = DType::bf16, .m = 9, .n = 264, .k = 129056});
}

// Chunks touch y once each, so that a bf16 y is rounded once.
TEST_P(MatmulKernel, DecodedInChunksToBfloat16) {
  if (context->backend().kind() != DeviceKind::cuda) GTEST_SKIP() << "the CPU's activations are f32";
  for (const DType dtype : {DType::nf4_double, DType::q8_0, DType::f32})
    for (const bool accumulate : {false, true}) {
      check({.kind = MatmulKind::nn, .dtype = dtype, .m = 3, .n = 1056, .k = 4200, .arithmetic = Arithmetic::bfloat16,
             .accumulate = accumulate, .a_dtype = DType::bf16, .y_dtype = DType::bf16});
      if (HasFatalFailure()) return;
    }
}

// What is asked for follows from shapes and types: nothing for what is used as it lies, or read by a kernel of few
// rows.
TEST_P(MatmulKernel, ScratchIsForWhatIsNotUsedAsItLies) {
  Backend& backend = context->backend();
  if (backend.kind() != DeviceKind::cuda) GTEST_SKIP() << "about the CUDA backend";
  const Shape a{100, 4096}, b{14336, 4096};
  const MatmulOptions brain{.arithmetic = Arithmetic::bfloat16};
  EXPECT_EQ(backend.matmul_scratch(brain, a, b, DType::bf16, DType::bf16), 0);
  EXPECT_EQ(backend.matmul_scratch(brain, a, b, DType::f32, DType::bf16), 100 * 4096 * 2);
  EXPECT_EQ(backend.matmul_scratch(brain, a, b, DType::bf16, DType::nf4_double), 14336 * 4096 * 2);
  EXPECT_EQ(backend.matmul_scratch({}, a, b, DType::f32, DType::f32), 0);
  EXPECT_EQ(backend.matmul_scratch(brain, Shape{8, 4096}, b, DType::f32, DType::nf4_double), 0);
  const int64_t large = backend.matmul_scratch(brain, Shape{2048, 8192}, Shape{28672, 8192}, DType::bf16, DType::nf4);
  EXPECT_GT(large, int64_t{64} << 20);
  EXPECT_LE(large, int64_t{128} << 20);
}

// bf16 is never rounded to unasked, nor read as something else.
TEST_P(MatmulKernel, OtherTypesOfActivationsAreRefused) {
  Backend& backend = context->backend();
  if (backend.kind() != DeviceKind::cuda) GTEST_SKIP() << "about the CUDA backend";
  const auto refused = [&](Arithmetic arithmetic, DType a_dtype, DType y_dtype, int64_t m) {
    FloatMatrix b(*context, 16, 32);
    ActivationMatrix a(*context, DType::bf16, m, 32), y(*context, DType::f32, m, 16);
    View a_view = a.view(), y_view = y.view();
    a_view.dtype = a_dtype, y_view.dtype = y_dtype;
    backend.matmul({.arithmetic = arithmetic}, a_view, b.view(), y_view, {});
    try {
      backend.synchronize();
    } catch (const Error& error) {
      const std::string text = error.what();
      EXPECT_EQ(error.code(), Code::unsupported) << text;
      EXPECT_NE(text.find("expected f32"), std::string::npos) << text;
      EXPECT_NE(text.find(name_of(a_dtype)), std::string::npos) << text;
      EXPECT_NE(text.find(name_of(y_dtype)), std::string::npos) << text;
      return true;
    }
    return false;
  };
  for (const int64_t m : {1, 20}) {
    EXPECT_TRUE(refused(Arithmetic::float32, DType::bf16, DType::f32, m));
    EXPECT_TRUE(refused(Arithmetic::int8, DType::bf16, DType::f32, m));
    EXPECT_TRUE(refused(Arithmetic::bfloat16, DType::f16, DType::f32, m));
    EXPECT_TRUE(refused(Arithmetic::float32, DType::bf16, DType::bf16, m));
  }
}

TEST_P(MatmulKernel, RowsOfAnNf4Matrix) {
  const Stored whole(DType::nf4_double, 40, 50, 3);
  ConstView all;
  const auto storage = upload({.dtype = DType::nf4_double}, whole, all);
  for (const int64_t m : {1, 12}) {
    FloatMatrix a(*context, m, 50), y(*context, m, 11);
    a.randomize(4);
    const ConstView part = all.row_range(13, 11);
    const View a_view = a.view(), y_view = y.view();
    Backend& backend = context->backend();
    Tensor scratch = context->scratch(backend.matmul_scratch({}, a_view.shape, part.shape, DType::f32, part.dtype));
    backend.matmul({}, a_view, part, y_view, scratch.view());
    for (int64_t r = 0; r < m; ++r)
      for (int64_t j = 0; j < 11; ++j) {
        double sum = 0, magnitude = 0;
        for (int64_t i = 0; i < 50; ++i) {
          sum += a.at(r, i) * whole.at(13 + j, i);
          magnitude += std::abs(a.at(r, i) * whole.at(13 + j, i));
        }
        ASSERT_TRUE(near(y.at(r, j), sum, 0, 56 * f32_epsilon * magnitude)) << r << " " << j;
      }
  }
}

// The same product twice, and from another context, is the same to the bit.
TEST_P(MatmulKernel, RunsAgreeToTheBit) {
  const auto other = make_context();
  std::vector<std::vector<float>> results;
  for (Context* each : {context.get(), context.get(), other.get()}) {
    FloatMatrix a(*each, 300, 40), b(*each, 300, 64), y(*each, 40, 64);
    a.randomize(1);
    b.randomize(2);
    const MatmulOptions options{.kind = MatmulKind::tn, .arithmetic = Arithmetic::bfloat16};
    const View a_view = a.view(), b_view = b.view(), y_view = y.view();
    Tensor scratch =
        each->scratch(each->backend().matmul_scratch(options, a_view.shape, b_view.shape, DType::f32, DType::f32));
    each->backend().matmul(options, a_view, b_view, y_view, scratch.view());
    std::vector<float> values;
    for (int64_t r = 0; r < 40; ++r)
      for (int64_t c = 0; c < 64; ++c) values.push_back(y.at(r, c));
    results.push_back(std::move(values));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace peft
