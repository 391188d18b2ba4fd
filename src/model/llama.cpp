#include "model/llama.h"

#include <algorithm>
#include <cmath>

#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/rmsnorm.h"
#include "kernels/rope.h"
#include "kernels/split_vocabulary.h"
#include "kernels/swiglu.h"

namespace corollary {
namespace {

constexpr std::int64_t kLogitsPadding = 32;  // keeps rows of a power of two off one another's cache sets

TensorParallel& one_rank() {
  static TensorParallel alone;
  return alone;
}

AttentionShape attention_shape(const LlamaConfig& c, std::int64_t batch, std::int64_t seq_len) {
  return {
      batch, seq_len, c.num_attention_heads, c.num_key_value_heads, c.head_dim, 1.0f / std::sqrt(static_cast<float>(c.head_dim))};
}

}  // namespace

// On a CPU 1,024 rows of 8,192 bf16 logits are 16 MB; on a GPU half a pass. Fewer would read and write the
// gradient of the head more often.
std::int64_t Llama::head_chunk(Device device, std::int64_t tokens) {
  return device == Device::cuda ? std::clamp<std::int64_t>(tokens / 2, 1024, 4096) : 1024;
}

Llama::Llama(const LlamaConfig& config, DType compute, std::int64_t micro_batch_size, std::int64_t seq_len, bool trains, Device device,
             Recompute recompute, TensorParallel* ranks, std::int64_t lora_rank)
    : config_(config),
      compute_(compute),
      batch_(micro_batch_size),
      seq_len_(seq_len),
      tokens_(micro_batch_size * seq_len),
      lora_rank_(lora_rank),
      trains_(trains),
      device_(device),
      recompute_(recompute),
      ranks_(ranks != nullptr ? ranks : &one_rank()) {
  check(micro_batch_size > 0 && seq_len > 0, "micro_batch_size ", micro_batch_size, " and seq_len ", seq_len, " must be positive");
  check(seq_len <= config.max_position_embeddings, "seq_len ", seq_len, " is beyond max_position_embeddings ",
        config.max_position_embeddings);
  check(tokens_ % ranks_->size() == 0, "a micro-batch of ", micro_batch_size, " times ", seq_len, " tokens does not divide into ",
        ranks_->size(), " slices: change micro_batch_size or tensor_parallel");
  const MemoryPlan memory = plan(config, compute, micro_batch_size, seq_len, trains, device, recompute, ranks, lora_rank);
  workspace_bytes_ = memory.workspace_bytes;
  arena_ = Arena(memory.arena_bytes(), device);
  allocate(arena_);
  OwnedTensor positions(DType::i32, {tokens_}), table(DType::f32, {2, seq_len, config.head_dim / 2});
  for (std::int64_t t = 0; t < tokens_; ++t) positions.view().data<std::int32_t>()[t] = static_cast<std::int32_t>(t % seq_len);
  rope_table(table, config.rope_theta);
  if (device == Device::cpu) {
    positions_ = std::move(positions);
    rope_table_ = std::move(table);
    return;
  }
  positions_ = OwnedTensor(DType::i32, positions.view().shape(), device);
  rope_table_ = OwnedTensor(DType::f32, table.view().shape(), device);
  Stream stream(device);
  copy(stream, positions_, positions);
  copy(stream, rope_table_, table);
  stream.synchronize();
}

MemoryPlan Llama::plan(const LlamaConfig& config, DType compute, std::int64_t micro_batch_size, std::int64_t seq_len, bool trains,
                       Device device, Recompute recompute, TensorParallel* ranks,
                       std::int64_t lora_rank) {
  Llama empty;
  empty.recompute_ = recompute;
  empty.ranks_ = ranks != nullptr ? ranks : &one_rank();
  empty.config_ = config, empty.compute_ = compute, empty.trains_ = trains, empty.device_ = device, empty.lora_rank_ = lora_rank;
  empty.batch_ = micro_batch_size, empty.seq_len_ = seq_len, empty.tokens_ = micro_batch_size * seq_len;
  Arena counting = Arena::counting();
  MemoryPlan plan = empty.allocate(counting);
  if (device == Device::cuda)
    plan.workspace_bytes = std::max(matmul_workspace_bytes(), attention_workspace_bytes(attention_shape(config, micro_batch_size, seq_len),
                                                                                       compute, /*backward=*/trains));
  return plan;
}

MemoryPlan Llama::allocate(Arena& arena) {
  const LlamaConfig& c = config_;
  const std::int64_t T = tokens_, R = T / ranks_->size(), width = c.q_size() + 2 * c.kv_size();
  const auto activations = [&](std::int64_t columns) { return arena.take(compute_, {T, columns}); };
  const auto own_stream = [&] { return arena.take(compute_, {R, c.hidden_size}); };
  const auto per_own_token = [&] { return arena.take(DType::f32, {R}); };
  const bool keeps_all = trains_ && recompute_ == Recompute::none;
  const Tensor y = keeps_all ? Tensor() : activations(c.hidden_size), activation = keeps_all ? Tensor() : activations(c.intermediate_size);
  const std::int64_t shared_bytes = arena.used_bytes();
  kept_.clear();
  for (std::int64_t layer = 0; layer < c.num_hidden_layers; ++layer) {
    if (layer > 0 && !trains_) {  // nothing is kept: every block works in the memory of the first
      kept_.push_back(kept_.front());
      continue;
    }
    Kept k;
    k.x_attention = own_stream();
    k.rstd_attention = per_own_token();
    k.y_attention = keeps_all ? activations(c.hidden_size) : y;
    k.qkv = activations(width);
    k.o = activations(c.q_size());
    k.lse = arena.take(DType::f32, {batch_, c.num_attention_heads, seq_len_});
    k.x_mlp = own_stream();
    k.rstd_mlp = per_own_token();
    k.y_mlp = keeps_all ? activations(c.hidden_size) : y;
    k.gate_up = activations(2 * c.intermediate_size);
    k.activation = keeps_all ? activations(c.intermediate_size) : activation;
    kept_.push_back(k);
  }
  MemoryPlan plan;
  plan.kept_bytes = arena.used_bytes() - shared_bytes;
  Scratch& s = scratch_;
  s.delta = activations(c.hidden_size);
  s.x_final = own_stream();
  s.rstd_final = per_own_token();
  s.y_final = activations(c.hidden_size);
  s.logits = arena.take(compute_, {std::min(head_chunk(device_, T), T), (c.vocab_size + kLogitsPadding + 7) / 8 * 8}).columns(0, c.vocab_size);
  if (trains_) {
    s.dx = activations(c.hidden_size);
    s.dy = activations(c.hidden_size);
    s.d_activation = activations(c.intermediate_size);
    s.d_qkv = activations(width);
    s.d_o = activations(c.q_size());
  }
  if (ranks_->size() > 1) {
    s.part_tokens = arena.take(DType::i32, {T});
    s.part_targets = arena.take(DType::i32, {T});
    s.maxima = arena.take(DType::f32, {s.logits.dim(0)});
    s.sums = arena.take(DType::f32, {2 * s.logits.dim(0)});
  }
  if (lora_rank_ > 0) s.lora = {activations(lora_rank_), activations(lora_outer_width(c))};
  plan.scratch_bytes = arena.used_bytes() - plan.kept_bytes;
  return plan;
}

// x = table[tokens]. Several ranks: each looks up those in its part of the vocabulary, zeros for the others; the sum is exact.
void Llama::embed(Stream& stream, const Weights& weights, ConstTensor tokens) {
  const Tensor x = kept_.front().x_attention;
  if (ranks_->size() == 1) return embedding_forward(stream, x, tokens, weights.embedding());
  const std::int64_t begin = ranks_->rank() * config_.vocab_size;
  ids_within(stream, scratch_.part_tokens, tokens, begin, begin + config_.vocab_size);
  embedding_forward(stream, scratch_.delta, scratch_.part_tokens, weights.embedding());
  ranks_->sum_and_scatter(stream, scratch_.delta);
  copy(stream, x, ranks_->own(scratch_.delta));
}

ConstTensor Llama::positions_of(const TokenBatch& batch) const { return batch.positions ? batch.positions : positions_.view(); }

void Llama::forward_blocks(Stream& stream, const Weights& weights, const TokenBatch& batch) {
  const ConstTensor tokens = batch.tokens;
  check(tokens.shape() == Shape{tokens_} && weights.flat().dtype() == compute_, "llama: tokens ", tokens.shape(), " and ",
        weights.flat().dtype(), " weights, made for [", tokens_, "] and ", compute_);
  const float eps = static_cast<float>(config_.rms_norm_eps);
  embed(stream, weights, tokens);
  for (std::size_t layer = 0; layer < kept_.size(); ++layer)
    block_forward(stream, kept_[layer], layer ? &kept_[layer - 1] : nullptr, weights.block(static_cast<std::int64_t>(layer)),
                  batch);
  Scratch& s = scratch_;
  add_rmsnorm_forward(stream, s.x_final, ranks_->own(s.y_final), s.rstd_final, kept_.back().x_mlp, ranks_->own(s.delta),
                      weights.final_norm(), eps);
  ranks_->gather(stream, s.y_final);
}

// h = x + attention(norm(x));  x' = h + mlp(norm(h)).  The last addition of a block is done by the norm that opens the next one.
// Norms see this rank's R tokens, products all T: they are gathered before, and the parts of the sums scattered after.
void Llama::block_forward(Stream& stream, Kept& k, const Kept* previous, const BlockOf<ConstTensor>& w, const TokenBatch& batch) {
  Scratch& s = scratch_;
  const float eps = static_cast<float>(config_.rms_norm_eps);
  const Tensor y_attention = ranks_->own(k.y_attention), y_mlp = ranks_->own(k.y_mlp), delta = ranks_->own(s.delta);
  if (previous == nullptr)
    rmsnorm_forward(stream, y_attention, k.rstd_attention, k.x_attention, w.input_norm, eps);  // [R, hidden]
  else
    add_rmsnorm_forward(stream, k.x_attention, y_attention, k.rstd_attention, previous->x_mlp, delta, w.input_norm, eps);  // [R, hidden]
  ranks_->gather(stream, k.y_attention);                // [T, hidden]
  linear_forward(stream, k.qkv, k.y_attention, w.qkv);  // [T, q + 2 kv]
  lora_forward(stream, k.qkv, k.y_attention, w.lora.qkv, s.lora);
  rope(stream, k.qkv, positions_of(batch), rope_table_, config_.num_attention_heads + config_.num_key_value_heads, /*inverse=*/false);
  attention_forward(stream, k.o, k.lse, k.qkv, attention_shape(config_, batch_, seq_len_), batch.document_starts);  // [T, q]
  linear_forward(stream, s.delta, k.o, w.attention_out);                                                       // [T, hidden]
  lora_forward(stream, s.delta, k.o, w.lora.attention_out, s.lora);
  ranks_->sum_and_scatter(stream, s.delta);                                                                    // [R, hidden]
  add_rmsnorm_forward(stream, k.x_mlp, y_mlp, k.rstd_mlp, k.x_attention, delta, w.post_attention_norm, eps);  // [R, hidden]
  ranks_->gather(stream, k.y_mlp);                                                                             // [T, hidden]
  linear_forward(stream, k.gate_up, k.y_mlp, w.gate_up);                                                       // [T, 2 inter]
  lora_forward(stream, k.gate_up, k.y_mlp, w.lora.gate_up, s.lora);
  swiglu_forward(stream, k.activation, k.gate_up);                                                             // [T, inter]
  linear_forward(stream, s.delta, k.activation, w.down);                                                       // [T, hidden]
  lora_forward(stream, s.delta, k.activation, w.lora.down, s.lora);
  ranks_->sum_and_scatter(stream, s.delta);                                                                    // [R, hidden]
}

// dx holds the gradient of the residual stream, in this rank's rows: each half of the block adds its own to what came past it. A weight's
// gradient comes after the operation that writes its input again.
void Llama::block_backward(Stream& stream, Kept& k, const BlockOf<Tensor>& dw, const BlockOf<ConstTensor>& w, const TokenBatch& batch,
                           bool accumulate) {
  Scratch& s = scratch_;
  const auto again = [&](Tensor x) { return recompute_ == Recompute::norms ? x : Tensor(); };  // what the forward pass did not keep
  const auto gather_again = [&](Tensor x) {
    if (recompute_ == Recompute::norms) ranks_->gather(stream, x);
  };
  const Tensor y_attention = again(ranks_->own(k.y_attention)), y_mlp = again(ranks_->own(k.y_mlp));
  const Tensor dx = ranks_->own(s.dx), dy = ranks_->own(s.dy);
  ranks_->gather(stream, s.dx);                                                        // [T, hidden]
  linear_backward_input(stream, s.d_activation, s.dx, w.down);                         // [T, inter]
  lora_backward_input(stream, s.d_activation, s.dx, w.lora.down, s.lora);
  swiglu_backward(stream, k.gate_up, again(k.activation), s.d_activation, k.gate_up);  // [T, 2 inter]
  linear_backward_weight(stream, dw.down, s.dx, k.activation, accumulate);
  lora_backward_weight(stream, dw.lora.down, s.dx, k.activation, w.lora.down, accumulate, s.lora);
  linear_backward_input(stream, s.dy, k.gate_up, w.gate_up);                                                     // [T, hidden]
  lora_backward_input(stream, s.dy, k.gate_up, w.lora.gate_up, s.lora);
  ranks_->sum_and_scatter(stream, s.dy);                                                                         // [R, hidden]
  rmsnorm_backward(stream, dx, dw.post_attention_norm, y_mlp, dy, k.x_mlp, w.post_attention_norm, k.rstd_mlp);  // [R, hidden]
  gather_again(k.y_mlp);                                                                                         // [T, hidden]
  linear_backward_weight(stream, dw.gate_up, k.gate_up, k.y_mlp, accumulate);
  lora_backward_weight(stream, dw.lora.gate_up, k.gate_up, k.y_mlp, w.lora.gate_up, accumulate, s.lora);

  ranks_->gather(stream, s.dx);  // [T, hidden]
  linear_backward_weight(stream, dw.attention_out, s.dx, k.o, accumulate);
  lora_backward_weight(stream, dw.lora.attention_out, s.dx, k.o, w.lora.attention_out, accumulate, s.lora);
  linear_backward_input(stream, s.d_o, s.dx, w.attention_out);  // [T, q]
  lora_backward_input(stream, s.d_o, s.dx, w.lora.attention_out, s.lora);
  attention_backward(stream, s.d_qkv, s.d_o, k.o, k.lse, k.qkv, attention_shape(config_, batch_, seq_len_),
                     batch.document_starts);  // [T, q + 2 kv]
  rope(stream, s.d_qkv, positions_of(batch), rope_table_, config_.num_attention_heads + config_.num_key_value_heads, /*inverse=*/true);
  linear_backward_input(stream, s.dy, s.d_qkv, w.qkv);                                                           // [T, hidden]
  lora_backward_input(stream, s.dy, s.d_qkv, w.lora.qkv, s.lora);
  ranks_->sum_and_scatter(stream, s.dy);                                                                         // [R, hidden]
  rmsnorm_backward(stream, dx, dw.input_norm, y_attention, dy, k.x_attention, w.input_norm, k.rstd_attention);  // [R, hidden]
  gather_again(k.y_attention);                                                                                   // [T, hidden]
  linear_backward_weight(stream, dw.qkv, s.d_qkv, k.y_attention, accumulate);
  lora_backward_weight(stream, dw.lora.qkv, s.d_qkv, k.y_attention, w.lora.qkv, accumulate, s.lora);
}

template <class F>
void Llama::each_head_chunk(F f) {
  const std::int64_t chunk = head_chunk(device_, tokens_);
  for (std::int64_t begin = 0; begin < tokens_; begin += chunk) {
    const std::int64_t end = std::min(tokens_, begin + chunk);
    f(scratch_.logits.rows(0, end - begin), begin, end);
  }
}

// What cross entropy needs of whole rows of logits, of which this rank has some columns: maximum, sum of exponentials, target's logit.
void Llama::split_statistics(Stream& stream, Tensor sums, ConstTensor logits, std::int64_t begin, std::int64_t end) {
  const Tensor maxima = scratch_.maxima.rows(0, end - begin);
  split_maxima(stream, maxima, logits);
  ranks_->max(stream, maxima);
  split_sums(stream, sums, logits, maxima, scratch_.part_targets.rows(begin, end));
  ranks_->sum(stream, sums);
}

void Llama::losses(Stream& stream, Tensor losses, const Weights& weights, const TokenBatch& batch) {
  forward_blocks(stream, weights, batch);
  const ConstTensor targets = batch.targets;
  Scratch& s = scratch_;
  const std::int64_t vocab_begin = ranks_->rank() * config_.vocab_size;
  if (ranks_->size() > 1) ids_within(stream, s.part_targets, targets, vocab_begin, vocab_begin + config_.vocab_size);
  each_head_chunk([&](Tensor chunk, std::int64_t begin, std::int64_t end) {
    linear_forward(stream, chunk, s.y_final.rows(begin, end), weights.head());
    if (ranks_->size() == 1) return cross_entropy_forward(stream, losses.rows(begin, end), chunk, targets.rows(begin, end));
    const Tensor sums = s.sums.rows(0, 2 * (end - begin)).reshaped({2, end - begin});
    split_statistics(stream, sums, chunk, begin, end);
    split_losses(stream, losses.rows(begin, end), sums, targets.rows(begin, end));
  });
}

void Llama::logits(Stream& stream, Tensor logits, const Weights& weights, const TokenBatch& batch) {
  check(ranks_->size() == 1, "logits are not gathered from ", ranks_->size(), " ranks");
  forward_blocks(stream, weights, batch);
  linear_forward(stream, logits, scratch_.y_final, weights.head());
}

void Llama::losses_and_gradients(Stream& stream, Tensor losses, const Gradients& gradients, const Weights& weights,
                                 const TokenBatch& batch, float grad_scale, bool accumulate, const PartIsReady& is_ready) {
  check(trains_, "this Llama was made without memory for a backward pass");
  const bool is_frozen = gradients.is_frozen();
  if (!accumulate && !is_frozen) {  // the kernels below that can only add
    zero(stream, gradients.embedding());
    zero(stream, gradients.norms());
  }
  const auto ready = [&](std::size_t part) {
    if (is_ready) is_ready(part);
  };
  const ConstTensor tokens = batch.tokens, targets = batch.targets;
  forward_blocks(stream, weights, batch);
  Scratch& s = scratch_;
  const std::int64_t vocab_begin = ranks_->rank() * config_.vocab_size;
  if (ranks_->size() > 1) ids_within(stream, s.part_targets, targets, vocab_begin, vocab_begin + config_.vocab_size);
  each_head_chunk([&](Tensor chunk, std::int64_t begin, std::int64_t end) {
    linear_forward(stream, chunk, s.y_final.rows(begin, end), weights.head());
    if (ranks_->size() == 1) {
      cross_entropy_backward(stream, chunk, losses.rows(begin, end), targets.rows(begin, end), grad_scale);
    } else {
      const Tensor sums = s.sums.rows(0, 2 * (end - begin)).reshaped({2, end - begin});
      split_statistics(stream, sums, chunk, begin, end);
      split_losses(stream, losses.rows(begin, end), sums, targets.rows(begin, end));
      split_gradient(stream, chunk, s.maxima.rows(0, end - begin), sums, targets.rows(begin, end), s.part_targets.rows(begin, end),
                     grad_scale);
    }
    linear_backward_weight(stream, gradients.head(), chunk, s.y_final.rows(begin, end), accumulate || begin > 0);
    linear_backward_input(stream, s.dy.rows(begin, end), chunk, weights.head());
  });
  ready(kept_.size() + 1);
  const Tensor dx = ranks_->own(s.dx);
  zero(stream, dx);
  ranks_->sum_and_scatter(stream, s.dy);
  rmsnorm_backward(stream, dx, gradients.final_norm(), Tensor(), ranks_->own(s.dy), s.x_final, weights.final_norm(), s.rstd_final);
  for (std::size_t layer = kept_.size(); layer-- > 0;) {
    const auto l = static_cast<std::int64_t>(layer);
    block_backward(stream, kept_[layer], gradients.block(l), weights.block(l), batch, accumulate);
    ready(1 + layer);
  }
  ranks_->gather(stream, s.dx);
  if (!is_frozen) embedding_backward(stream, gradients.embedding(), ranks_->size() == 1 ? tokens : ConstTensor(s.part_tokens), s.dx);
  ready(0);
  ready(kept_.size() + 2);
}

}  // namespace corollary
