#include "corpus/split.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace corollary {
namespace {

std::int64_t count(const std::vector<Split>& splits, Split split) { return std::count(splits.begin(), splits.end(), split); }

TEST(Split, Arithmetic) {
  for (const auto& [n, held] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{3, 1}, {199, 1}, {400, 2}, {599, 2}, {600, 3}, {100'000, 500}}) {
    const auto splits = split_group(n, 0.005, 0.005, 1, "code coq");
    ASSERT_EQ(static_cast<std::int64_t>(splits.size()), n);
    EXPECT_EQ(count(splits, Split::validation), held) << n;
    EXPECT_EQ(count(splits, Split::test), held) << n;
  }
}

TEST(Split, TooSmallAndNone) {
  EXPECT_TRUE(split_group(0, 0.005, 0.005, 1, "g").empty());
  for (const int n : {1, 2}) EXPECT_EQ(count(split_group(n, 0.005, 0.005, 1, "g"), Split::train), n);
  EXPECT_EQ(count(split_group(100, 0, 0, 1, "g"), Split::train), 100);
  EXPECT_EQ(count(split_group(100, 0, 0.1, 1, "g"), Split::test), 10);
}

TEST(Split, SeedAndGroupAloneDecide) {
  const auto once = split_group(1000, 0.1, 0.1, 1, "g");
  EXPECT_EQ(once, split_group(1000, 0.1, 0.1, 1, "g"));
  EXPECT_NE(once, split_group(1000, 0.1, 0.1, 2, "g"));
  EXPECT_NE(once, split_group(1000, 0.1, 0.1, 1, "h"));
}

/// Each document as likely as another: over many groups the held-out ones fall evenly.
TEST(Split, FallsEvenly) {
  std::vector<int> tests(20, 0);
  for (int g = 0; g < 4000; ++g) {
    const auto splits = split_group(20, 0, 0.05, 7, std::to_string(g));
    for (std::size_t i = 0; i < splits.size(); ++i) tests[i] += splits[i] == Split::test;
  }
  for (const int n : tests) EXPECT_NEAR(n, 200, 6 * 14) << "six deviations of a binomial";
}

TEST(Split, PublishedForPapers) {
  const auto drawn = published_paper_splits(250);  // floor(247.5) train, 1 validation, 2 test
  ASSERT_EQ(drawn.size(), 3U);
  EXPECT_EQ(drawn[0].position, 247);
  EXPECT_EQ(drawn[0].split, Split::validation);
  EXPECT_EQ(drawn[1].split, Split::test);
  EXPECT_EQ(drawn[2].split, Split::test);
  EXPECT_TRUE(published_paper_splits(0).empty());
  EXPECT_EQ(published_paper_splits(1).size(), 1U);
}

TEST(Split, RefusesFractionsThatLeaveNothing) {
  for (const double bad : {-0.1, 0.5, 1.0}) {
    EXPECT_THROW(split_group(10, bad, 0.1, 1, "g"), Error);
    EXPECT_THROW(split_group(10, 0.1, bad, 1, "g"), Error);
  }
}

}  // namespace
}  // namespace corollary
