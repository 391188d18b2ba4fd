#include "comm/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace corollary {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

RankRecord record(std::int64_t finished, double waiting_seconds, double heard) {
  RankRecord result{{.finished = finished, .waiting_seconds = waiting_seconds, .pid = 4711}, heard};
  std::strcpy(result.last.host, "node7");
  return result;
}

TEST(Watchdog, NobodyIsBlamedWhileAllIsWell) {
  EXPECT_FALSE(find_culprit({record(5, 0.5, 99), record(5, -1, 98)}, 100, 10).has_value());
  EXPECT_FALSE(find_culprit({record(5, -1, 91), record(5, -1, 100)}, 100, 10).has_value());
}

TEST(Watchdog, TheSilentOneIsBlamedBeforeThoseThatWaitForIt) {
  const auto culprit = find_culprit({record(5, 12, 100), record(5, -1, 88), record(6, 12, 99)}, 100, 10);
  ASSERT_TRUE(culprit.has_value());
  EXPECT_THAT(*culprit, HasSubstr("no sign of life from rank 1 (process 4711 on node7), silent for 12.0 s:"));
}

TEST(Watchdog, TheOneThatComputesIsBlamedByThoseThatWait) {
  const auto culprit = find_culprit({record(5, 12, 100), record(4, -1, 100), record(6, 12, 99)}, 100, 10);
  ASSERT_TRUE(culprit.has_value());
  EXPECT_THAT(*culprit, HasSubstr("waited 12.0 s"));
  EXPECT_THAT(*culprit, HasSubstr("not arrived: rank 1 "));
  EXPECT_THAT(*culprit, Not(HasSubstr("rank 0")));
}

TEST(Watchdog, WhenAllWaitTheOneBehindIsBlamed) {
  const auto culprit = find_culprit({record(7, 12, 100), record(7, 11, 100), record(6, 12, 99)}, 100, 10);
  ASSERT_TRUE(culprit.has_value());
  EXPECT_THAT(*culprit, HasSubstr("behind the others: rank 2"));
}

TEST(Watchdog, ActivityKnowsSinceWhenItWaits) {
  Activity activity;
  EXPECT_FALSE(activity.waiting_since().has_value());
  {
    const Activity::InCollective outer(activity);
    const double since = activity.waiting_since().value();
    EXPECT_LE(since, Activity::now());
    const Activity::InCollective inner(activity);  // another thread's, begun later
    EXPECT_EQ(activity.waiting_since().value(), since);
  }
  EXPECT_FALSE(activity.waiting_since().has_value());
  EXPECT_EQ(activity.finished(), 2);
}

}  // namespace
}  // namespace corollary
