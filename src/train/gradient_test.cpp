// The whole model's gradient against slopes of its loss, and training in bf16 against training in f32.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "model/llama.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace corollary {
namespace {

/// A model small enough to difference, on tokens that mean nothing; grouped queries, an odd vocabulary, one target left out.
class TinyLlama {
 public:
  TinyLlama(DType compute, std::int64_t batch, std::int64_t seq_len)
      : config_(resolve(LlamaConfig{.vocab_size = 37,
                                    .hidden_size = 32,
                                    .intermediate_size = 48,
                                    .num_hidden_layers = 2,
                                    .num_attention_heads = 4,
                                    .num_key_value_heads = 2,
                                    .max_position_embeddings = seq_len})),
        layout_(parameter_layout(config_)),
        llama_(config_, compute, batch, seq_len, /*trains=*/true),
        tokens_(DType::i32, {batch * seq_len}),
        targets_(DType::i32, {batch * seq_len}),
        losses_(DType::f32, {batch * seq_len}) {
    draw_tokens(1);
  }

  /// Sequences that can be learned: each token is followed by 5 t + 3 of it, or, one time in eight, by anything.
  void draw_tokens(std::uint64_t seed) {
    Random random(seed);
    auto *tokens = tokens_.view().data<std::int32_t>(), *targets = targets_.view().data<std::int32_t>();
    auto token = static_cast<std::int32_t>(random.below(config_.vocab_size));
    for (std::int64_t i = 0; i < tokens_.view().count(); ++i) {
      tokens[i] = token;
      token = random.below(8) == 0 ? static_cast<std::int32_t>(random.below(config_.vocab_size))
                                   : static_cast<std::int32_t>((5 * token + 3) % config_.vocab_size);
      targets[i] = token;
    }
    targets[2] = -1;
  }

  double mean_loss() {
    const float* losses = losses_.view().data<float>();
    double sum = 0;
    for (std::int64_t i = 0; i < losses_.view().count(); ++i) sum += i == 2 ? 0 : losses[i];
    return sum * scale();
  }
  double scale() const { return 1.0 / static_cast<double>(losses_.view().count()); }

  double loss(ConstTensor weights) {
    llama_.losses(stream_, losses_, Weights(config_, weights), {tokens_, targets_});
    return mean_loss();
  }
  double loss_and_gradient(ConstTensor weights, Tensor gradient, bool accumulate = false) {
    llama_.losses_and_gradients(stream_, losses_, Gradients(config_, gradient), Weights(config_, weights), {tokens_, targets_},
                                static_cast<float>(scale()), accumulate);
    return mean_loss();
  }

