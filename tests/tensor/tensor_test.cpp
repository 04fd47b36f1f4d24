#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include "support/host_memory.h"
#include "tensor/nf4.h"

namespace peft {
namespace {

Tensor make(const Shape& shape, DType dtype = DType::f32) {
  static const auto source = std::make_shared<CountingMemory>();
  return Tensor(make_storage(source, storage_bytes(dtype, shape)), shape, dtype);
}

TEST(Tensor, UndefinedHasAnEmptyView) {
  const Tensor tensor;
  EXPECT_FALSE(tensor);
  EXPECT_FALSE(tensor.view());
  EXPECT_FALSE(tensor.requires_grad());
}

TEST(Tensor, RefusesABufferThatIsTooSmall) {
  const Tensor tensor = make({4, 4});
  EXPECT_THROW(Tensor(tensor.storage(), Shape{4, 5}, DType::f32), Error);
}

TEST(Tensor, RangesAliasTheBuffer) {
  Tensor tensor = make({4, 6});
  float* data = tensor.view().row<float>();
  Tensor part = tensor.row_range(1, 2).column_range(2, 3);
  EXPECT_EQ(part.shape(), (Shape{2, 3}));
  EXPECT_EQ(part.view().row<float>(), data + 8);
  EXPECT_EQ(part.view().row<float>(1), data + 14);
  EXPECT_FALSE(part.dense());
  EXPECT_EQ(part.storage(), tensor.storage());
  EXPECT_THROW(tensor.row_range(3, 2), Error);
  EXPECT_THROW(tensor.column_range(-1, 2), Error);
  EXPECT_THROW(part.reshaped({6}), Error);
}

TEST(Tensor, BlockRowsAreWholeBlocks) {
  Tensor tensor = make({4, 64}, DType::q4_1);
  EXPECT_EQ(tensor.row_range(2, 1).view().data - tensor.view().data, 2 * 2 * 20);
  EXPECT_THROW(tensor.column_range(0, 32), Error);
  EXPECT_THROW(tensor.reshaped({2, 128}), Error);
}

TEST(Tensor, Nf4SlicesKeepTheWholeTensor) {
  Tensor tensor = make({8, 24}, DType::nf4_double);
  const Tensor slice = tensor.row_range(2, 5).row_range(1, 2);
  const ConstView view = slice.view();
  EXPECT_EQ(view.data, tensor.const_view().data);
  EXPECT_EQ(view.first_row, 3);
  EXPECT_EQ(view.all_rows, 8);
  EXPECT_EQ(view.rows(), 2);
  EXPECT_THROW(slice.reshaped({48}), Error);
  EXPECT_EQ(tensor.reshaped({4, 48}).view().all_rows, 4);
}

TEST(Tensor, ReshapeKeepsElements) {
  const Tensor tensor = make({4, 6});
  EXPECT_EQ(tensor.reshaped({2, 2, 6}).rows(), 4);
  EXPECT_EQ(tensor.reshaped({24}).storage(), tensor.storage());
  EXPECT_THROW(tensor.reshaped({5, 5}), Error);
}

}  // namespace
}  // namespace peft
