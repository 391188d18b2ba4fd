#pragma once
#include <cstdint>
#include <vector>

#include "device/buffer.h"
#include "device/stream.h"
#include "model/config.h"
#include "model/parameters.h"

namespace corollary {

/// What a pass keeps for its backward, and what that costs.
struct MemoryPlan {
  std::int64_t kept_bytes = 0;     ///< per micro-batch, all layers: block inputs, qkv, attention out, lse, gate_up
  std::int64_t scratch_bytes = 0;  ///< shared by the layers
  std::int64_t total_bytes() const { return kept_bytes + scratch_bytes; }
};

/// Forward and backward of a Llama over micro-batches of fixed shape, without a tape: a block reads on one screen (llama.cpp).
/// Compute dtype is that of the weights; sums, norms and gradients of weights are f32. Norms and the SwiGLU product are computed again
/// in the backward pass, logits are made a chunk at a time and never stand whole.
class Llama {
 public:
  Llama(const LlamaConfig& config, DType compute, std::int64_t micro_batch_size, std::int64_t seq_len, bool trains);

  static MemoryPlan plan(const LlamaConfig& config, DType compute, std::int64_t micro_batch_size, std::int64_t seq_len, bool trains);

  /// loss[t] in nats for every token: tokens, targets [micro_batch_size * seq_len] i32, target -1 ignored.   losses [same] f32
  void losses(Stream& stream, Tensor losses, const Weights& weights, ConstTensor tokens, ConstTensor targets);

  /// As losses(), and adds grad_scale * d(sum of losses)/dw to `gradients` (f32), or writes it over what stood there if not `accumulate`.
  void losses_and_gradients(Stream& stream, Tensor losses, const Gradients& gradients, const Weights& weights, ConstTensor tokens,
                            ConstTensor targets, float grad_scale, bool accumulate);

  /// logits [micro_batch_size * seq_len, vocab_size] f32 or the compute dtype
  void logits(Stream& stream, Tensor logits, const Weights& weights, ConstTensor tokens);

  const LlamaConfig& config() const { return config_; }

 private:
  struct BlockActivations;
  void forward_blocks(Stream& stream, const Weights& weights, ConstTensor tokens);
  void block_forward(Stream& stream, std::int64_t layer, const BlockOf<ConstTensor>& w);
  void block_backward(Stream& stream, std::int64_t layer, const BlockOf<Tensor>& dw, const BlockOf<ConstTensor>& w);

  LlamaConfig config_;
  DType compute_;
  std::int64_t micro_batch_size_, seq_len_, tokens_;
  bool trains_;
  Arena arena_;
};

}  // namespace corollary
