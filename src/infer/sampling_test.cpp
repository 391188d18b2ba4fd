#include "infer/sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "base/error.h"

namespace corollary {
namespace {

const std::vector<float> kLogits = {0.0f, std::log(2.0f), std::log(4.0f), std::log(2.0f), std::log(1.0f)};  // 0.1 0.2 0.4 0.2 0.1

std::map<std::int32_t, double> frequencies(const SamplingConfig& config, int draws = 20000) {
  std::map<std::int32_t, double> counts;
  for (int i = 0; i < draws; ++i) counts[sample_token(kLogits, config, static_cast<std::uint64_t>(i), 7)] += 1.0 / draws;
  return counts;
}

TEST(Sampling, GreedyTakesTheFirstOfEquals) {
  EXPECT_EQ(sample_token(kLogits, {}, 0, 0), 2);
  const std::vector<float> equal = {1, 3, 3, 2};
  EXPECT_EQ(sample_token(equal, {}, 0, 0), 1);
}

TEST(Sampling, DrawsAsOftenAsTheModelSays) {  // 20,000 draws: standard deviation at most 0.0035
  const auto plain = frequencies({.temperature = 1, .top_k = 0, .top_p = 1, .seed = 3});
  const double expected[] = {0.1, 0.2, 0.4, 0.2, 0.1};
  for (std::int32_t id = 0; id < 5; ++id) EXPECT_NEAR(plain.at(id), expected[id], 0.015) << id;
  const auto cold = frequencies({.temperature = 0.5, .top_k = 0, .top_p = 1, .seed = 3});  // squares: 1 4 16 4 1 of 26
  EXPECT_NEAR(cold.at(2), 16.0 / 26, 0.015);
}

TEST(Sampling, TopKAndTopPKeepTheFewestThatHold) {
  const auto two = frequencies({.temperature = 1, .top_k = 2, .top_p = 1, .seed = 3});  // ids 2 and, lowest of equals, 1
  EXPECT_EQ(two.size(), 2u);
  EXPECT_NEAR(two.at(2), 2.0 / 3, 0.015);
  EXPECT_TRUE(two.contains(1));
  const auto nucleus = frequencies({.temperature = 1, .top_k = 0, .top_p = 0.75, .seed = 3});  // 0.4 + 0.2 + 0.2 holds 0.75
  EXPECT_EQ(nucleus.size(), 3u);
  EXPECT_NEAR(nucleus.at(1), 0.25, 0.015);
  EXPECT_EQ(frequencies({.temperature = 1, .top_k = 0, .top_p = 0.01, .seed = 3}).size(), 1u);
}

TEST(Sampling, ADrawDependsOnSeedSampleAndPositionAlone) {
  const SamplingConfig config{.temperature = 1, .top_k = 0, .top_p = 1, .seed = 3};
  EXPECT_EQ(sample_token(kLogits, config, 5, 9), sample_token(kLogits, config, 5, 9));
  std::map<std::int32_t, int> by_position;
  for (std::uint64_t position = 0; position < 200; ++position) ++by_position[sample_token(kLogits, config, 5, position)];
  EXPECT_EQ(by_position.size(), 5u);
}

TEST(Sampling, RefusesNonsense) {
  EXPECT_THROW(check_sampling({.temperature = -1, .top_k = 0, .top_p = 1, .seed = 0}), Error);
  EXPECT_THROW(check_sampling({.temperature = 1, .top_k = -1, .top_p = 1, .seed = 0}), Error);
  EXPECT_THROW(check_sampling({.temperature = 1, .top_k = 0, .top_p = 0, .seed = 0}), Error);
  EXPECT_THROW(check_sampling({.temperature = 1, .top_k = 0, .top_p = 1.5, .seed = 0}), Error);
  const std::vector<float> bad = {0, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THROW(sample_token(bad, {}, 0, 0), Error);
}

}  // namespace
}  // namespace corollary
