#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/config.h"
#include "model/llama.h"
#include "train/config.h"

namespace corollary {

/// Machines that are not here, as a plan imagines them: `corollary train --plan --gpus 256 --hardware A100-40`.
struct ClusterConfig {
  std::int64_t gpus = 0;                                                   ///< of the job, all nodes together; 0: plan this machine
  std::vector<std::string> hardware = {"A100-40", "H100-80", "H200-141"};  ///< GPUs to plan for, by the names of gpu_models()
  double mfu = 0.4;                 ///< assumed share of the datasheet's bf16 rate: nobody measured it on these machines
  double price_per_gpu_hour = 0;    ///< in any currency; 0: no cost is printed
  bool has_compact_master = false;  ///< masters as the bf16 weight and 16 more bits: 16 bytes a parameter in all instead of 18
  static void each(auto& config, auto&& visit) {
    visit("gpus", config.gpus);
    visit("hardware", config.hardware);
    visit("mfu", config.mfu);
    visit("price_per_gpu_hour", config.price_per_gpu_hour);
    visit("has_compact_master", config.has_compact_master);
  }
};

/// A GPU by its datasheet.
struct GpuModel {
  const char* name;
  std::int64_t memory_bytes;   ///< what the driver offers programs
  double bf16_flops = 0;       ///< dense products with f32 sums, per second
};
const std::vector<GpuModel>& gpu_models();
/// Error names the ones that are known.
const GpuModel& gpu_model(const std::string& name);

/// Memory of one rank of `gpus`, tensor_parallel of which share a copy of the model; the optimizer's state is spread over the others
/// (ZeRO-1). Derived in docs/math/memory.md.
struct RankMemory {
  std::int64_t parameters = 0;       ///< this rank computes with: matrices divided, norms whole
  std::int64_t weights_bytes = 0;    ///< bf16
  std::int64_t gradients_bytes = 0;  ///< f32
  std::int64_t optimizer_bytes = 0;  ///< this rank's share of masters and moments
  MemoryPlan activations;            ///< with sequence parallelism: of the residual stream each rank keeps its own tokens
  std::int64_t residual_bytes = 0;   ///< of activations: that stream
  /// What no plan of ours sees: the driver's context, libraries, NCCL's buffers. An assumption.
  static constexpr std::int64_t kReserveBytes = 1'500'000'000;
  std::int64_t total_bytes() const {
    return weights_bytes + gradients_bytes + optimizer_bytes + activations.total_bytes() + kReserveBytes;
  }
};
/// Error if heads, feed-forward or vocabulary cannot be divided by tensor_parallel, or gpus by it.
RankMemory rank_memory(const LlamaConfig& model, const TrainConfig& config, const ClusterConfig& cluster);

/// A whole run on imagined machines.
struct ClusterPlan {
  struct Row {
    GpuModel gpu;
    bool fits = false;                      ///< with the configured micro_batch_size
    std::int64_t largest_micro_batch = 0;   ///< that fits and divides the step; 0: none does
    double seconds_per_step = 0, gpu_hours = 0, wall_seconds = 0, cost = 0;
  };
  LlamaConfig model;
  TrainConfig config;
  ClusterConfig cluster;
  RankMemory memory;
  double flops_per_token = 0;
  std::int64_t parameters = 0, tokens = 0;
  std::vector<Row> rows;

  Json to_json() const;
  std::string to_table() const;  ///< lines for a person
};

/// From resolved configurations.
ClusterPlan plan_cluster(const LlamaConfig& model, const TrainConfig& config, const ClusterConfig& cluster);

}  // namespace corollary
