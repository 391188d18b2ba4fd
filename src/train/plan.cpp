#include "train/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "base/log.h"
#include "train/owned_slice.h"
#include "train/shards.h"

namespace corollary {

double TrainPlan::expected_seconds() const {
  return matmuls.seconds > 0 ? static_cast<double>(tokens) / expected_tokens_per_second() : 0;
}

Json TrainPlan::to_json() const {
  Json json = {{"parameters", parameters},
               {"device", name_of(device)},
               {"precision", name_of(compute)},
               {"memory_bytes",
                {{"weights", state.weights_bytes},
                 {"frozen_weights", frozen_bytes},
                 {"master", state.master_bytes},
                 {"m", state.m_bytes},
                 {"v", state.v_bytes},
                 {"gradients", state.gradients_bytes},
                 {"kept_activations", activations.kept_bytes},
                 {"scratch", activations.scratch_bytes},
                 {"workspace", activations.workspace_bytes},
                 {"total", memory_bytes()}}},
               {"available_memory_bytes", available_memory_bytes(device)},
               {"flops_per_token", flops_per_token},
               {"tokens", tokens},
               {"checkpoint_bytes", checkpoint_bytes},
               {"checkpoint_copy_bytes", checkpoint_copy_bytes},
               {"disk_bytes", disk_bytes}};
  if (matmuls.seconds > 0)
    json["expected"] = {{"matmul_flops_per_second", matmuls.flops_per_second()},
                        {"matmul_tokens_per_second", matmul_tokens_per_second()},
                        {"matmul_share_of_a_step", kMatmulShare},
                        {"tokens_per_second", expected_tokens_per_second()},
                        {"seconds", expected_seconds()}};
  return json;
}

std::string TrainPlan::to_table() const {
  const auto bytes = [](std::int64_t n) { return format_bytes(static_cast<double>(n)); };
  std::string table;
  const auto line = [&](const std::string& name, const std::string& value, const std::string& note = "") {
    std::string text = fmt::format("{:<26}{:>12}", name, value);
    if (!note.empty()) text += "   " + note;
    table += text + "\n";
  };
  line("parameters", format_count(static_cast<double>(parameters)), fmt::format("{}", parameters));
  line("memory", bytes(memory_bytes()), fmt::format("{} available on the {}", bytes(available_memory_bytes(device)), device == Device::cuda ? "GPU" : "CPU"));
  line("  weights", bytes(state.weights_bytes),
       compute == DType::bf16 ? "bf16, what the model computes with" : "f32: the master itself");
  if (frozen_bytes > 0) line("  frozen weights", bytes(frozen_bytes), "that the adapters stand beside");
  line("  master", bytes(state.master_bytes), "f32");
  line("  m", bytes(state.m_bytes), "f32, Adam's first moment");
  line("  v", bytes(state.v_bytes), "f32, Adam's second moment");
  line("  gradients", bytes(state.gradients_bytes), "f32");
  line("  kept activations", bytes(activations.kept_bytes), "of one micro-batch, for its backward pass");
  line("  scratch", bytes(activations.scratch_bytes), "shared by the layers");
  if (activations.workspace_bytes > 0) line("  workspace", bytes(activations.workspace_bytes), "of single operations");
  line("flops per token", format_count(flops_per_token), "forward and backward, causal half of attention");
  line("tokens", format_count(static_cast<double>(tokens)));
  line("checkpoint", bytes(checkpoint_bytes), fmt::format("{} on disk in all", bytes(disk_bytes)));
  if (checkpoint_copy_bytes > 0)
    line("checkpoint copy", bytes(checkpoint_copy_bytes), "of host memory beside the above, to write from; done without where it is short");
  if (matmuls.seconds > 0) {
    line("matrix products", format_count(matmuls.flops_per_second()) + "flop/s", "measured just now on this model's shapes");
    line("expected tokens/s", format_count(expected_tokens_per_second()),
         fmt::format("{:.0f} % of the {} that the products alone allow", 100 * kMatmulShare,
                     format_count(matmul_tokens_per_second())));
    line("expected time", format_seconds(expected_seconds()), "training alone, without validation and checkpoints");
  }
  return table;
}


TrainPlan plan_training(const LlamaConfig& model, const TrainConfig& config, bool measures, int world_size) {
  TrainPlan plan;
  const RankLayout layout = rank_layout(world_size, /*rank=*/0, config.tensor_parallel);
  const LlamaConfig part = tensor_parallel_part(model, layout.tensor_size);
  RanksToPlanFor tensor_ranks(layout.tensor_size);
  plan.parameters = parameter_count(model);
  plan.device = resolve_device(config.device);
  plan.compute = resolve_precision(config.precision, plan.device);
  const bool adapts = config.lora.is_on();
  const Shards shards(part, layout.data_size);
  const std::int64_t trained = adapts ? adapter_layout(model, config.lora).count : parameter_count(part);
  const std::int64_t owned = adapts ? trained : shards.shard_count(0);
  plan.state = optimizer_memory(trained, owned, plan.compute, MasterWeights::kind_of(config.master_weights));
  if (adapts) plan.frozen_bytes = plan.parameters * size_of(plan.compute);
  plan.activations = Llama::plan(part, plan.compute, config.micro_batch_size, config.seq_len, /*trains=*/true, plan.device,
                                 config.recompute_choice(), &tensor_ranks, config.lora.rank);
  plan.flops_per_token = flops_per_token(model, config.seq_len);
  plan.tokens = config.train_iters * config.tokens_per_step();
  plan.checkpoint_bytes = 12 * (adapts ? trained : plan.parameters);  // f32, however the master weights are kept
  plan.checkpoint_copy_bytes = config.async_checkpoints ? 12 * owned : 0;
  plan.disk_bytes = config.most_checkpoints() * plan.checkpoint_bytes + 2 * plan.parameters * size_of(plan.compute);
  if (measures) {
    plan.matmul_tokens = config.micro_batch_size * config.seq_len;
    plan.matmuls = measure_matmuls(part, plan.compute, plan.matmul_tokens, /*budget_seconds=*/0.5, plan.device);
  }
  return plan;
}

namespace {

/// The number a file of /proc or /sys starts with after `label`; none if there is no such file, label or number ("max").
std::optional<std::int64_t> number_after(const char* path, const std::string& label) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(label)) continue;
    char* end = nullptr;
    const char* begin = line.c_str() + label.size();
    const long long value = std::strtoll(begin, &end, 10);
    if (end != begin) return value;
  }
  return std::nullopt;
}

}  // namespace

std::int64_t available_memory_bytes(Device device) {
  if (device == Device::cuda)
    if (const GpuSearch search = find_gpu(); search.gpu) return search.gpu->free_bytes;
  std::int64_t available = std::numeric_limits<std::int64_t>::max();
  if (const auto kilobytes = number_after("/proc/meminfo", "MemAvailable:")) available = *kilobytes * 1024;
  const auto limit = number_after("/sys/fs/cgroup/memory.max", "");
  const auto used = number_after("/sys/fs/cgroup/memory.current", "");
  if (limit && used) available = std::min(available, *limit - *used);
  return available;
}

}  // namespace corollary
