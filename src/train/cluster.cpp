#include "train/cluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "train/master_weights.h"
#include "train/plan.h"

namespace corollary {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr double kSecondsPerHour = 3600;

/// The part of the model a rank of t computes with: matrices divided by rows or columns, norms whole.
LlamaConfig shard_of(const LlamaConfig& model, std::int64_t t) {
  const auto divided = [&](const char* name, std::int64_t n) {
    check(n % t == 0, "train.tensor_parallel ", t, " does not divide model.", name, " ", n);
    return n / t;
  };
  LlamaConfig shard = model;
  shard.num_attention_heads = divided("num_attention_heads", model.num_attention_heads);
  shard.num_key_value_heads = divided("num_key_value_heads", model.num_key_value_heads);
  shard.intermediate_size = divided("intermediate_size", model.intermediate_size);
  shard.vocab_size = divided("vocab_size", model.vocab_size);
  return shard;
}

std::int64_t divided_up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

/// The largest divisor of `sequences` whose activations leave a rank within `memory_bytes`; 0 if none does.
std::int64_t largest_micro_batch(const LlamaConfig& model, TrainConfig config, const ClusterConfig& cluster, std::int64_t sequences,
                                 std::int64_t memory_bytes) {
  constexpr std::int64_t kMost = 64;  // more sequences at once gain nothing and only make the plan slow
  for (std::int64_t size = std::min(sequences, kMost); size > 0; --size) {
    config.micro_batch_size = size;
    if (sequences % size == 0 && rank_memory(model, config, cluster).total_bytes() <= memory_bytes) return size;
  }
  return 0;
}

}  // namespace