  LlamaConfig config_;
  ParameterLayout layout_;
  Llama llama_;
  OwnedTensor tokens_, targets_, losses_;
  Stream stream_;
};

/// Weights large enough that every part of the model bends the loss; norm scales unequal.
OwnedTensor lively_weights(const TinyLlama& tiny) {
  OwnedTensor weights(DType::f32, {tiny.layout_.count});
  LlamaConfig wide = tiny.config_;
  wide.initializer_range = 0.2;
  initialize(weights, wide, 3);
  Random random(4);
  for (std::int64_t i = tiny.layout_.decayed_count; i < tiny.layout_.count; ++i)
    weights.view().data<float>()[i] = static_cast<float>(1 + 0.2 * random.normal());
  return weights;
}

TEST(Gradient, IsTheSlopeAlongRandomDirectionsOfEveryParameter) {
  TinyLlama tiny(DType::f32, 2, 19);
  OwnedTensor weights = lively_weights(tiny), gradient(DType::f32, {tiny.layout_.count}), moved(DType::f32, {tiny.layout_.count});
  const double loss = tiny.loss_and_gradient(weights, gradient);
  EXPECT_NEAR(loss, tiny.loss(weights), 1e-12) << "the two passes differ before any gradient does";

  const float *w = weights.view().data<float>(), *g = gradient.view().data<float>();
  float* m = moved.view().data<float>();
  std::copy(w, w + tiny.layout_.count, m);
  Random random(5);
  for (const auto& entry : tiny.layout_.entries) {
    const std::int64_t count = entry.shape.count();
    for (int direction = 0; direction < 2; ++direction) {
      std::vector<double> d(static_cast<std::size_t>(count));
      double length = 0, slope = 0;
      for (double& x : d) x = random.normal(), length += x * x;
      for (double& x : d) x /= std::sqrt(length);
      const auto loss_at = [&](double step) {
        for (std::int64_t i = 0; i < count; ++i)
          m[entry.offset + i] = static_cast<float>(w[entry.offset + i] + step * d[static_cast<std::size_t>(i)]);
        // The slope along what was added once it was rounded to f32.
        slope = 0;
        for (std::int64_t i = 0; i < count; ++i)
          slope += (static_cast<double>(m[entry.offset + i]) - w[entry.offset + i]) * g[entry.offset + i];
        return tiny.loss(moved);
      };
      // Richardson: central differences at h and h/2 cancel the cubic term. Losses carry about 1e-7 of rounding, so a slope 2e-6 at
      // h = 0.05; what the fifth derivative leaves is smaller.
      constexpr double kH = 0.05;
      const double wide = loss_at(kH) - loss_at(-kH), narrow = loss_at(kH / 2) - loss_at(-kH / 2);
      loss_at(kH / 2);
      const double measured = (8 * narrow - wide) / (6 * kH), expected = slope / (kH / 2);
      EXPECT_NEAR(measured, expected, 1e-5 + 1e-3 * std::abs(expected)) << entry.name << ", direction " << direction;
    }
    std::copy(w + entry.offset, w + entry.offset + count, m + entry.offset);
  }
}

TEST(Gradient, AccumulatesOverMicroBatches) {
  TinyLlama tiny(DType::f32, 2, 16);
  const OwnedTensor weights = lively_weights(tiny);
  OwnedTensor once(DType::f32, {tiny.layout_.count}), twice(DType::f32, {tiny.layout_.count});
  std::fill_n(twice.view().data<float>(), tiny.layout_.count, 1e9f);  // not to be added to: accumulate is false
  tiny.loss_and_gradient(weights, once);
  tiny.loss_and_gradient(weights, twice, false);
  tiny.loss_and_gradient(weights, twice, true);
  for (std::int64_t i = 0; i < tiny.layout_.count; ++i) {
    const float one = once.view().data<float>()[i], two = twice.view().data<float>()[i];
    ASSERT_NEAR(two, 2 * one, 1e-6 + 1e-5 * std::abs(one)) << "parameter " << i;
  }
}

/// Losses of 60 steps of the optimizer on ever new sequences.
std::vector<double> train_tiny(DType compute) {
  TinyLlama tiny(compute, 4, 32);
  const TrainConfig config = resolve(
      TrainConfig{.micro_batch_size = 4, .global_batch_size = 4, .train_iters = 60, .learning_rate = 1e-2, .warmup_iters = 5}, 1);
  const auto world = make_single_rank();
  Optimizer optimizer(tiny.layout_.count, tiny.layout_.decayed_count, compute, config);
  initialize(optimizer.master(), tiny.config_, 7);
  optimizer.weights_from_master(tiny.stream_);
  std::vector<double> losses;
  for (std::int64_t step = 1; step <= config.train_iters; ++step) {
    tiny.draw_tokens(static_cast<std::uint64_t>(100 + step));
    losses.push_back(tiny.loss_and_gradient(optimizer.weights(), optimizer.gradients()));
    optimizer.step(tiny.stream_, *world, losses.back(), learning_rate_at(config.schedule(), step));
  }
  return losses;
}

TEST(Bf16, LearnsAsF32Does) {
  const std::vector<double> f32 = train_tiny(DType::f32), bf16 = train_tiny(DType::bf16);
  EXPECT_NEAR(f32.front(), std::log(37), 0.05);
  EXPECT_LT(f32.back(), 1.6) << "nothing was learned, so nothing is compared";  // 1/8 noise alone costs 0.8
  double worst = 0;
  for (std::size_t step = 0; step < f32.size(); ++step) worst = std::max(worst, std::abs(bf16[step] / f32[step] - 1));
  EXPECT_LT(worst, 0.02);
  EXPECT_GT(worst, 0) << "bf16 gave the numbers of f32: it did not run in bf16";
}

}  // namespace
}  // namespace corollary
