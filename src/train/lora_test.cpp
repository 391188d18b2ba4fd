// Adapters: their gradient is the slope of the loss, and the adapted model is the merged one.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "model/llama.h"
#include "model/lora.h"

namespace corollary {
namespace {

class Lora : public ::testing::TestWithParam<std::vector<std::string>> {
 protected:
  Lora()
      : config_(resolve(LlamaConfig{.vocab_size = 37,
                                    .hidden_size = 32,
                                    .intermediate_size = 48,
                                    .num_hidden_layers = 2,
                                    .num_attention_heads = 4,
                                    .num_key_value_heads = 2,
                                    .max_position_embeddings = kLength,
                                    .initializer_range = 0.2})),
        lora_{.rank = 3, .alpha = 5, .targets = GetParam()},
        layout_(adapter_layout(config_, lora_)),
        llama_(config_, DType::f32, 1, kLength, /*trains=*/true, Device::cpu, Recompute::norms, nullptr, lora_.rank),
        base_(DType::f32, {parameter_count(config_)}),
        adapters_(DType::f32, {layout_.count}),
        gradient_(DType::f32, {layout_.count}),
        unwanted_(DType::f32, {config_.hidden_size}),
        tokens_(DType::i32, {kLength}),
        targets_(DType::i32, {kLength}),
        losses_(DType::f32, {kLength}) {
    initialize(base_, config_, 3);
    Random random(4);
    for (std::int64_t i = 0; i < layout_.count; ++i) adapters_.view().data<float>()[i] = static_cast<float>(0.15 * random.normal());
    for (std::int64_t t = 0; t < kLength; ++t) {
      tokens_.view().data<std::int32_t>()[t] = static_cast<std::int32_t>(random.below(37));
      targets_.view().data<std::int32_t>()[t] = static_cast<std::int32_t>(random.below(37));
    }
  }
  Weights weights() const { return {config_, base_, LoraOf<ConstTensor>(config_, lora_, adapters_)}; }
  double sum() const {
    double sum = 0;
    for (std::int64_t t = 0; t < kLength; ++t) sum += losses_.view().data<float>()[t];
    return sum / kLength;
  }
  double loss() {
    llama_.losses(stream_, losses_, weights(), {tokens_, targets_});
    return sum();
  }
  void find_gradient(bool accumulate) {
    const auto gradients = Gradients::frozen(config_, LoraOf<Tensor>(config_, lora_, gradient_), unwanted_);
    llama_.losses_and_gradients(stream_, losses_, gradients, weights(), {tokens_, targets_}, 1.0f / kLength, accumulate);
  }

  static constexpr std::int64_t kLength = 19;
  LlamaConfig config_;
  LoraConfig lora_;
  ParameterLayout layout_;
  Llama llama_;
  OwnedTensor base_, adapters_, gradient_, unwanted_, tokens_, targets_, losses_;
  Stream stream_;
};

TEST_P(Lora, GradientIsTheSlopeAlongRandomDirectionsOfEveryAdapter) {
  std::fill_n(gradient_.view().data<float>(), layout_.count, 1e9f);  // not to be added to
  find_gradient(false);
  find_gradient(true);
  float* const a = adapters_.view().data<float>();
  const float* const g = gradient_.view().data<float>();
  Random random(5);
  for (const auto& entry : layout_.entries) {
    const std::vector<float> before(a + entry.offset, a + entry.offset + entry.shape.count());
    std::vector<double> direction(before.size());
    double length = 0, expected = 0;
    for (double& x : direction) x = random.normal(), length += x * x;
    for (std::size_t i = 0; i < direction.size(); ++i) {
      direction[i] /= std::sqrt(length);
      expected += direction[i] * g[entry.offset + static_cast<std::int64_t>(i)] / 2;  // found twice and added
    }
    const auto loss_at = [&](double step) {
      for (std::size_t i = 0; i < direction.size(); ++i)
        a[entry.offset + static_cast<std::int64_t>(i)] = static_cast<float>(before[i] + step * direction[i]);
      return loss();
    };
    constexpr double kH = 0.05;  // as in gradient_test.cpp
    const double wide = loss_at(kH) - loss_at(-kH), narrow = loss_at(kH / 2) - loss_at(-kH / 2);
    EXPECT_NEAR((8 * narrow - wide) / (6 * kH), expected, 2e-5 + 1e-3 * std::abs(expected)) << entry.name;
    std::copy(before.begin(), before.end(), a + entry.offset);
  }
}

TEST_P(Lora, TheAdaptedModelIsTheMergedOne) {
  const double adapted = loss();
  OwnedTensor merged(DType::f32, base_.view().shape());
  std::copy_n(base_.view().data<float>(), base_.view().count(), merged.view().data<float>());
  merge_lora(merged, adapters_, config_, lora_);
  llama_.losses(stream_, losses_, Weights(config_, merged), {tokens_, targets_});
  EXPECT_NEAR(sum(), adapted, 1e-5);
  llama_.losses(stream_, losses_, Weights(config_, base_), {tokens_, targets_});
  EXPECT_GT(std::abs(sum() - adapted), 1e-3) << "the adapters did nothing";
}

INSTANTIATE_TEST_SUITE_P(Targets, Lora,
                         ::testing::Values(LoraConfig{}.targets, std::vector<std::string>{"q_proj", "v_proj"},
                                           std::vector<std::string>{"k_proj", "up_proj", "down_proj"}));

TEST(LoraConfig, NamesWhatCannotBe) {
  EXPECT_THROW(check_lora({.rank = 4, .targets = {"lm_head"}}), Error);
  EXPECT_THROW(check_lora({.rank = 4, .alpha = 0}), Error);
  EXPECT_THROW(check_lora({.rank = -1}), Error);
  EXPECT_THROW(check_lora({.rank = 4, .targets = {}}), Error);
  EXPECT_NO_THROW(check_lora({.rank = 0, .targets = {}}));
}

}  // namespace
}  // namespace corollary
