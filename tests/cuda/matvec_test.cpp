// Products of a few rows: shapes at which the kernels cut differently, against double precision.
#include "cuda/activation_matrix.h"
#include "cuda/stored_on_device.h"

#include <fmt/format.h>

#include "base/half.h"

namespace peft {
namespace {

double rounded(double value) { return bfloat16_to_float(float_to_bfloat16(static_cast<float>(value))); }

bool has_offset(DType dtype) {
  return dtype == DType::q4_1 || dtype == DType::q5_1 || dtype == DType::q2_k || dtype == DType::q4_k ||
         dtype == DType::q5_k;
}

struct Case {
  DType dtype = DType::f32;
  int64_t m = 1, n = 0, k = 0;
  Arithmetic arithmetic = Arithmetic::float32;
  MatmulKind kind = MatmulKind::nt;
  float alpha = 1.0f;
  bool accumulate = false;
  Placement a = {}, y = {}, b = {};
  DType a_dtype = DType::f32, y_dtype = DType::f32;
};

class MatvecKernel : public DeviceTest {
 protected:
  ActivationMatrix multiply(Context& on, const Case& c, const ConstView& b) {
    ActivationMatrix a(on, c.a_dtype, c.m, c.k, c.a), y(on, c.y_dtype, c.m, c.n, c.y);
    a.randomize(1);
    y.randomize(2);
    MatmulOptions options{.kind = c.kind, .arithmetic = c.arithmetic, .accumulate = c.accumulate, .alpha = c.alpha};
    const View a_view = a.view(), y_view = y.view();
    Tensor scratch = on.scratch(on.backend().matmul_scratch(options, a_view.shape, b.shape, c.a_dtype, b.dtype));
    on.backend().matmul(options, a_view, b, y_view, scratch.view());
    EXPECT_TRUE(y.guards_intact());
    return y;
  }

  // With a and y of every type that they may have.
  void check(Case c) {
    const std::vector<DType> types = activation_types(context->backend(), c.arithmetic);
    for (const DType a : types)
      for (const DType y : types) {
        c.a_dtype = a, c.y_dtype = y;
        check_one(c);
        if (HasFatalFailure()) return;
      }
  }

