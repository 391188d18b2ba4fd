#include "train/spike_guard.h"

#include <gtest/gtest.h>

#include "base/fields.h"

namespace corollary {
namespace {

/// Accepts values 10 - d and 10 + d in turn: mean 10, standard deviation d.
SpikeGuard filled(std::int64_t window, double sigma, double deviation) {
  SpikeGuard guard(window, sigma);
  for (std::int64_t i = 0; i < window; ++i) guard.accept(10 + (i % 2 ? deviation : -deviation), 1);
  return guard;
}

TEST(SpikeGuard, CountsStandardDeviations) {
  const SpikeGuard guard = filled(8, 6, 0.5);
  EXPECT_NEAR(guard.judge(11, 1).loss_sigmas, 2, 1e-12);
  EXPECT_FALSE(guard.judge(12.9, 1).is_spike);
  EXPECT_TRUE(guard.judge(13.1, 1).is_spike);
  EXPECT_TRUE(guard.judge(10, 1.01).is_spike);  // of the norm, which never moved
  EXPECT_FALSE(guard.judge(10, 1).is_spike);
  EXPECT_FALSE(guard.judge(-1000, 0.5).is_spike);  // a fall is none
}

TEST(SpikeGuard, WaitsForHalfAWindowAndForgets) {
  SpikeGuard guard(8, 3);
  for (int i = 0; i < 3; ++i) guard.accept(10 + i % 2, 1);
  EXPECT_FALSE(guard.judge(1e6, 1).is_spike);
  guard.accept(11, 1);
  EXPECT_TRUE(guard.judge(1e6, 1).is_spike);
  for (int i = 0; i < 8; ++i) guard.accept(1e6 + i, 1);
  EXPECT_FALSE(guard.judge(1e6, 1).is_spike);
  EXPECT_EQ(guard.state().losses.size(), 8u);
}

TEST(SpikeGuard, OffItKeepsNothing) {
  SpikeGuard guard = filled(8, 0, 0.5);
  EXPECT_TRUE(guard.state().losses.empty());
  EXPECT_FALSE(guard.judge(1e9, 1e9).is_spike);
}

// What makes a resumed run decide as one that went on.
TEST(SpikeGuard, ItsStateIsAllThatItKnows) {
  const SpikeGuard guard = filled(7, 2, 0.1);
  SpikeGuard::State stored;
  fields_from_json(stored, parse_json(fields_to_json(guard.state()).dump(), "state"), "state");
  SpikeGuard resumed(7, 2);
  resumed.set_state(stored);
  EXPECT_EQ(resumed.judge(10.3, 1).loss_sigmas, guard.judge(10.3, 1).loss_sigmas);
  SpikeGuard smaller(4, 2);
  smaller.set_state(stored);
  EXPECT_EQ(smaller.state().losses, std::vector<double>(stored.losses.end() - 4, stored.losses.end()));
}

}  // namespace
}  // namespace corollary
