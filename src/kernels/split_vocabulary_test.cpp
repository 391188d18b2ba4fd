#include "kernels/split_vocabulary.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cross_entropy.h"
#include "kernels/embedding.h"
#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

constexpr std::int64_t kTokens = 7;

Values columns(const Values& logits, std::int64_t vocab_size, std::int64_t begin, std::int64_t end) {
  Values part;
  for (std::int64_t t = 0; t < kTokens; ++t)
    part.insert(part.end(), logits.begin() + t * vocab_size + begin, logits.begin() + t * vocab_size + end);
  return part;
}

class SplitVocabularyOnDevice : public OnDevice {
 protected:
  struct Outcome {
    Values losses;
    std::vector<Values> gradients;  ///< of each part
    bool padding_is_untouched = true;
    bool operator==(const Outcome&) const = default;
  };
  /// Parts exchanged as ranks would exchange them.
  Outcome by_parts(const Values& logits, const Ints& targets, const std::vector<std::int64_t>& cuts, std::int64_t pad, float grad_scale) {
    const TestTensor whole_targets(targets);
    std::vector<TestTensor> parts, part_targets;
    Values highest(kTokens, -1e30), totals(2 * kTokens);
    for (std::size_t r = 0; r + 1 < cuts.size(); ++r) {
      parts.emplace_back(columns(logits, cuts.back(), cuts[r], cuts[r + 1]), dtype(), Shape{kTokens, cuts[r + 1] - cuts[r]}, pad);
      part_targets.emplace_back(Ints(kTokens, -7));
      ids_within(stream, part_targets[r], whole_targets, cuts[r], cuts[r + 1]);
      auto own = TestTensor::blank(DType::f32, {kTokens});
      split_maxima(stream, own, parts[r]);
      const Values found = own.values();
      for (std::size_t t = 0; t < highest.size(); ++t) highest[t] = std::max(highest[t], found[t]);
    }
    const TestTensor maxima(highest, DType::f32, {kTokens});
    for (std::size_t r = 0; r < parts.size(); ++r) {
      auto own = TestTensor::blank(DType::f32, {2, kTokens});
      split_sums(stream, own, parts[r], maxima, part_targets[r]);
      const Values found = own.values();
      for (std::size_t i = 0; i < totals.size(); ++i) totals[i] += found[i];
    }
    const TestTensor sums(totals, DType::f32, {2, kTokens});
    auto losses = TestTensor::blank(DType::f32, {kTokens});
    split_losses(stream, losses, sums, whole_targets);
    Outcome outcome;
    outcome.losses = losses.values();
    for (std::size_t r = 0; r < parts.size(); ++r) {
      split_gradient(stream, parts[r], maxima, sums, whole_targets, part_targets[r], grad_scale);
      outcome.gradients.push_back(parts[r].values());
      outcome.padding_is_untouched &= parts[r].padding_is_untouched();
    }
    return outcome;
  }
};
INSTANTIATE_TEST_SUITE_P(Every, SplitVocabularyOnDevice, ::testing::ValuesIn(every_dtype_and_place()), test_name);

// The whole kernel is the judge. Widths of one column, of whole vectors, and of more than a GPU's block takes at a time.
TEST_P(SplitVocabularyOnDevice, PartsTogetherAreCrossEntropy) {
  for (const std::vector<std::int64_t>& cuts : {std::vector<std::int64_t>{0, 32, 33, 75}, {0, 64, 256}, {0, 24000, 24001, 48016}})
    for (const std::int64_t pad : {0, 1}) {
      const std::int64_t vocab_size = cuts.back();
      const Values logits = rounded(normal(kTokens * vocab_size, 3), dtype());
      const auto last = static_cast<std::int32_t>(vocab_size - 1);
      const Ints targets = {0, last, 31, -1, 32, 50, 8};
      TestTensor whole(logits, dtype(), {kTokens, vocab_size});
      auto losses = TestTensor::blank(DType::f32, {kTokens});
      cross_entropy_backward(stream, whole, losses, TestTensor(targets), 0.25f);
      const Outcome outcome = by_parts(logits, targets, cuts, pad, 0.25f);
      const Values expected = losses.values(), gradient = whole.values();
      EXPECT_TRUE(outcome.padding_is_untouched);
      for (std::size_t t = 0; t < expected.size(); ++t) EXPECT_NEAR(outcome.losses[t], expected[t], 1e-5) << "token " << t;
      const double unit = dtype() == DType::f32 ? 1e-6 : 4e-3;
      for (std::size_t r = 0; r < outcome.gradients.size(); ++r) {
        const Values want = columns(gradient, vocab_size, cuts[r], cuts[r + 1]);
        double worst = 0;
        for (std::size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(outcome.gradients[r][i] - want[i]));
        EXPECT_LE(worst, unit * 0.25) << "columns [" << cuts[r] << ", " << cuts[r + 1] << ")";
      }
      EXPECT_TRUE(outcome == by_parts(logits, targets, cuts, pad, 0.25f)) << "another time other bits";
    }
}

TEST_P(SplitVocabularyOnDevice, ATokenOfAnotherRankIsARowOfZerosAndHasNoGradient) {
  const TestTensor table(normal(5 * 16, 1), dtype(), {5, 16}), tokens(Ints{4, -1, 0}), dx(normal(3 * 16, 2), dtype(), {3, 16});
  auto x = TestTensor::blank(dtype(), {3, 16}), d_table = TestTensor::zeros(DType::f32, {5, 16});
  embedding_forward(stream, x, tokens, table);
  embedding_backward(stream, d_table, tokens, dx);
  const Values got = x.values(), rows = table.values(), slopes = d_table.values(), from = dx.values();
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(got[i], rows[4 * 16 + i]);
    EXPECT_EQ(got[16 + i], 0);
    EXPECT_EQ(slopes[4 * 16 + i], from[i]);
    EXPECT_EQ(slopes[i], from[2 * 16 + i]);
    EXPECT_EQ(slopes[16 + i], 0);
  }
}

}  // namespace
}  // namespace corollary
