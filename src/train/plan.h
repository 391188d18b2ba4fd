#pragma once
#include <cstdint>

#include "base/json.h"
#include "model/config.h"
#include "model/llama.h"
#include "train/config.h"
#include "train/matmul_rate.h"
#include "train/optimizer.h"

namespace corollary {

/// What a run will need and take, known before its first step: `corollary train --plan`. Bytes are per rank.
struct TrainPlan {
  std::int64_t parameters = 0;
  DType compute = DType::f32;
  Device device = Device::cpu;
  OptimizerMemory state;              ///< weights, master, m, v, gradients; with adapters, of these alone
  std::int64_t frozen_bytes = 0;      ///< weights that adapters stand beside; 0 without adapters
  MemoryPlan activations;             ///< kept for the backward pass, and scratch
  double flops_per_token = 0;         ///< forward and backward (model/config.h)
  std::int64_t tokens = 0;            ///< of the whole run
  std::int64_t checkpoint_bytes = 0;  ///< one: master, m, v
  std::int64_t checkpoint_copy_bytes = 0;  ///< in host memory, while one is written beside training; training goes without if memory is short
  std::int64_t disk_bytes = 0;        ///< all the run leaves: kept checkpoints and one being written, initial/ and final/
  MatmulCost matmuls;                 ///< of one micro-batch, measured here; seconds 0: not measured
  std::int64_t matmul_tokens = 0;     ///< tokens of that micro-batch

  std::int64_t memory_bytes() const { return state.total_bytes() + frozen_bytes + activations.total_bytes(); }
  /// If nothing but matrix products took time; 0 if not measured.
  double matmul_tokens_per_second() const { return matmuls.seconds > 0 ? static_cast<double>(matmul_tokens) / matmuls.seconds : 0; }
  /// Products take this part of a training step: measured on the quickstart's model (docs/performance.md), 2 cores with AMX.
  static constexpr double kMatmulShare = 0.6;
  double expected_tokens_per_second() const { return kMatmulShare * matmul_tokens_per_second(); }
  double expected_seconds() const;  ///< of training on this rank alone; 0 if not measured

  Json to_json() const;
  std::string to_table() const;  ///< lines for a person
};

/// As many ranks, of which nothing is asked: for Llama::plan().
struct RanksToPlanFor final : TensorParallel {
  explicit RanksToPlanFor(int ranks) : ranks(ranks) {}
  int size() const override { return ranks; }
  int ranks;
};

/// From resolved configurations, for a rank of `world_size`. Takes about a second if it measures.
TrainPlan plan_training(const LlamaConfig& model, const TrainConfig& config, bool measures, int world_size = 1);

/// Memory this process may still take: what the machine has available, or less if a control group says so; of a GPU, what is free.
std::int64_t available_memory_bytes(Device device = Device::cpu);

}  // namespace corollary