  void check_one(const Case& c) {
    SCOPED_TRACE(fmt::format("{} m {} n {} k {} kind {} arithmetic {} alpha {} accumulate {} a {} {} {} b {} {} "
                             "y {} {} {}",
                             name_of(c.dtype), c.m, c.n, c.k, static_cast<int>(c.kind), static_cast<int>(c.arithmetic),
                             c.alpha, c.accumulate, name_of(c.a_dtype), c.a.gap, c.a.lead, c.b.gap, c.b.lead,
                             name_of(c.y_dtype), c.y.gap, c.y.lead));
    const bool nt = c.kind == MatmulKind::nt, brain = c.arithmetic == Arithmetic::bfloat16;
    const Stored b(c.dtype, nt ? c.n : c.k, nt ? c.k : c.n, 7, c.b.gap);
    const StoredOnDevice b_there(*context, b, c.b.lead);
    const ActivationMatrix y = multiply(*context, c, b_there.view());
    ActivationMatrix a(*context, c.a_dtype, c.m, c.k), before(*context, c.y_dtype, c.m, c.n);
    a.randomize(1);
    before.randomize(2);
    for (int64_t j = 0; j < c.n; ++j) {
      std::vector<double> weights(static_cast<size_t>(c.k));
      double largest = 0;
      for (int64_t i = 0; i < c.k; ++i) {
        const double weight = nt ? b.at(j, i) : b.at(i, j);
        weights[static_cast<size_t>(i)] = brain ? rounded(weight) : weight;
        largest = std::max(largest, std::abs(weight));
      }
      for (int64_t r = 0; r < c.m; ++r) {
        double sum = 0, magnitude = 0, x_magnitude = 0;
        for (int64_t i = 0; i < c.k; ++i) {
          const double x = static_cast<double>(a.at(r, i));
          const double product = (brain ? rounded(x) : x) * weights[static_cast<size_t>(i)];
          sum += product;
          magnitude += std::abs(product);
          x_magnitude += std::abs(x);
        }
        const double start = c.accumulate ? static_cast<double>(before.at(r, j)) : 0;
        const double alpha = static_cast<double>(c.alpha);
        // Any order of f32 sums: k + 3 roundings; scaled by runs, a scale and a sum more each. Formats with an offset
        // may add up scaled codes and offsets apart, each at most twice as large as the row's largest weight.
        const double terms = has_offset(c.dtype) ? 3 * largest * x_magnitude : magnitude;
        const double bound =
            (static_cast<double>(c.k) + 8) * f32_epsilon * (std::abs(alpha) * terms + std::abs(start)) + 1e-30;
        // And one rounding to the type of y.
        const double expected = start + alpha * sum;
        ASSERT_TRUE(near(y.at(r, j), expected, 0, bound + y.rounding_of(std::abs(expected) + bound))) << r << " " << j;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, MatvecKernel, every_device());

constexpr Arithmetic arithmetics[] = {Arithmetic::float32, Arithmetic::bfloat16};

// The first of all, for what a kernel was allowed once it stays allowed. What it declares itself and what a launch asks for
// are below 48 KiB each and above that together: shapes of real models.
TEST_P(MatvecKernel, SharedMemoryAroundWhatALaunchMayHaveUnasked) {
  for (const auto& [dtype, m, k] : {std::tuple<DType, int64_t, int64_t>{DType::nf4_double, 4, 4096},
                                    {DType::nf4_double, 8, 2048},
                                    {DType::nf4, 2, 8192},
                                    {DType::nf4_double, 1, 18944},
                                    {DType::bf16, 1, 8192},
                                    {DType::f32, 1, 12288}})
    check({.dtype = dtype, .m = m, .n = 17, .k = k, .arithmetic = Arithmetic::bfloat16});
}

TEST_P(MatvecKernel, EveryTypeAndNumberOfRows) {
  for (const DType dtype : decodable_types)
    for (const Arithmetic arithmetic : arithmetics)
      for (int64_t m = 1; m <= 8; ++m) {
        check({.dtype = dtype, .m = m, .n = 13, .k = 256, .arithmetic = arithmetic});
        if (HasFatalFailure()) return;
      }
}

// Fewer lanes than a warp for a row; one step; several; several slices; more than shared memory holds of a.
TEST_P(MatvecKernel, RowsOfEveryLength) {
  for (const DType dtype :
       {DType::f32, DType::f16, DType::bf16, DType::nf4, DType::nf4_double, DType::q8_0, DType::q4_k})
    for (const int64_t k : {32, 64, 160, 576, 1024, 1056, 2080, 4096, 9600, 17408, 33024}) {
      if (k % traits(dtype).block_elements != 0 && !is_nf4(dtype)) continue;
      check({.dtype = dtype, .m = 1, .n = 9, .k = k, .arithmetic = Arithmetic::bfloat16});
      check({.dtype = dtype, .m = k > 5000 ? 8 : 3, .n = 5, .k = k, .alpha = 0.5f, .accumulate = true});
      if (HasFatalFailure()) return;
    }
}

// More tiles than multiprocessors, the last not full; fewer rows of b than a group has.
TEST_P(MatvecKernel, WeightsOfEveryHeight) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::nf4_double, DType::q4_0})
    for (const int64_t n : {1, 2, 3, 4, 5, 63, 64, 65, 700}) {
      check({.dtype = dtype, .m = 1, .n = n, .k = 96});
      check({.dtype = dtype, .m = 2, .n = n, .k = 96, .accumulate = true});
      if (HasFatalFailure()) return;
    }
  check({.dtype = DType::nf4_double, .m = 1, .n = 1500, .k = 1088});
  check({.dtype = DType::bf16, .m = 5, .n = 900, .k = 264});
}

// Several tiles one after the other on a multiprocessor, whose rows are cut into slices; sums as long as what shared
// memory holds of a, and twice as long.
TEST_P(MatvecKernel, SeveralTilesOfLongRows) {
  for (const Arithmetic arithmetic : arithmetics) {
    check({.dtype = DType::bf16, .m = 1, .n = 50, .k = 4096, .arithmetic = arithmetic});
    check({.dtype = DType::nf4_double, .m = 1, .n = 100, .k = 16384, .arithmetic = arithmetic});
    check({.dtype = DType::nf4, .m = 8, .n = 100, .k = 2048, .arithmetic = arithmetic});
    check({.dtype = DType::nf4_double, .m = 6, .n = 100, .k = 4096, .arithmetic = arithmetic});
    check({.dtype = DType::q8_0, .m = 7, .n = 100, .k = 4096, .arithmetic = arithmetic});
    check({.dtype = DType::f32, .m = 3, .n = 200, .k = 9216, .arithmetic = arithmetic});
    if (HasFatalFailure()) return;
  }
}

TEST_P(MatvecKernel, PlacesThatAllowNoPacks) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16})
    for (const Arithmetic arithmetic : arithmetics)
      for (const Placement place : placements)
        for (const int64_t m : {1, 6})
          for (const int64_t k : {17, 64}) {
            check({.dtype = dtype, .m = m, .n = 11, .k = k, .arithmetic = arithmetic, .alpha = -2.0f,
                   .accumulate = true, .a = place, .y = place, .b = place});
            if (HasFatalFailure()) return;
          }
}

TEST_P(MatvecKernel, Nf4RowsThatAreNoWholeBlocks) {
  for (const DType dtype : {DType::nf4, DType::nf4_double})
    for (const Arithmetic arithmetic : arithmetics)
      for (const int64_t m : {1, 4})
        for (const int64_t k : {1, 33, 50, 68, 96, 130}) {
          check({.dtype = dtype, .m = m, .n = 21, .k = k, .arithmetic = arithmetic});
          if (HasFatalFailure()) return;
        }
}

