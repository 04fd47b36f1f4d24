#include <cmath>

#include "cuda/activation_types.h"

#include "cpu/stored.h"  // its namespace peft::testing must not be there before support/device.h

namespace peft {
namespace {

class GatherKernel : public DeviceTest {
 protected:
  // A stored matrix on the device; the returned view lives as long as `storage`.
  ConstView to_device(const ConstView& host, std::shared_ptr<Storage>& storage) {
    const int64_t bytes = storage_bytes(host.dtype, Shape{host.rows(), host.row_stride});
    storage = make_storage(context->backend().memory(), bytes);
    context->backend().copy_from_host(host.data, storage->data(), bytes);
    ConstView view = host;
    view.data = storage->data();
    return view;
  }
  template <typename X, typename Y>
  void check_scatter();
  IndexMatrix index_of(const std::vector<int32_t>& values) {
    IndexMatrix index(*context, static_cast<int64_t>(values.size()), 1);
    for (size_t i = 0; i < values.size(); ++i) index.at(static_cast<int64_t>(i), 0) = values[i];
    return index;
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, GatherKernel, every_device());

TEST_P(GatherKernel, DecodesTheChosenRowsOfEveryType) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const DType dtype : testing::decodable_types) {
      SCOPED_TRACE(name_of(dtype));
      for (const int64_t columns :
           is_nf4(dtype) ? std::vector<int64_t>{70, 256} : std::vector<int64_t>{256, 1024}) {
        for (const int64_t gap : {0, 8, 3}) {
          const testing::Stored table(dtype, 19, columns, 9, gap);
          std::shared_ptr<Storage> storage;
          const ConstView x = to_device(table.view(), storage);
          const std::vector<int32_t> rows = {3, 18, 0, 3, 7, 18};
          IndexMatrix index = index_of(rows);
          for (const Placement place : placements) {
            Matrix y(*context, 6, columns, place), one(*context, 1, columns, place);
            context->backend().gather_rows(x, index.view(), y.view());
            context->backend().gather_rows(x, index.view().row_range(4, 1), one.view());
            for (int64_t r = 0; r < 6; ++r)
              for (int64_t c = 0; c < columns; ++c)
                ASSERT_EQ(y.at(r, c), stored<T>(table.at(rows[static_cast<size_t>(r)], c)));
            for (int64_t c = 0; c < columns; ++c) ASSERT_EQ(one.at(0, c), stored<T>(table.at(7, c)));
            EXPECT_TRUE(y.guards_intact() && one.guards_intact());
          }
        }
      }
    }
  });
}

// A slice of NF4 keeps the address of the whole tensor, whose blocks run over row borders.
TEST_P(GatherKernel, SlicesOfStoredRows) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const DType dtype : {DType::nf4, DType::nf4_double, DType::q4_k, DType::bf16}) {
      const int64_t columns = is_nf4(dtype) ? 70 : 256;
      const testing::Stored table(dtype, 19, columns, 3);
      std::shared_ptr<Storage> storage;
      const ConstView x = to_device(table.view(), storage);
      IndexMatrix index = index_of({2, 0, 2});
      Matrix y(*context, 3, columns);
      context->backend().gather_rows(x.row_range(5, 9), index.view(), y.view());
      for (int64_t c = 0; c < columns; ++c) {
        ASSERT_EQ(y.at(0, c), stored<T>(table.at(7, c))) << name_of(dtype);
        ASSERT_EQ(y.at(1, c), stored<T>(table.at(5, c))) << name_of(dtype);
      }
    }
  });
}

TEST_P(GatherKernel, OddWidths) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const int64_t columns : {1, 3, 3001}) {
      const testing::Stored table(DType::bf16, 40, columns, 4, 1);
      std::shared_ptr<Storage> storage;
      const ConstView x = to_device(table.view(), storage);
      std::vector<int32_t> rows;
      for (int32_t i = 0; i < 700; ++i) rows.push_back(i * 7 % 40);
      IndexMatrix index = index_of(rows);
      Matrix y(*context, 700, columns, {1, 1});
      context->backend().gather_rows(x, index.view(), y.view());
      for (int64_t r = 0; r < 700; ++r)
        for (int64_t c = 0; c < columns; ++c) ASSERT_EQ(y.at(r, c), table.at(rows[static_cast<size_t>(r)], c));
      EXPECT_TRUE(y.guards_intact());
    }
  });
}

