#include "train/optimizer.h"

#include <cmath>

#include "base/error.h"
#include "kernels/adamw.h"

namespace corollary {

Optimizer::Optimizer(std::int64_t count, std::int64_t decayed_count, DType compute, const TrainConfig& config, Device device)
    : config_(config),
      decayed_count_(decayed_count),
      device_(device),
      master_(MasterWeights::kind_of(config.master_weights), count, device),
      m_(DType::f32, {count}, device),
      v_(DType::f32, {count}, device),
      gradients_(DType::f32, {count}, device) {
  check(0 <= decayed_count && decayed_count <= count, "optimizer: ", decayed_count, " of ", count, " parameters cannot decay");
  check(compute == DType::f32 || compute == DType::bf16, "optimizer: weights must be f32 or bf16, not ", compute);
  check(compute == DType::bf16 || master_.kind() == MasterWeights::Kind::fp32, "master_weights ", config.master_weights,
        " needs precision bf16: in f32 the weights are their own master");
  if (compute == DType::bf16) bf16_weights_ = OwnedTensor(DType::bf16, {count}, device);
}

ConstTensor Optimizer::weights() const {
  const ConstTensor bf16_weights = bf16_weights_.view();
  return bf16_weights ? bf16_weights : ConstTensor(const_cast<MasterWeights&>(master_).f32());
}

void Optimizer::weights_from_master(Stream& stream) {
  if (bf16_weights_.view() && master_.kind() == MasterWeights::Kind::fp32) cast(stream, bf16_weights_, master_.f32());
}

void Optimizer::read_master(Stream& stream, Tensor values, std::int64_t begin) {
  const Tensor bf16 = bf16_weights_.view();
  master_.read(stream, values, bf16 ? bf16.rows(begin, begin + values.count()) : Tensor(), begin);
}
void Optimizer::write_master(Stream& stream, ConstTensor values, std::int64_t begin) {
  const Tensor bf16 = bf16_weights_.view();
  master_.write(stream, values, bf16 ? bf16.rows(begin, begin + values.count()) : Tensor(), begin);
}

Optimizer::Outcome Optimizer::step(Stream& stream, Communicator& communicator, double loss, double learning_rate, const Refuses& refuses) {
  communicator.all_reduce_sum(stream, gradients_);
  const double norm = std::sqrt(sum_of_squares(stream, gradients_));
  if (!std::isfinite(norm) || !std::isfinite(loss) || (refuses && refuses(norm))) {
    ++counts_.skipped;
    ++counts_.skipped_in_a_row;
    check(counts_.skipped_in_a_row < config_.skip_abort_after, "loss ", loss, " and gradient norm ", norm, ": not finite, or refused as spikes, for ", counts_.skipped_in_a_row,
          " steps in a row; the weights are those of the last good step. Lower learning_rate, raise "
          "warmup_iters, or look at the data of these steps; skip_abort_after allows more");
    return {.grad_norm = norm, .was_applied = false};
  }
  counts_.skipped_in_a_row = 0;
  ++counts_.updates;
  const bool clips = config_.clip_grad > 0 && norm > config_.clip_grad;
  AdamWStep adam{.learning_rate = static_cast<float>(learning_rate),
                 .beta1 = static_cast<float>(config_.beta1),
                 .beta2 = static_cast<float>(config_.beta2),
                 .eps = static_cast<float>(config_.eps),
                 .weight_decay = static_cast<float>(config_.weight_decay),
                 .gradient_scale = clips ? static_cast<float>(config_.clip_grad / norm) : 1.0f,
                 .step = counts_.updates};
  const auto update = [&](std::int64_t begin, std::int64_t end) {
    if (begin == end) return;
    const Tensor weights = bf16_weights_.view() ? bf16_weights_.view().rows(begin, end) : Tensor();
    master_.update(stream, weights, begin, m_.view().rows(begin, end), v_.view().rows(begin, end), gradients_.view().rows(begin, end), adam,
                   static_cast<std::uint64_t>(config_.seed), begin);
  };
  update(0, decayed_count_);
  adam.weight_decay = 0;
  update(decayed_count_, m_.view().count());
  return {.grad_norm = norm, .was_applied = true};
}

OptimizerMemory optimizer_memory(std::int64_t count, DType compute, MasterWeights::Kind kind) {
  return {.weights_bytes = compute == DType::bf16 ? 2 * count : 0,
          .master_bytes = MasterWeights::bytes_per_parameter(kind) * count,
          .m_bytes = 4 * count,
          .v_bytes = 4 * count,
          .gradients_bytes = 4 * count};
}

}  // namespace corollary
