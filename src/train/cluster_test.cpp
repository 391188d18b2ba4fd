#include "train/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corollary {
namespace {

using ::testing::HasSubstr;

LlamaConfig llama_7b() {
  return resolve(LlamaConfig{.vocab_size = 32'016,
                             .hidden_size = 4096,
                             .intermediate_size = 11'008,
                             .num_hidden_layers = 32,
                             .num_attention_heads = 32,
                             .max_position_embeddings = 4096});
}
TrainConfig published(std::int64_t tensor_parallel, std::int64_t micro_batch_size) {
  return {.seq_len = 4096,
          .micro_batch_size = micro_batch_size,
          .global_batch_size = 1024,
          .train_iters = 42'000,
          .tensor_parallel = tensor_parallel};
}

TEST(RankMemory, IsTheTableOfOneH200) {  // docs/math/memory.md
  const LlamaConfig model = llama_7b();
  const auto states = [&](bool has_compact_master) {
    const RankMemory m = rank_memory(model, published(1, 1), {.gpus = 1, .has_compact_master = has_compact_master});
    EXPECT_EQ(m.parameters, 6'738'546'688);
    return static_cast<double>(m.weights_bytes + m.gradients_bytes + m.optimizer_bytes) / 1e9;
  };
  EXPECT_NEAR(states(false), 121.3, 0.05);
  EXPECT_NEAR(states(true), 107.8, 0.05);
  const RankMemory one = rank_memory(model, published(1, 1), {.gpus = 1});
  EXPECT_NEAR(static_cast<double>(one.activations.kept_bytes) / 1e9, 12.23, 0.01) << "norms and SwiGLU computed again";
}

TEST(RankMemory, DividesStatesAndActivations) {
  const LlamaConfig model = llama_7b();
  const RankMemory whole = rank_memory(model, published(1, 1), {.gpus = 8});
  const RankMemory half = rank_memory(model, published(2, 1), {.gpus = 8});
  const std::int64_t norms = (2 * model.num_hidden_layers + 1) * model.hidden_size;
  EXPECT_EQ(half.parameters, (whole.parameters - norms) / 2 + norms);
  EXPECT_EQ(whole.optimizer_bytes, 12 * whole.parameters / 8);
  EXPECT_EQ(half.optimizer_bytes, 12 * half.parameters / 4);
  // Per token and layer, all of it halved: the residual stream and its rstd by tokens, the rest by heads and columns.
  const std::int64_t tokens = 32 * 4096, stream = 2 * (2 * 4096 + 4), divided = 2 * (3 * 4096 + 4096 + 2 * 11'008) + 4 * 32;
  EXPECT_EQ(whole.residual_bytes, tokens * stream);
  EXPECT_EQ(whole.activations.kept_bytes, tokens * (stream + divided));
  EXPECT_EQ(half.activations.kept_bytes, tokens * (stream + divided) / 2);
}

TEST(ClusterPlan, CountsTheOriginalsHours) {
  // At the 29.2 % of training.md the plan gives back the 23,000 hours the original paid.
  const ClusterPlan plan = plan_cluster(llama_7b(), published(2, 1), {.gpus = 256, .hardware = {"A100-40"}, .mfu = 0.292, .price_per_gpu_hour = 2});
  ASSERT_EQ(plan.rows.size(), 1u);
  EXPECT_NEAR(plan.rows[0].gpu_hours, 23'000, 100);
  EXPECT_NEAR(plan.rows[0].cost, 46'000, 200);
  EXPECT_NEAR(plan.rows[0].seconds_per_step, 7.70, 0.05);
  EXPECT_TRUE(plan.rows[0].fits);
  const ClusterPlan big = plan_cluster(llama_7b(), published(2, 8), {.gpus = 256, .hardware = {"A100-40", "H200-141"}});
  EXPECT_FALSE(big.rows[0].fits);
  EXPECT_GE(big.rows[0].largest_micro_batch, 1);
  EXPECT_LT(big.rows[0].largest_micro_batch, 8);
  EXPECT_TRUE(big.rows[1].fits);
  EXPECT_THAT(big.to_table(), HasSubstr("128 copies"));
  EXPECT_EQ(big.to_json()["hardware"].size(), 2u);
}

TEST(ClusterPlan, NamesWhatCannotBe) {
  const auto error_of = [](const TrainConfig& config, const ClusterConfig& cluster) -> std::string {
    try {
      plan_cluster(llama_7b(), config, cluster);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of(published(3, 1), {.gpus = 6}), HasSubstr("num_attention_heads"));
  EXPECT_THAT(error_of(published(2, 1), {.gpus = 7}), HasSubstr("tensor_parallel"));
  EXPECT_THAT(error_of(published(1, 1), {.gpus = 3}), HasSubstr("global_batch_size"));
  EXPECT_THAT(error_of(published(1, 1), {.gpus = 8, .hardware = {"V100"}}), HasSubstr("A100-40"));
  EXPECT_THAT(error_of(published(1, 1), {.gpus = 8, .mfu = 0}), HasSubstr("mfu"));
}

}  // namespace
}  // namespace corollary
