#include "train/schedule.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace corollary {
namespace {

// Values worked out from the published configurations of Llemma 7B and 34B, to the digits printed there.
constexpr Schedule kLlemma7B{.peak = 1e-4, .min_lr_ratio = 0.033, .warmup_iters = 500, .decay_iters = 48'000};
constexpr Schedule kLlemma34B{.peak = 5e-5, .min_lr_ratio = 0.033, .warmup_iters = 500, .decay_iters = 12'000};

TEST(Schedule, Llemma7B) {
  EXPECT_NEAR(learning_rate_at(kLlemma7B, 1), 2.0e-7, 0.5e-12);
  EXPECT_NEAR(learning_rate_at(kLlemma7B, 10'000), 9.077e-5, 0.5e-8);
  EXPECT_NEAR(learning_rate_at(kLlemma7B, 24'250), 5.165e-5, 0.5e-8);
  EXPECT_NEAR(learning_rate_at(kLlemma7B, 42'000), 7.057e-6, 0.5e-9);
  EXPECT_NEAR(learning_rate_at(kLlemma7B, 48'000), 3.3e-6, 0.5e-12);
}

TEST(Schedule, Llemma34B) {
  EXPECT_NEAR(learning_rate_at(kLlemma34B, 6'250), 2.582e-5, 0.5e-8);
  EXPECT_NEAR(learning_rate_at(kLlemma34B, 12'000), 1.65e-6, 0.5e-12);
}

TEST(Schedule, ReachesThePeakWhenTheWarmUpEndsAndStaysOnTheFloorAfterTheDecay) {
  EXPECT_DOUBLE_EQ(learning_rate_at(kLlemma7B, 500), 1e-4);
  EXPECT_LT(learning_rate_at(kLlemma7B, 501), 1e-4);
  EXPECT_DOUBLE_EQ(learning_rate_at(kLlemma7B, 1'000'000), 3.3e-6);
}

TEST(Schedule, DegenerateLengths) {
  EXPECT_DOUBLE_EQ(learning_rate_at({.peak = 1, .min_lr_ratio = 0.1, .warmup_iters = 0, .decay_iters = 4}, 2), 0.1 + 0.9 * 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at({.peak = 1, .min_lr_ratio = 0.1, .warmup_iters = 4, .decay_iters = 4}, 4), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at({.peak = 1, .min_lr_ratio = 0.1, .warmup_iters = 4, .decay_iters = 4}, 5), 0.1);
  EXPECT_THROW(learning_rate_at(kLlemma7B, 0), Error);
}

}  // namespace
}  // namespace corollary