// In bf16, whole blocks go through tensor cores: columns that are no whole steps of a warp, rows that are no whole
// tiles, longer than what shared memory holds of one row or of eight, at any place.
TEST_P(MatvecKernel, Nf4RowsOfWholeBlocks) {
  for (const DType dtype : {DType::nf4, DType::nf4_double}) {
    for (const int64_t m : {1, 2, 5, 8})
      for (const auto& [n, k] :
           {std::pair<int64_t, int64_t>{1, 64}, {15, 192}, {17, 320}, {33, 256}, {300, 576}, {16, 2112}})
        check({.dtype = dtype, .m = m, .n = n, .k = k, .arithmetic = Arithmetic::bfloat16, .alpha = 0.5f,
               .accumulate = n % 2 == 0});
    for (const Placement place : placements)
      check({.dtype = dtype, .m = 3, .n = 40, .k = 448, .arithmetic = Arithmetic::bfloat16, .accumulate = true,
             .a = place, .y = place});
    check({.dtype = dtype, .m = 8, .n = 50, .k = 5440, .arithmetic = Arithmetic::bfloat16});
    check({.dtype = dtype, .m = 1, .n = 18, .k = 43328, .arithmetic = Arithmetic::bfloat16});
    if (HasFatalFailure()) return;
  }
}

TEST_P(MatvecKernel, RowsOfALargerMatrix) {
  for (const DType dtype : {DType::nf4, DType::nf4_double, DType::q5_0, DType::q6_k, DType::bf16})
    for (const int64_t k : {50, 96, 256}) {
      const int64_t columns = whole_blocks(dtype, k);
      const Stored whole(dtype, 40, columns, 3);
      const StoredOnDevice there(*context, whole);
      for (const Arithmetic arithmetic : arithmetics) {
        const Case c{.dtype = dtype, .m = 2, .n = 11, .k = columns, .arithmetic = arithmetic};
        const ActivationMatrix y = multiply(*context, c, there.view().row_range(13, 11));
        FloatMatrix a(*context, 2, columns);
        a.randomize(1);
        const auto operand = [&](double value) { return arithmetic == Arithmetic::bfloat16 ? rounded(value) : value; };
        for (int64_t r = 0; r < 2; ++r)
          for (int64_t j = 0; j < 11; ++j) {
            double sum = 0, magnitude = 0;
            for (int64_t i = 0; i < columns; ++i) {
              const double product = operand(std::as_const(a).at(r, i)) * operand(whole.at(13 + j, i));
              sum += product;
              magnitude += std::abs(product);
            }
            const double bound = (static_cast<double>(columns) + 8) * f32_epsilon * magnitude;
            ASSERT_TRUE(near(y.at(r, j), sum, 0, bound)) << name_of(dtype) << " " << r << " " << j;
          }
      }
    }
}

// One row times b [k, n].
TEST_P(MatvecKernel, ColumnsOfPlainWeights) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16})
    for (const Arithmetic arithmetic : arithmetics)
      for (const auto& [n, k] : {std::pair<int64_t, int64_t>{1, 1}, {31, 70}, {96, 33}, {2048, 40}, {1030, 64}})
        for (const Placement place : {Placement{0, 0}, Placement{3, 1}}) {
          check({.dtype = dtype, .m = 1, .n = n, .k = k, .arithmetic = arithmetic, .kind = MatmulKind::nn,
                 .alpha = 0.25f, .accumulate = n % 2 == 0, .a = place, .y = place, .b = place});
          if (HasFatalFailure()) return;
        }
}

// int8 is for products over blocks on a CPU; elsewhere it computes as float32.
TEST_P(MatvecKernel, Int8IsFloat32WhereThereIsNoIntegerKernel) {
  for (const DType dtype : {DType::bf16, DType::nf4, DType::q4_k})
    check({.dtype = dtype, .m = 2, .n = 9, .k = 256, .arithmetic = Arithmetic::int8});
}

TEST_P(MatvecKernel, RunsAgreeToTheBit) {
  const auto other = make_context();
  for (const DType dtype : {DType::f32, DType::nf4_double, DType::q4_k}) {
    const Stored b(dtype, 70, 4096, 7);
    const StoredOnDevice b_there(*context, b), b_other(*other, b);
    for (const int64_t m : {1, 7}) {
      const Case c{.dtype = dtype, .m = m, .n = 70, .k = 4096};
      const std::vector<float> first = multiply(*context, c, b_there.view()).values();
      EXPECT_EQ(first, multiply(*context, c, b_there.view()).values());
      EXPECT_EQ(first, multiply(*other, c, b_other.view()).values());
    }
  }
}

}  // namespace
}  // namespace peft
