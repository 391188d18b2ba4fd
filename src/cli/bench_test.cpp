#include "cli/bench.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace corollary {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Bench, Median) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_THROW(median({}), Error);
}

TEST(Bench, MeasuresInTurnAndDropsTheFirstRound) {
  std::string order;
  int calls = 0;
  const Medians medians = measure_in_turn(
      3, [&] { return order += 'o', ++calls == 1 ? 1000.0 : 2.0; }, [&] { return order += 'p', 8.0; });
  EXPECT_EQ(order, "opopopop");
  EXPECT_EQ(medians.ours, 2.0);
  EXPECT_EQ(medians.peer, 8.0);
  EXPECT_TRUE(std::isnan(measure_in_turn(1, [] { return 1.0; }, {}).peer));
}

TEST(Bench, AbsentPeerGivesNullNeverANumber) {
  EXPECT_EQ(to_line(bench_row_to_json({"a.b", "MB/s", 6, "peer 1.0", 2, 0.5})),
            R"({"name":"a.b","unit":"MB/s","ours":6.0,"peer":"peer 1.0","peer_value":2.0,"ratio":3.0,"share_of_peak":0.5})");
  EXPECT_EQ(
      to_line(bench_row_to_json({"a.b", "MB/s", 6, "absent: install x", kNaN, kNaN})),
      R"({"name":"a.b","unit":"MB/s","ours":6.0,"peer":"absent: install x","peer_value":null,"ratio":null,"share_of_peak":null})");
}

}  // namespace
}  // namespace corollary