TEST_P(GatherKernel, AGpuAnswersWrongIndicesWithNan) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    if (device->kind() == DeviceKind::cpu) return;  // there they are for the ops to refuse
    Matrix x(*context, 4, 20), y(*context, 3, 20), sum(*context, 4, 20);
    x.fill(1);
    IndexMatrix index = index_of({-1, 2, 4});
    context->backend().gather_rows(x.view(), index.view(), y.view());
    EXPECT_TRUE(std::isnan(static_cast<float>(y.at(0, 0))) && std::isnan(static_cast<float>(y.at(2, 19))));
    EXPECT_EQ(y.at(1, 7), 1);
    context->backend().scatter_add_rows(1, x.view().row_range(0, 3), index.view(), sum.view());
    EXPECT_EQ(sum.at(2, 3), 1);
    EXPECT_EQ(sum.at(3, 3), 0);
    EXPECT_TRUE(sum.guards_intact());
  });
}

struct ScatterCase {
  int64_t count, columns, rows;
  int32_t (*index)(int32_t i);
};
constexpr ScatterCase scatter_cases[] = {
    {200, 150, 7, [](int32_t i) { return i * i % 7; }},
    {1, 1, 1, [](int32_t) { return 0; }},
    {300, 64, 5, [](int32_t) { return 3; }},  // all into one
    {2000, 1, 3, [](int32_t i) { return i * 5 % 3; }},
    {700, 16, 5000, [](int32_t i) { return i * 37 % 5000 / 2; }},
    {33, 3001, 20, [](int32_t i) { return i % 11; }},
    {257, 4096, 300, [](int32_t i) { return i < 250 ? i : 299 - i % 3; }}};

// alpha is a power of two, so that only the order of additions rounds. A row of bf16 is rounded once for each 256 of x.
template <typename X, typename Y>
void GatherKernel::check_scatter() {
  for (const ScatterCase& shape : scatter_cases) {
    for (const Placement place : placements) {
      DeviceMatrix<X> x(*context, shape.count, shape.columns, place);
      DeviceMatrix<Y> y(*context, shape.rows, shape.columns, place), expected(*context, shape.rows, shape.columns);
      FloatMatrix sum(*context, shape.rows, shape.columns);
      x.randomize(1);
      y.randomize(2);
      for (int64_t r = 0; r < shape.rows; ++r)
        for (int64_t c = 0; c < shape.columns; ++c) sum.at(r, c) = y.at(r, c);
      IndexMatrix index(*context, shape.count, 1);
      for (int32_t i = 0; i < shape.count; ++i) {
        const int32_t row = index.at(i, 0) = shape.index(i);
        for (int64_t c = 0; c < shape.columns; ++c) sum.at(row, c) += 0.5f * x.at(i, c);
        if (i % 256 != 255 && i + 1 != shape.count) continue;
        for (int64_t r = 0; r < shape.rows; ++r)
          for (int64_t c = 0; c < shape.columns; ++c) sum.at(r, c) = expected.at(r, c) = sum.at(r, c);
      }
      context->backend().scatter_add_rows(0.5f, x.view(), index.view(), y.view());
      ASSERT_TRUE(y.same_bits(expected)) << shape.count << " rows of " << shape.columns << " into " << shape.rows;
      ASSERT_TRUE(y.guards_intact());
    }
  }
}

TEST_P(GatherKernel, ScatterAddsInTheOrderOfTheRows) {
  with_activation_types(*context, [&]<typename X>(X) {
    with_activation_types(*context, [&]<typename Y>(Y) { check_scatter<X, Y>(); });
  });
}

TEST_P(GatherKernel, NothingToScatter) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    Matrix x(*context, 0, 20), y(*context, 4, 20, {3, 1}), z(*context, 0, 20);
    IndexMatrix index(*context, 0, 1);
    y.fill(2);
    context->backend().scatter_add_rows(1, x.view(), index.view(), y.view());
    context->backend().gather_rows(y.view(), index.view(), z.view());
    for (int64_t c = 0; c < 20; ++c) EXPECT_EQ(y.at(3, c), 2);
    EXPECT_TRUE(y.guards_intact() && z.guards_intact());
  });
}

}  // namespace
}  // namespace peft
