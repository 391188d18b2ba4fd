#include "cli/dry_run.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cli/recipe.h"
#include "cli/recipe_file.h"
#include "train/schedule.h"
#include "train/shrink.h"

namespace corollary {
namespace {

Recipe published(const std::string& name) {
  const fs::path file = fs::path(COROLLARY_SOURCE_DIR) / "recipes" / name / "recipe.toml";
  return read_recipe(read_recipe_file(file, {}), file);
}

TEST(Recipes, AreTheRunsOfThePaper) {  // ../shared/recipe/training.md
  const Recipe small = published("llemma_7b"), large = published("llemma_34b");
  EXPECT_EQ(parameter_count(resolve(small.model)), 6'738'546'688);
  EXPECT_EQ(parameter_count(resolve(large.model)), 33'743'970'304);
  EXPECT_EQ(small.train.tokens_per_step(), 4'194'304);
  EXPECT_EQ(large.train.tokens_per_step(), 4'194'304);
  EXPECT_NEAR(learning_rate_at(small.train.schedule(), 10'000), 9.077e-5, 1e-8);
  EXPECT_NEAR(learning_rate_at(small.train.schedule(), 42'000), 7.057e-6, 1e-9);
  EXPECT_NEAR(learning_rate_at(large.train.schedule(), 6'250), 2.582e-5, 1e-8);
  EXPECT_NEAR(learning_rate_at(large.train.schedule(), 12'000), 1.65e-6, 1e-9);
  const ClusterPlan plan = plan_cluster(resolve(small.model), small.train, small.cluster);
  EXPECT_EQ(plan.rows.size(), 3u);
  for (const auto& row : plan.rows) EXPECT_GE(row.largest_micro_batch, 1) << row.gpu.name;
  for (const auto& row : plan_cluster(resolve(large.model), large.train, large.cluster).rows)
    EXPECT_GE(row.largest_micro_batch, 1) << row.gpu.name;
}

TEST(Recipes, FinetunesAsMetaMathDid) {  // ../shared/recipe/finetune.md
  const Recipe recipe = published("metamath_7b");
  EXPECT_TRUE(recipe.train.sft.is_on());
  EXPECT_EQ(recipe.train.warmup_iters, 278);
  EXPECT_EQ(learning_rate_at(recipe.train.schedule(), 9'000), 2e-5);
}

TEST(Shrunken, KeepsTheStructure) {
  for (const char* name : {"llemma_7b", "llemma_34b"}) {
    const Recipe recipe = published(name);
    const LlamaConfig model = resolve(recipe.model), small = shrunken(model, recipe.train.tensor_parallel);
    EXPECT_EQ(small.num_attention_heads / small.num_key_value_heads, model.num_attention_heads / model.num_key_value_heads);
    EXPECT_EQ(small.num_key_value_heads % recipe.train.tensor_parallel, 0);
    EXPECT_EQ(small.intermediate_size % recipe.train.tensor_parallel, 0);
    EXPECT_EQ(small.rope_theta, model.rope_theta);
    EXPECT_LT(parameter_count(small), 30'000'000);
    const TrainConfig config = shrunken(recipe.train, 2);
    EXPECT_EQ(learning_rate_at(config.schedule(), 2), learning_rate_at(recipe.train.schedule(), 2));
    EXPECT_EQ(config.global_batch_size, recipe.train.global_batch_size);
  }
}

TEST(DryRun, TrainsTheFirstSteps) {
  Recipe recipe = published("llemma_7b");
  recipe.train.global_batch_size = 32;  // as published it takes some seconds; here the path is what counts
  const Json counts = dry_run(recipe.model, recipe.train, recipe.mixture, 2);
  EXPECT_EQ(counts["steps"], 2);
  EXPECT_NEAR(counts["final_loss"].get<double>(), std::log(256), 0.2);
  EXPECT_EQ(counts["metrics"][1]["learning_rate"].get<double>(), 1e-4 * 2 / 500);
  EXPECT_EQ(counts["validation"].size(), recipe.mixture.size());
}

}  // namespace
}  // namespace corollary
