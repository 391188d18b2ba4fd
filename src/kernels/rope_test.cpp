#include "kernels/rope.h"

#include <cmath>

#include "kernels/reference/rope.h"
#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

constexpr double kTheta = 10000;

TEST(Rope, ReferenceInverseIsTheGradient) {
  const Ints positions = {0, 3, 17};
  auto x = normal(3 * 2 * 6, 1);
  const auto dy = normal(3 * 2 * 6, 2), dx = reference::rope(dy, positions, 6, kTheta, true);
  const auto loss = [&] { return dot(dy, reference::rope(x, positions, 6, kTheta, false)); };
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(dx[i], central_difference(loss, x[i]), 1e-8) << "at " << i;
}

TEST(Rope, TableIsRoundedOnce) {
  auto table = TestTensor::blank(DType::f32, {2, 2048, 3});
  rope_table(table, kTheta);
  const Values values = table.values();
  for (const std::int64_t p : {0, 1, 2, 1000, 2047})
    for (std::int64_t i = 0; i < 3; ++i) {
      const double angle = static_cast<double>(p) * std::pow(kTheta, -2.0 * static_cast<double>(i) / 6);
      // The angle itself errs by 1e-16 of up to 2048, the entry by half a unit of f32.
      EXPECT_NEAR(values[static_cast<std::size_t>(p * 3 + i)], std::cos(angle), 3.1e-8) << p << " " << i;
      EXPECT_NEAR(values[static_cast<std::size_t>((2048 + p) * 3 + i)], std::sin(angle), 3.1e-8) << p << " " << i;
    }
}

class RopeOnDevice : public OnDevice {};
INSTANTIATE_TEST_SUITE_P(Every, RopeOnDevice, ::testing::ValuesIn(every_dtype_and_place()), test_name);

TEST_P(RopeOnDevice, MatchesReferenceAndLeavesTheRestAlone) {
  for (const std::int64_t head_dim : {2, 16, 30, 64, 66, 80, 128}) {
    for (const bool inverse : {false, true}) {  // and padded, or packed
      SCOPED_TRACE(std::to_string(head_dim) + (inverse ? " inverse" : ""));
      const std::int64_t tokens = 4, heads = 20, rotated = heads * head_dim, width = rotated + head_dim;
      const Ints positions = {0, 1, 100, 511};
      auto table = TestTensor::blank(DType::f32, {2, 512, head_dim / 2});
      rope_table(table, kTheta);
      const auto values = rounded(normal(tokens * width, 1), dtype());
      TestTensor x(values, dtype(), {tokens, width}, inverse ? 3 : 0);
      rope(stream, x, TestTensor(positions), table, heads, inverse);

      Values first;
      for (std::size_t i = 0; i < values.size(); ++i)
        if (static_cast<std::int64_t>(i) % width < rotated) first.push_back(values[i]);
      const Values turned = reference::rope(first, positions, head_dim, kTheta, inverse);
      Values want = values, size = values;  // of an element: |x[i]| + |x[i + D/2]|, at most twice the largest
      for (std::size_t i = 0, j = 0; i < want.size(); ++i)
        if (static_cast<std::int64_t>(i) % width < rotated) want[i] = turned[j++], size[i] = 2 * largest(values);
      expect_close(x.values(), want, unit_roundoff(dtype()), std::ldexp(2.0, -24), size);
      const Values got = x.values();
      for (std::size_t i = 0; i < want.size(); ++i) {
        if (static_cast<std::int64_t>(i) % width >= rotated) {
          ASSERT_EQ(got[i], values[i]);
        }
      }
      EXPECT_TRUE(x.padding_is_untouched());
    }
  }
}

TEST(Rope, ErrorsNameTheArgument) {
  Stream stream;
  TestTensor x(normal(16, 1), DType::f32, {2, 8});
  auto table = TestTensor::blank(DType::f32, {2, 10, 2});
  rope_table(table, kTheta);
  expect_error([&] { rope(stream, x, TestTensor(Ints{0, 10}), table, 2, false); }, "positions[1] is 10, must lie in 0 to 9");
  expect_error([&] { rope(stream, x, TestTensor(Ints{-1, 0}), table, 2, false); }, "positions[0] is -1");
  expect_error([&] { rope(stream, x, TestTensor(Ints{0, 1}), table, 3, false); }, "rows of 8 cannot hold 3 heads of 4");
  expect_error([&] { rope(stream, x, TestTensor(Ints{0}), table, 2, false); }, "positions must be [2], is [1]");
  expect_error([&] { rope_table(x, kTheta); }, "rope_table: table must be [2, max_positions, head_dim / 2]");
}

}  // namespace
}  // namespace corollary
