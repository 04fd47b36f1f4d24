// grouped_matmul against double precision: matrices of any place and size, rows of several groups, columns and rows that
// stay.
#include "cuda/device_matrix.h"
#include "tensor/context.h"

namespace peft {
namespace {

class GroupedKernel : public DeviceTest {
 protected:
  struct Group {
    int64_t first_row, rows, outputs, inner, inner_begin;
    float alpha;
  };
  void check(int64_t tokens, int64_t inner, int64_t outputs, const std::vector<Group>& groups, Placement place,
             bool accumulate) {
    FloatMatrix a(*context, tokens, inner, place), y(*context, tokens, outputs, place);
    a.randomize(1);
    y.randomize(2);
    std::vector<FloatMatrix> b;
    for (size_t g = 0; g < groups.size(); ++g) {
      b.emplace_back(*context, groups[g].outputs, groups[g].inner, place);
      b.back().randomize(10 + g);
    }
    std::vector<double> expected, size;
    for (int64_t r = 0; r < tokens; ++r)
      for (int64_t j = 0; j < outputs; ++j) {
        expected.push_back(static_cast<double>(y.at(r, j)));
        size.push_back(std::abs(expected.back()));
      }
    for (size_t g = 0; g < groups.size(); ++g)
      for (int64_t r = groups[g].first_row; r < groups[g].first_row + groups[g].rows; ++r)
        for (int64_t j = 0; j < groups[g].outputs; ++j) {
          double sum = 0, absolute = 0;
          for (int64_t k = 0; k < groups[g].inner; ++k) {
            const double term = static_cast<double>(a.at(r, groups[g].inner_begin + k)) * b[g].at(j, k);
            sum += term, absolute += std::abs(term);
          }
          const auto at = static_cast<size_t>(r * outputs + j);
          expected[at] = groups[g].alpha * sum + (accumulate ? expected[at] : 0);
          size[at] = std::abs(groups[g].alpha) * absolute + (accumulate ? size[at] : 0);
        }
    std::vector<GroupedRows> table;
    for (size_t g = 0; g < groups.size(); ++g) {
      const ConstView view = b[g].view();
      GroupedRows rows;
      rows.first_row = static_cast<int32_t>(groups[g].first_row);
      rows.row_count = static_cast<int32_t>(groups[g].rows);
      rows.outputs = static_cast<int32_t>(groups[g].outputs);
      rows.inner = static_cast<int32_t>(groups[g].inner);
      rows.inner_begin = static_cast<int32_t>(groups[g].inner_begin);
      rows.alpha = groups[g].alpha;
      rows.b = view.row<float>();
      rows.b_stride = view.row_stride;
      table.push_back(rows);
    }
    context->backend().grouped_matmul(table.data(), static_cast<int64_t>(table.size()), a.view(), accumulate, y.view());
    for (int64_t r = 0; r < tokens; ++r)
      for (int64_t j = 0; j < outputs; ++j) {
        const auto at = static_cast<size_t>(r * outputs + j);
        // Sums of at most 300 terms, in 32 parts or one after another.
        ASSERT_NEAR(y.at(r, j), expected[at], 300 * f32_epsilon * size[at]) << r << " " << j;
      }
    EXPECT_TRUE(y.guards_intact());
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, GroupedKernel, every_device());

TEST_P(GroupedKernel, LongAndShortRowsAtAnyPlace) {
  for (const Placement place : {Placement{}, Placement{3, 1}, Placement{4, 4}})
    for (const bool accumulate : {false, true}) {
      check(9, 300, 40, {{0, 1, 40, 300, 0, 1.0f}, {1, 3, 17, 256, 4, -0.5f}, {6, 2, 33, 131, 7, 2.0f}}, place, accumulate);
      check(9, 24, 600, {{2, 2, 600, 16, 8, 0.25f}, {5, 1, 300, 5, 3, 1.0f}}, place, accumulate);
    }
}

// More groups than one launch takes.
TEST_P(GroupedKernel, ManyGroups) {
  std::vector<Group> groups;
  for (int64_t g = 0; g < 150; ++g) groups.push_back({g, 1, 8 + g % 5, 16, g % 8, 1.0f + static_cast<float>(g)});
  check(150, 24, 12, groups, {}, true);
}

TEST_P(GroupedKernel, NothingToDo) {
  check(3, 8, 4, {}, {}, true);
  check(3, 8, 4, {{1, 0, 4, 8, 0, 1.0f}, {1, 1, 0, 8, 0, 1.0f}}, {}, true);
}

}  // namespace
}  // namespace peft
