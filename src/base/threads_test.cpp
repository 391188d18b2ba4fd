#include "base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <vector>

#include "base/error.h"

namespace corollary {
namespace {

class Threads : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_num_threads(GetParam()); }
  void TearDown() override { set_num_threads(before_); }
  const int before_ = num_threads();
};

TEST_P(Threads, PiecesCoverTheRangeOnceAndStayTheSame) {
  for (const std::int64_t n : {0, 1, 2, 3, 7, 100, 100'003}) {
    std::vector<int> visits(static_cast<std::size_t>(n));
    std::vector<std::pair<std::int64_t, std::int64_t>> first(8), second(8);
    for (auto* pieces : {&first, &second})
      parallel_pieces(n, [&](std::int64_t begin, std::int64_t end, int piece) {
        (*pieces)[static_cast<std::size_t>(piece)] = {begin, end};
        for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
      });
    EXPECT_EQ(first, second);
    for (const int v : visits) ASSERT_EQ(v, 2);
  }
}

TEST_P(Threads, ForVisitsEachOnce) {
  std::vector<std::atomic<int>> visits(1000);
  parallel_for(1000, [&](std::int64_t i) { ++visits[static_cast<std::size_t>(i)]; });
  for (const auto& v : visits) EXPECT_EQ(v, 1);
}

TEST_P(Threads, SumsInOrderOfPiecesAreTheSameBits) {
  std::vector<float> values(100'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0f / static_cast<float>(i + 1);
  const auto sum = [&] {
    std::vector<float> parts(8);
    parallel_pieces(static_cast<std::int64_t>(values.size()), [&](std::int64_t begin, std::int64_t end, int piece) {
      parts[static_cast<std::size_t>(piece)] = std::accumulate(values.begin() + begin, values.begin() + end, 0.0f);
    });
    return std::accumulate(parts.begin(), parts.end(), 0.0f);
  };
  const float first = sum();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(sum(), first);
}

TEST_P(Threads, ExceptionsAreRethrown) {
  EXPECT_THROW(parallel_for(100, [](std::int64_t i) { check(i != 57, "stop at ", i); }), Error);
  EXPECT_THROW(parallel_pieces(100, [](std::int64_t, std::int64_t, int) { throw std::logic_error("no"); }), std::logic_error);
}

TEST_P(Threads, CallsInsideCallsRunInPlace) {
  std::atomic<int> inner{0};
  parallel_for(10, [&](std::int64_t) {
    parallel_pieces(10, [&](std::int64_t begin, std::int64_t end, int) { inner += static_cast<int>(end - begin); });
    parallel_for(5, [&](std::int64_t) { ++inner; });
  });
  EXPECT_EQ(inner, 150);
}

INSTANTIATE_TEST_SUITE_P(Counts, Threads, testing::Values(1, 2, 3, 8));

TEST(ThreadCount, RefusesZero) { EXPECT_THROW(set_num_threads(0), Error); }

}  // namespace
}  // namespace corollary
