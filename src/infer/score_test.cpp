#include "infer/score.h"

#include <gtest/gtest.h>

#include <cmath>

#include "infer/decoder.h"
#include "infer/test_models.h"

namespace corollary {
namespace {

/// -log p(target) after `context`, by the decoder.
double loss_after(const LoadedModel& model, std::span<const std::int32_t> context, std::int32_t target) {
  Stream stream;
  Decoder decoder(model.config, model.weights(), static_cast<std::int64_t>(context.size()));
  const std::span<const float> logits = decoder.append(stream, context);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  return std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(target)]);
}

TEST(Score, MatchesPublishedCheckpoints) {
  const std::vector<ReferenceCase> cases = reference_cases();
  if (cases.empty()) GTEST_SKIP() << kModels << " is absent";
  Stream stream;
  for (const ReferenceCase& reference : cases) {
    const LoadedModel model = reference_model(reference.model, DType::f32);
    Scorer scorer(model.config, model.weights(), 0, 256);
    const auto losses = scorer.losses(stream, std::vector<std::vector<std::int32_t>>{reference.ids});
    ASSERT_EQ(losses[0].size(), reference.nll_of_next.size());
    for (std::size_t i = 0; i < losses[0].size(); ++i) EXPECT_NEAR(losses[0][i], reference.nll_of_next[i], 1e-4) << i;
  }
}

TEST(Score, WindowsScoreEveryTokenOnceWithTheContextPromised) {
  Stream stream;
  const LoadedModel model = small_model(DType::f32);
  const std::vector<std::int32_t> sequence = some_tokens(101, 50);  // 100 scored: windows of 40, 40, and 40 of which 20 are new
  Scorer scorer(model.config, model.weights(), 40, 80);
  const std::vector<float> losses = scorer.losses(stream, std::vector<std::vector<std::int32_t>>{sequence})[0];
  ASSERT_EQ(losses.size(), 100u);
  const auto expect = [&](std::size_t i, std::size_t context_from) {
    EXPECT_NEAR(losses[i], loss_after(model, std::span(sequence).subspan(context_from, i + 1 - context_from), sequence[i + 1]),
                2e-4)
        << i;
  };
  for (const std::size_t i : {0, 1, 39}) expect(i, 0);
  for (const std::size_t i : {40, 41, 79}) expect(i, 40);
  for (const std::size_t i : {80, 99}) expect(i, 60);  // moved back: its first 20 are context
}

TEST(Score, NeighboursDoNotMatter) {
  Stream stream;
  const LoadedModel model = small_model(DType::f32);
  std::vector<std::vector<std::int32_t>> sequences;
  for (const std::size_t length : {1, 2, 30, 33, 34, 65, 66, 96, 97, 98, 200, 0, 5}) sequences.push_back(some_tokens(length, 50));
  Scorer many(model.config, model.weights(), 0, 192);
  const auto together = many.losses(stream, sequences);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    Scorer one(model.config, model.weights(), 0, 1);
    const auto alone = one.losses(stream, std::span(sequences).subspan(i, 1))[0];
    ASSERT_EQ(together[i].size(), sequences[i].empty() ? 0 : sequences[i].size() - 1);
    ASSERT_EQ(together[i].size(), alone.size());
    for (std::size_t t = 0; t < alone.size(); ++t) EXPECT_NEAR(together[i][t], alone[t], 2e-4) << i << " " << t;
  }
}

TEST(Score, RefusesWindowsTheModelDoesNotHave) {
  const LoadedModel model = small_model(DType::f32);
  EXPECT_THROW(Scorer(model.config, model.weights(), 97), Error);
  EXPECT_THROW(Scorer(model.config, model.weights(), -1), Error);
  EXPECT_THROW(Scorer(model.config, model.weights(), 0, 0), Error);
}

}  // namespace
}  // namespace corollary
