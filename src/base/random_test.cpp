#include "base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "base/error.h"

namespace corollary {
namespace {

using Words = std::array<std::uint32_t, 4>;

// Known answers for philox4x32-10 as published with Random123 (kat_vectors): zeros, ones, digits of pi.
TEST(Random, PhiloxKnownAnswers) {
  EXPECT_EQ(philox(0, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox(~0ull, ~0ull, ~0ull), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, SequenceIsThePhiloxStream) {
  Random random(7, 3);
  for (std::uint64_t block = 0; block < 3; ++block)
    for (const std::uint32_t word : philox(7, 3, block)) EXPECT_EQ(random.next_u32(), word);
}

TEST(Random, StreamsAndSeedsDiffer) {
  EXPECT_NE(Random(1, 0).next_u32(), Random(1, 1).next_u32());
  EXPECT_NE(Random(1, 0).next_u32(), Random(2, 0).next_u32());
}

TEST(Random, UniformFillsTheUnitInterval) {
  Random random(1);
  const int n = 100'000;
  double sum = 0, lowest = 1, highest = 0;
  for (int i = 0; i < n; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u, lowest = std::min(lowest, u), highest = std::max(highest, u);
  }
  EXPECT_NEAR(sum / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));  // five standard errors
  EXPECT_LT(lowest, 1e-3);
  EXPECT_GT(highest, 1 - 1e-3);
}

TEST(Random, NormalHasItsMoments) {
  Random random(2);
  const int n = 100'000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    ASSERT_TRUE(std::isfinite(x));
    sum += x, squares += x * x, fourth += x * x * x * x;
  }
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(fourth / n, 3, 5 * std::sqrt(96.0 / n));
}

TEST(Random, BelowIsUnbiased) {
  Random random(3);
  std::map<std::int64_t, int> counts;
  const int n = 60'000;
  for (int i = 0; i < n; ++i) ++counts[random.below(6)];
  ASSERT_EQ(counts.size(), 6u);
  for (const auto& [face, count] : counts) EXPECT_NEAR(count, n / 6.0, 5 * std::sqrt(n / 6.0)) << face;
  EXPECT_EQ(random.below(1), 0);
  for (int i = 0; i < 100; ++i) EXPECT_GE(random.below(std::int64_t{1} << 62), 0);
  EXPECT_THROW(random.below(0), Error);
}

}  // namespace
}  // namespace corollary
