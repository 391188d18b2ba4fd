#include "train/traffic.h"

#include <algorithm>

#include "comm/communicator.h"
#include "model/llama.h"
#include "train/shards.h"

namespace corollary {

StepTraffic step_traffic(const LlamaConfig& model, const TrainConfig& config, const RankLayout& layout, DType compute, Device device) {
  StepTraffic traffic;
  const std::int64_t D = layout.data_size, P = layout.tensor_size, compute_bytes = size_of(compute);
  const Shards shards(tensor_parallel_part(model, layout.tensor_size), layout.data_size);
  for (std::size_t bucket = 0; bucket < shards.buckets().size(); ++bucket) {
    const std::int64_t own = shards.piece(bucket, layout.data_rank).count();
    traffic.gradients_bytes += 4 * (shards.buckets()[bucket].count() - own);
    traffic.weights_bytes += compute_bytes * (D - 1) * own;
  }
  traffic.scalars_bytes = 3 * 8 * (layout.world_size() - 1);
  if (P == 1) return traffic;

  const std::int64_t tokens = config.micro_batch_size * config.seq_len, micro_batches = config.global_batch_size / D / config.micro_batch_size;
  const std::int64_t exchanges = (config.recompute_choice() == Recompute::norms ? 10 : 8) * model.num_hidden_layers + 4;
  traffic.activations_bytes = micro_batches * exchanges * (P - 1) * (tokens / P) * model.hidden_size * compute_bytes;
  const auto all_reduce = [&](std::int64_t count) { return all_reduce_bytes(count, 4, layout.tensor_size, layout.tensor_rank); };
  const std::int64_t chunk = Llama::head_chunk(device, tokens);
  for (std::int64_t begin = 0; begin < tokens; begin += chunk) {
    const std::int64_t rows = std::min(chunk, tokens - begin);
    traffic.logits_bytes += micro_batches * (4 * (P - 1) * rows + all_reduce(2 * rows));
  }
  traffic.norms_bytes = all_reduce(shards.buckets().back().count());
  return traffic;
}

}  // namespace corollary
