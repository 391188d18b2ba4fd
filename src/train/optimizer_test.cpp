#include "train/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace corollary {
namespace {

/// Adam with decoupled decay and clipping as the papers write it, in double, a loop over one array.
struct PlainAdamW {
  std::vector<double> w, m, v;
  int updates = 0;
  void step(const std::vector<double>& gradient, std::size_t decayed, double learning_rate, const TrainConfig& c) {
    double square = 0;
    for (const double g : gradient) square += g * g;
    const double norm = std::sqrt(square), scale = norm > c.clip_grad ? c.clip_grad / norm : 1;
    ++updates;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double g = scale * gradient[i];
      m[i] = c.beta1 * m[i] + (1 - c.beta1) * g;
      v[i] = c.beta2 * v[i] + (1 - c.beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(c.beta1, updates)), v_hat = v[i] / (1 - std::pow(c.beta2, updates));
      w[i] -= learning_rate * (m_hat / (std::sqrt(v_hat) + c.eps) + (i < decayed ? c.weight_decay : 0) * w[i]);
    }
  }
};

class OptimizerTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kCount = 1037, kDecayed = 1001;
  Stream stream_;
  std::unique_ptr<Communicator> world_ = make_single_rank();
  TrainConfig config_;
};

TEST_F(OptimizerTest, FollowsThePlainLoopInBothDtypes) {
  for (const DType compute : {DType::f32, DType::bf16}) {
    Optimizer optimizer(kCount, kDecayed, compute, config_);
    PlainAdamW plain{std::vector<double>(kCount), std::vector<double>(kCount), std::vector<double>(kCount)};
    Random random(7);
    auto* master = optimizer.master().data<float>();
    for (std::size_t i = 0; i < kCount; ++i) plain.w[i] = master[i] = static_cast<float>(0.02 * random.normal());
    optimizer.weights_from_master(stream_);

    for (int step = 1; step <= 50; ++step) {
      const double size = step % 2 == 0 ? 1e-3 : 1.0;  // norms of 0.03 and 32: unclipped and clipped
      const double learning_rate = 1e-3 * step;
      std::vector<double> gradient(kCount);
      auto* ours = optimizer.gradients().data<float>();
      for (std::size_t i = 0; i < kCount; ++i) gradient[i] = ours[i] = static_cast<float>(size * random.normal());
      const auto outcome = optimizer.step(stream_, *world_, 1.0, learning_rate);
      plain.step(gradient, kDecayed, learning_rate, config_);
      EXPECT_TRUE(outcome.was_applied);
      double square = 0;
      for (const double g : gradient) square += g * g;
      EXPECT_NEAR(outcome.grad_norm, std::sqrt(square), 1e-12 * std::sqrt(square));
    }
    // 50 steps that each move a weight by about learning_rate (sum 1.3), rounded to 2^-24 some ten times a step.
    const auto* weights = static_cast<const std::uint16_t*>(optimizer.weights().raw());
    for (std::size_t i = 0; i < kCount; ++i) {
      EXPECT_NEAR(master[i], plain.w[i], 2e-5) << "parameter " << i;
      if (compute == DType::bf16) {
        EXPECT_EQ(weights[i], to_bf16(master[i]).bits) << "parameter " << i;
      }
    }
    EXPECT_EQ(optimizer.counts().updates, 50);
  }
}

TEST_F(OptimizerTest, F32WeightsAreTheMaster) {
  Optimizer optimizer(kCount, kDecayed, DType::f32, config_);
  EXPECT_EQ(optimizer.weights().raw(), optimizer.master().raw());
}

TEST_F(OptimizerTest, WithoutAGradientOnlyMatricesShrink) {
  Optimizer optimizer(kCount, kDecayed, DType::f32, config_);
  auto* master = optimizer.master().data<float>();
  std::fill(master, master + kCount, 1.0f);
  optimizer.step(stream_, *world_, 1.0, 0.5);
  EXPECT_FLOAT_EQ(master[kDecayed - 1], 0.95f);
  EXPECT_EQ(master[kDecayed], 1.0f);
}

TEST_F(OptimizerTest, ClipZeroNeverClips) {
  config_.clip_grad = 0;
  Optimizer optimizer(2, 2, DType::f32, config_);
  optimizer.gradients().data<float>()[0] = 1e6f;
  optimizer.step(stream_, *world_, 1.0, 0.0);
  EXPECT_FLOAT_EQ(optimizer.m().data<float>()[0], 1e5f);
}

TEST_F(OptimizerTest, ABadStepChangesNothingAndIsCounted) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  Optimizer optimizer(kCount, kDecayed, DType::bf16, config_);
  std::fill_n(optimizer.master().data<float>(), kCount, 1.0f);
  optimizer.weights_from_master(stream_);
  std::fill_n(optimizer.gradients().data<float>(), kCount, 0.1f);
  ASSERT_TRUE(optimizer.step(stream_, *world_, 1.0, 1e-3).was_applied);
  const std::vector<float> before(optimizer.master().data<float>(), optimizer.master().data<float>() + kCount);
  const std::vector<float> v_before(optimizer.v().data<float>(), optimizer.v().data<float>() + kCount);

  optimizer.gradients().data<float>()[600] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(optimizer.step(stream_, *world_, 1.0, 1e-3).was_applied);
  optimizer.gradients().data<float>()[600] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(optimizer.step(stream_, *world_, 1.0, 1e-3).was_applied);
  optimizer.gradients().data<float>()[600] = 0;
  EXPECT_FALSE(optimizer.step(stream_, *world_, kInf, 1e-3).was_applied);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), optimizer.master().data<float>()));
  EXPECT_TRUE(std::equal(v_before.begin(), v_before.end(), optimizer.v().data<float>()));
  EXPECT_EQ(optimizer.counts().updates, 1);
  EXPECT_EQ(optimizer.counts().skipped, 3);
  EXPECT_EQ(optimizer.counts().skipped_in_a_row, 3);

  EXPECT_TRUE(optimizer.step(stream_, *world_, 1.0, 1e-3).was_applied);
  EXPECT_EQ(optimizer.counts().skipped_in_a_row, 0);
  EXPECT_EQ(optimizer.counts().skipped, 3);
}

TEST_F(OptimizerTest, GivesUpAfterThatManyBadStepsInARow) {
  config_.skip_abort_after = 3;
  Optimizer optimizer(kCount, kDecayed, DType::f32, config_);
  optimizer.gradients().data<float>()[0] = std::numeric_limits<float>::infinity();
  optimizer.step(stream_, *world_, 1.0, 1e-3);
  optimizer.step(stream_, *world_, 1.0, 1e-3);
  EXPECT_THROW(optimizer.step(stream_, *world_, 1.0, 1e-3), Error);
}

TEST_F(OptimizerTest, MemoryIsWhatItSays) {
  EXPECT_EQ(optimizer_memory(1000, 1000, DType::f32).total_bytes(), 16'000);
  EXPECT_EQ(optimizer_memory(1000, 1000, DType::bf16).total_bytes(), 18'000);
}

}  // namespace
}  // namespace corollary