const std::vector<GpuModel>& gpu_models() {
  static const std::vector<GpuModel> models = {{"A100-40", 40'536 * kMiB, 312e12},
                                               {"A100-80", 81'251 * kMiB, 312e12},
                                               {"H100-80", 81'559 * kMiB, 989.4e12},
                                               {"H200-141", 143'771 * kMiB, 989.4e12}};
  return models;
}

const GpuModel& gpu_model(const std::string& name) {
  std::string known;
  for (const GpuModel& model : gpu_models()) {
    if (name == model.name) return model;
    known += (known.empty() ? "" : ", ") + std::string(model.name);
  }
  fail("no GPU named ", name, " in the plan's table: there are ", known);
}

RankMemory rank_memory(const LlamaConfig& model, const TrainConfig& config, const ClusterConfig& cluster) {
  const std::int64_t t = config.tensor_parallel;
  check(cluster.gpus > 0 && cluster.gpus % t == 0, "a job of ", cluster.gpus, " GPUs cannot be divided into groups of train.tensor_parallel ",
        t);
  const std::int64_t replicas = cluster.gpus / t;
  const LlamaConfig shard = shard_of(model, t);
  RankMemory memory;
  memory.parameters = parameter_count(shard);
  memory.weights_bytes = 2 * memory.parameters;
  memory.gradients_bytes = 4 * memory.parameters;
  const std::int64_t master_bytes = cluster.has_compact_master ? 2 : MasterWeights::bytes_per_parameter(MasterWeights::kind_of(config.master_weights));
  memory.optimizer_bytes = divided_up((master_bytes + 4 + 4) * memory.parameters, replicas);
  RanksToPlanFor ranks(static_cast<int>(t));
  memory.activations = Llama::plan(shard, DType::bf16, config.micro_batch_size, config.seq_len, /*trains=*/true, Device::cuda,
                                   config.recompute_choice(), &ranks);
  memory.residual_bytes = model.num_hidden_layers * config.micro_batch_size * config.seq_len * 2 * (2 * model.hidden_size + 4) / t;
  return memory;
}

ClusterPlan plan_cluster(const LlamaConfig& model, const TrainConfig& config, const ClusterConfig& cluster) {
  check(cluster.mfu > 0 && cluster.mfu <= 1, "cluster.mfu must be above 0 and at most 1, is ", cluster.mfu);
  check(cluster.price_per_gpu_hour >= 0, "cluster.price_per_gpu_hour must not be negative, is ", cluster.price_per_gpu_hour);
  ClusterPlan plan{.model = model, .config = config, .cluster = cluster, .memory = rank_memory(model, config, cluster), .rows = {}};
  plan.parameters = parameter_count(model);
  plan.flops_per_token = flops_per_token(model, config.seq_len);
  plan.tokens = config.train_iters * config.tokens_per_step();
  const std::int64_t replicas = cluster.gpus / config.tensor_parallel;
  check(config.global_batch_size % replicas == 0, "train.global_batch_size ", config.global_batch_size, " cannot be divided among ",
        replicas, " copies of the model: choose another number of GPUs");
  for (const std::string& name : cluster.hardware) {
    ClusterPlan::Row row{.gpu = gpu_model(name)};
    row.fits = plan.memory.total_bytes() <= row.gpu.memory_bytes;
    row.largest_micro_batch =
        largest_micro_batch(model, config, cluster, config.global_batch_size / replicas, row.gpu.memory_bytes);
    const double rate = static_cast<double>(cluster.gpus) * row.gpu.bf16_flops * cluster.mfu;  // of the job, flops per second
    row.seconds_per_step = static_cast<double>(config.tokens_per_step()) * plan.flops_per_token / rate;
    row.wall_seconds = row.seconds_per_step * static_cast<double>(config.train_iters);
    row.gpu_hours = row.wall_seconds / kSecondsPerHour * static_cast<double>(cluster.gpus);
    row.cost = row.gpu_hours * cluster.price_per_gpu_hour;
    plan.rows.push_back(row);
  }
  return plan;
}

Json ClusterPlan::to_json() const {
  Json hardware = Json::array();
  for (const Row& row : rows)
    hardware.push_back({{"gpu", row.gpu.name},
                        {"memory_bytes", row.gpu.memory_bytes},
                        {"bf16_flops", row.gpu.bf16_flops},
                        {"fits", row.fits},
                        {"largest_micro_batch_size", row.largest_micro_batch},
                        {"seconds_per_step", row.seconds_per_step},
                        {"wall_seconds", row.wall_seconds},
                        {"gpu_hours", row.gpu_hours},
                        {"cost", row.cost}});
  return {{"parameters", parameters},
          {"tokens", tokens},
          {"flops_per_token", flops_per_token},
          {"cluster", fields_to_json(cluster)},
          {"tensor_parallel", config.tensor_parallel},
          {"data_parallel", cluster.gpus / config.tensor_parallel},
          {"micro_batch_size", config.micro_batch_size},
          {"memory_bytes_of_a_rank",
           {{"parameters", memory.parameters},
            {"weights", memory.weights_bytes},
            {"gradients", memory.gradients_bytes},
            {"optimizer", memory.optimizer_bytes},
            {"kept_activations", memory.activations.kept_bytes},
            {"residual_stream", memory.residual_bytes},
            {"scratch", memory.activations.scratch_bytes},
            {"workspace", memory.activations.workspace_bytes},
            {"reserve", RankMemory::kReserveBytes},
            {"total", memory.total_bytes()}}},
          {"hardware", hardware}};
}

std::string ClusterPlan::to_table() const {
  const auto bytes = [](std::int64_t n) { return format_bytes(static_cast<double>(n)); };
  const auto count = [](std::int64_t n) { return format_count(static_cast<double>(n)); };
  const std::int64_t t = config.tensor_parallel, replicas = cluster.gpus / t;
  std::string table;
  const auto line = [&](const std::string& name, const std::string& value, const std::string& note = "") {
    table += fmt::format("{:<26}{:>12}{}{}\n", name, value, note.empty() ? "" : "   ", note);
  };
  line("parameters", count(parameters), fmt::format("{}", parameters));
  line("tokens", count(tokens), fmt::format("{} steps of {} sequences of {}", config.train_iters, config.global_batch_size, config.seq_len));
  line("flops per token", format_count(flops_per_token), "forward and backward, causal half of attention");
  line("GPUs", fmt::format("{}", cluster.gpus),
       fmt::format("{} copies of the model, tensor_parallel {}; a step is {} micro-batches of {} on each", replicas, t,
                   divided_up(config.global_batch_size, replicas * config.micro_batch_size), config.micro_batch_size));
  line("memory of a rank", bytes(memory.total_bytes()), fmt::format("of {} parameters", count(memory.parameters)));
  line("  weights", bytes(memory.weights_bytes), "bf16");
  line("  gradients", bytes(memory.gradients_bytes), "f32");
  line("  optimizer", bytes(memory.optimizer_bytes),
       fmt::format("{} bytes a parameter over {} ranks: master{}, m, v", cluster.has_compact_master ? 10 : 12, replicas,
                   cluster.has_compact_master ? " less its bf16 half" : ""));
  line("  kept activations", bytes(memory.activations.kept_bytes),
       t == 1 ? "" : fmt::format("{} of it the residual stream, its own tokens alone", bytes(memory.residual_bytes)));
  line("  scratch", bytes(memory.activations.scratch_bytes), "shared by the layers");
  line("  workspace", bytes(memory.activations.workspace_bytes), "of single operations");
  line("  reserve", bytes(RankMemory::kReserveBytes), "assumed for the driver, libraries and NCCL");
  table += fmt::format("\n{:<10}{:>10}{:>7}{:>13}{:>10}{:>8}{:>11}{:>14}\n", "GPU", "memory", "fits", "micro_batch", "s/step", "days",
                       "GPU-hours", "cost");
  for (const Row& row : rows)
    table += fmt::format("{:<10}{:>10}{:>7}{:>13}{:>10.2f}{:>8.1f}{:>11.0f}{:>14}\n", row.gpu.name, bytes(row.gpu.memory_bytes),
                         row.fits ? "yes" : "no", row.largest_micro_batch > 0 ? fmt::format("up to {}", row.largest_micro_batch) : "none",
                         row.seconds_per_step, row.wall_seconds / kSecondsPerHour / 24, row.gpu_hours,
                         cluster.price_per_gpu_hour > 0 ? fmt::format("{:.0f}", row.cost) : "no price");
  table += fmt::format(
      "assumed: {:.0f} % of the datasheet's bf16 rate (--mfu), not measured; training alone, without validation, checkpoints, restarts\n",
      100 * cluster.mfu);
  return table;
}

}  // namespace corollary
