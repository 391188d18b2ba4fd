#include "kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "kernels/reference/cross_entropy.h"
#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

const std::int64_t kSizes[] = {1, 2, 15, 31, 32, 33, 80, 1000, 8192, 32016};
const std::int64_t kLong = 40008;  // longer than what a GPU's block keeps of a row

TEST(CrossEntropy, ReferenceGradientIsTheSlope) {
  const Ints targets = {4, -1, 0};
  auto logits = normal(3 * 5, 1);
  const auto gradient = reference::cross_entropy_backward(logits, targets, 0.7);
  const auto loss = [&] {
    double sum = 0;
    for (const double l : reference::cross_entropy(logits, targets)) sum += 0.7 * l;
    return sum;
  };
  for (std::size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(gradient[i], central_difference(loss, logits[i]), 1e-8) << "at " << i;
}

class CrossEntropyOnDevice : public OnDevice {
 protected:
  /// Five rows over `vocab_size`, one of them far from zero, one without a target.
  struct Case {
    Values logits;
    Ints targets;
  };
  Case make(std::int64_t vocab_size) const {
    Case made{normal(5 * vocab_size, 1), uniform_ints(5, vocab_size, 2)};
    for (double& x : made.logits) x *= 4;
    for (std::int64_t v = 0; v < vocab_size; ++v) made.logits[static_cast<std::size_t>(3 * vocab_size + v)] += 300;
    made.targets[1] = -1;
    made.targets[2] = static_cast<std::int32_t>(vocab_size - 1);
    made.logits = rounded(made.logits, dtype());
    return made;
  }
  std::vector<PaddedSize> sizes() const {
    auto all = every_size(kSizes);
    if (on_cuda()) all.push_back({kLong, 0}), all.push_back({kLong, 1});
    return all;
  }
};
INSTANTIATE_TEST_SUITE_P(Every, CrossEntropyOnDevice, ::testing::ValuesIn(every_dtype_and_place()), test_name);

/// The exponentials' arguments err by a rounding of their size, at most `range`; their sum by sum_error.
double probability_error(const Values& logits, std::int64_t n) {
  const auto [low, high] = std::minmax_element(logits.begin(), logits.end());
  return sum_error(n) + std::ldexp(*high - *low, -24);
}

TEST_P(CrossEntropyOnDevice, ForwardMatchesReference) {
  for (const auto& [n, pad] : sizes()) {
    SCOPED_TRACE(std::to_string(n) + (pad ? " padded" : ""));
    const Case c = make(n);
    auto loss = TestTensor::blank(DType::f32, {5});
    cross_entropy_forward(stream, loss, TestTensor(c.logits, dtype(), {5, n}, pad * 3), TestTensor(c.targets));
    const Values want = reference::cross_entropy(c.logits, c.targets);
    // An error of the sum is an absolute one of its logarithm, as are the roundings of the difference max - logits[target].
    expect_close(loss.values(), want, std::ldexp(2.0, -24), probability_error(c.logits, n), Values(5, 1.0));
    EXPECT_EQ(loss.values()[1], 0);
  }
}

TEST_P(CrossEntropyOnDevice, BackwardMatchesReference) {
  for (const auto& [n, pad] : sizes()) {
    SCOPED_TRACE(std::to_string(n) + (pad ? " padded" : ""));
    const Case c = make(n);
    const float scale = 1.0f / 64;
    TestTensor logits(c.logits, dtype(), {5, n}, pad * 3);
    auto loss = TestTensor::blank(DType::f32, {5}), forward_loss = TestTensor::blank(DType::f32, {5});
    cross_entropy_forward(stream, forward_loss, logits, TestTensor(c.targets));
    cross_entropy_backward(stream, logits, loss, TestTensor(c.targets), scale);
    EXPECT_EQ(loss.bytes(), forward_loss.bytes());
    const Values want = reference::cross_entropy_backward(c.logits, c.targets, scale);
    Values size = absolute(want);  // softmax, and at the target 1 beside it
    for (std::size_t t = 0; t < 5; ++t)
      if (c.targets[t] >= 0) size[t * static_cast<std::size_t>(n) + static_cast<std::size_t>(c.targets[t])] += 2 * scale;
    expect_close(logits.values(), want, unit_roundoff(dtype()), probability_error(c.logits, n), size);
    EXPECT_TRUE(logits.padding_is_untouched());
  }
}

TEST_P(CrossEntropyOnDevice, ImpossibleTokensAndWildLogits) {
  const double infinity = INFINITY, nan = std::nan("");
  TestTensor logits({-infinity, 0, 0, -infinity, 1e30, -1e30, 0, 5, nan, 0, 0, 0}, dtype(), {3, 4});
  auto loss = TestTensor::blank(DType::f32, {3});
  cross_entropy_backward(stream, logits, loss, TestTensor(Ints{1, 0, 2}), 1);
  EXPECT_NEAR(loss.values()[0], std::log(2.0), 1e-6);
  EXPECT_EQ(loss.values()[1], 0);
  EXPECT_TRUE(std::isnan(loss.values()[2]));  // a lost model shows
  const Values got = logits.values();
  EXPECT_EQ(Values(got.begin(), got.begin() + 8), (Values{0, -0.5, 0.5, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(std::isnan(got[8]));
}

TEST(CrossEntropy, GpuTakesImpossibleTargetsForNone) {  // which the CPU refuses
  if (!find_gpu().gpu) GTEST_SKIP() << find_gpu().why_not;
  AtPlace gpu({Device::cuda});
  TestTensor logits(normal(8, 1), DType::bf16, {2, 4});
  auto loss = TestTensor::blank(DType::f32, {2});
  cross_entropy_backward(gpu.stream, logits, loss, TestTensor(Ints{4, -2}), 1);
  EXPECT_EQ(loss.values(), Values(2));
  EXPECT_EQ(logits.values(), Values(8));
}

TEST(CrossEntropy, ErrorsNameTheArgument) {
  Stream stream;
  TestTensor logits(normal(8, 1), DType::f32, {2, 4});
  auto loss = TestTensor::blank(DType::f32, {2}), short_loss = TestTensor::blank(DType::f32, {1});
  expect_error(
      [&] {
        cross_entropy_forward(stream, loss, logits, TestTensor(Ints{0, 4}));
      },
      "targets[1] is 4, must lie in -1 to 3");
  expect_error([&] { cross_entropy_backward(stream, logits, loss, TestTensor(Ints{-2, 0}), 1); }, "targets[0] is -2");
  expect_error([&] { cross_entropy_forward(stream, short_loss, logits, TestTensor(Ints{0, 1})); }, "loss must be [2], is [1]");
  expect_error([&] { cross_entropy_forward(stream, loss, logits, loss); }, "targets must be i32, is f32");
}

}  // namespace
}  // namespace corollary
