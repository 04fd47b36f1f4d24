#include "tensor/shape.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace peft {
namespace {

TEST(Shape, CountsRowsAndColumns) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape.elements(), 24);
  EXPECT_EQ(shape.rows(), 6);
  EXPECT_EQ(shape.columns(), 4);
  EXPECT_EQ(shape[-1], 4);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(to_string(shape), "[2, 3, 4]");
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ((Shape{7}).rows(), 1);
  EXPECT_EQ((Shape{0, 7}).elements(), 0);
}

TEST(Shape, ComparesRankAndSizes) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_NE((Shape{6}), (Shape{1, 6}));
  EXPECT_NE((Shape{2, 0}), (Shape{2}));
}

TEST(Shape, RejectsWhatItCannotHold) {
  EXPECT_THROW((Shape{1, 2, 3, 4, 5}), Error);
  EXPECT_THROW((Shape{2, -1}), Error);
  EXPECT_THROW((Shape{int64_t{1} << 32, int64_t{1} << 32}).elements(), Error);
  EXPECT_THROW((Shape{2, 3})[2], Error);
}

}  // namespace
}  // namespace peft
