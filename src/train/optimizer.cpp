#include "train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.h"
#include "kernels/adamw.h"

namespace corollary {

Optimizer::Optimizer(std::int64_t count, std::int64_t decayed_count, DType compute, const TrainConfig& config, Device device)
    : config_(config),
      runs_({{.begin = 0, .end = decayed_count, .in_shard = 0, .decays = true},
             {.begin = decayed_count, .end = count, .in_shard = decayed_count}}),
      device_(device),
      master_(MasterWeights::kind_of(config.master_weights), count, device),
      m_(DType::f32, {count}, device),
      v_(DType::f32, {count}, device),
      gradients_(DType::f32, {count}, device) {
  check(0 <= decayed_count && decayed_count <= count, "optimizer: ", decayed_count, " of ", count, " parameters cannot decay");
  check(compute == DType::f32 || compute == DType::bf16, "optimizer: weights must be f32 or bf16, not ", compute);
  check(compute == DType::bf16 || master_.kind() == MasterWeights::Kind::fp32, "master_weights ", config.master_weights,
        " needs precision bf16: in f32 the weights are their own master");
  if (compute == DType::bf16) weights_ = OwnedTensor(DType::bf16, {count}, device);
}

Optimizer::Optimizer(ShardExchange& exchange, DType compute, const TrainConfig& config, Device device)
    : Optimizer(exchange.shards().shard_count(exchange.data_rank()), 0, compute, config, device) {
  const Shards& shards = exchange.shards();
  const std::size_t buckets = shards.buckets().size();
  const std::int64_t count = shards.buckets().back().end;
  exchange_ = &exchange;
  runs_.clear();
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    const ParameterRange piece = shards.piece(bucket, exchange.data_rank());
    runs_.push_back({.begin = piece.begin,
                     .end = piece.end,
                     .in_shard = shards.in_shard(bucket, exchange.data_rank()).begin,
                     .decays = bucket + 1 < buckets,
                     .counts = exchange.counts(bucket)});
  }
  gradients_ = OwnedTensor(DType::f32, {count}, device);
  if (compute == DType::bf16 || shards.data_size() > 1) weights_ = OwnedTensor(compute, {count}, device);
}

ConstTensor Optimizer::weights() const {
  const ConstTensor weights = weights_.view();
  return weights ? weights : master_.f32();
}

void Optimizer::weights_from_master(Stream& stream) {
  if (!weights_.view()) return;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Run& run = runs_[i];
    const std::int64_t count = run.end - run.begin;
    if (count > 0 && master_.kind() == MasterWeights::Kind::fp32)
      cast(stream, weights_.view().rows(run.begin, run.end), master_.f32().rows(run.in_shard, run.in_shard + count));
    if (exchange_ != nullptr) exchange_->gather(stream, weights_, i);
  }
  if (exchange_ != nullptr) exchange_->wait(stream);
}

/// f(offset in values, elements, first element among all parameters, first in the shard) for every piece of a run that elements
/// [begin, begin + count) of the shard are.
template <class F>
void Optimizer::each_run(std::int64_t begin, std::int64_t count, F f) {
  for (const Run& run : runs_) {
    const std::int64_t first = std::max(begin, run.in_shard), last = std::min(begin + count, run.in_shard + run.end - run.begin);
    if (first < last) f(first - begin, last - first, run.begin + first - run.in_shard, first);
  }
}

void Optimizer::read_master(Stream& stream, Tensor values, std::int64_t begin) {
  each_run(begin, values.count(), [&](std::int64_t at, std::int64_t count, std::int64_t among_all, std::int64_t in_shard) {
    const Tensor weights = weights_.view() ? weights_.view().rows(among_all, among_all + count) : Tensor();
    master_.read(stream, values.rows(at, at + count), weights, in_shard);
  });
}
void Optimizer::write_master(Stream& stream, ConstTensor values, std::int64_t begin) {
  each_run(begin, values.count(), [&](std::int64_t at, std::int64_t count, std::int64_t among_all, std::int64_t in_shard) {
    const Tensor weights = weights_.view() ? weights_.view().rows(among_all, among_all + count) : Tensor();
    master_.write(stream, values.rows(at, at + count), weights, in_shard);
  });
}

void Optimizer::gradients_are_ready(Stream& stream, std::size_t part) {
  if (exchange_ != nullptr) exchange_->reduce(stream, gradients_, part);
}

void Optimizer::wait_for_gradients(Stream& stream) {
  if (exchange_ != nullptr) exchange_->wait(stream);
}

// A rank alone sums its whole run of memory at once.
double Optimizer::norm_of_gradients(Stream& stream, Communicator& communicator) {
  double square = 0;
  if (exchange_ == nullptr) {
    square = sum_of_squares(stream, gradients_);
  } else {
    wait_for_gradients(stream);
    for (const Run& run : runs_)
      if (run.counts && run.begin < run.end) square += sum_of_squares(stream, gradients_.view().rows(run.begin, run.end));
  }
  communicator.all_reduce_sum(std::span(&square, 1));
  return std::sqrt(square);
}

Optimizer::Outcome Optimizer::step(Stream& stream, Communicator& communicator, double loss, double learning_rate, const Refuses& refuses) {
  const double norm = norm_of_gradients(stream, communicator);
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
                 .gradient_scale = clips ? static_cast<float>(config_.clip_grad / norm) : 1.0f,
                 .step = counts_.updates};
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Run& run = runs_[i];
    adam.weight_decay = run.decays ? static_cast<float>(config_.weight_decay) : 0;
    const auto shard = [&](OwnedTensor& x) { return x.view().rows(run.in_shard, run.in_shard + run.end - run.begin); };
    const Tensor weights = weights_.view() ? weights_.view().rows(run.begin, run.end) : Tensor();
    const bool is_bf16 = weights && weights.dtype() == DType::bf16;
    if (run.begin < run.end) {
      master_.update(stream, is_bf16 ? weights : Tensor(), run.in_shard, shard(m_), shard(v_), gradients_.view().rows(run.begin, run.end),
                     adam, static_cast<std::uint64_t>(config_.seed), run.begin);
      if (weights && !is_bf16) master_.read(stream, weights, {}, run.in_shard);
    }
    if (exchange_ != nullptr) exchange_->gather(stream, mutable_weights(), i);
  }
  if (exchange_ != nullptr) exchange_->wait(stream);
  return {.grad_norm = norm, .was_applied = true};
}

OptimizerMemory optimizer_memory(std::int64_t count, std::int64_t shard, DType compute, MasterWeights::Kind kind) {
  return {.weights_bytes = compute == DType::bf16 ? 2 * count : shard < count ? 4 * count : 0,
          .master_bytes = MasterWeights::bytes_per_parameter(kind) * shard,
          .m_bytes = 4 * shard,
          .v_bytes = 4 * shard,
          .gradients_bytes = 4 * count};
}

}  // namespace corollary
