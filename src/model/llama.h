#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "device/buffer.h"
#include "device/stream.h"
#include "model/config.h"
#include "model/parameters.h"
#include "model/tensor_parallel.h"

namespace corollary {

/// The memory of a pass, in bytes.
struct MemoryPlan {
  std::int64_t kept_bytes = 0;       ///< of all layers, from the forward to the backward pass
  std::int64_t scratch_bytes = 0;    ///< shared by the layers
  std::int64_t workspace_bytes = 0;  ///< of single operations on a GPU, in the stream (Stream::workspace); not part of the arena
  std::int64_t arena_bytes() const { return kept_bytes + scratch_bytes; }
  std::int64_t total_bytes() const { return arena_bytes() + workspace_bytes; }
};

/// What the backward pass computes again instead of finding it kept.
enum class Recompute : std::uint8_t {
  norms,  ///< both normed rows and SwiGLU's product, by the operations that read their inputs anyway
  none,   ///< nothing: 2 (2 hidden_size + intermediate_size) bytes more a token and block in bf16
};

/// What a pass reads, each [micro_batch_size * seq_len] i32.
struct TokenBatch {
  ConstTensor tokens;
  ConstTensor targets = {};          ///< -1: no loss; not read by logits()
  ConstTensor positions = {};        ///< of each token for its rotation, below seq_len; none: 0, 1, ... in each sequence
  ConstTensor document_starts = {};  ///< kernels/attention.h: documents of a sequence that do not see one another; none: one document
};

/// Forward and backward of a Llama over micro-batches of one shape, without a tape: a block reads on one screen (llama.cpp).
/// Computes in the dtype of the weights; sums, norms and gradients of weights are f32. Norms and the SwiGLU product are computed
/// again in the backward pass unless Recompute says otherwise; logits are made a chunk of tokens at a time and never stand whole
/// (docs/math/llama.md).
class Llama {
 public:
  /// Allocates all a pass needs on `device`; nothing is allocated later. trains = false keeps nothing for a backward pass. Tensors and
  /// streams given to the functions below are that device's. If `ranks` are several, all call the same functions with the same tokens,
  /// `config`, weights and gradients are what each holds (train/owned_slice.h), and losses come out whole on each. Weights given may have
  /// adapters of up to `lora_rank`, on one rank.
  Llama(const LlamaConfig& config, DType compute, std::int64_t micro_batch_size, std::int64_t seq_len, bool trains,
        Device device = Device::cpu, Recompute recompute = Recompute::norms, TensorParallel* ranks = nullptr, std::int64_t lora_rank = 0);

  static MemoryPlan plan(const LlamaConfig& config, DType compute, std::int64_t micro_batch_size, std::int64_t seq_len,
                         bool trains, Device device = Device::cpu, Recompute recompute = Recompute::norms, TensorParallel* ranks = nullptr,
                         std::int64_t lora_rank = 0);

  /// Tokens of a pass over `tokens` whose logits stand at once. On a CPU 1,024 rows of 8,192 bf16 logits are 16 MB; on a GPU half a pass,
  /// at most 4,096 rows of 32,016, 262 MB. Fewer would read and write the gradient of the head more often.
  static std::int64_t head_chunk(Device device, std::int64_t tokens);

  /// losses[t] in nats for every token.   losses  [micro_batch_size * seq_len]  f32
  void losses(Stream& stream, Tensor losses, const Weights& weights, const TokenBatch& batch);

  /// As losses(), and d(grad_scale * sum of losses)/dw added to `gradients` (f32), or written over what stood there unless
  /// `accumulate`. Gradients of norms are those of this rank's tokens: they want summing over `ranks`. `is_ready` is told of each part of
  /// the gradients (parameter_parts) once this pass adds nothing more to it, on a GPU once that is queued: head, blocks from the last to
  /// the first, embedding, norms. Of a frozen model (model/parameters.h) only the gradients of its adapters.
  using PartIsReady = std::function<void(std::size_t part)>;
  void losses_and_gradients(Stream& stream, Tensor losses, const Gradients& gradients, const Weights& weights, const TokenBatch& batch,
                            float grad_scale, bool accumulate, const PartIsReady& is_ready = {});

  /// logits  [micro_batch_size * seq_len, vocab_size]  f32 or the compute dtype
  void logits(Stream& stream, Tensor logits, const Weights& weights, const TokenBatch& batch);

  const LlamaConfig& config() const { return config_; }
  std::int64_t tokens() const { return tokens_; }
  std::int64_t workspace_bytes() const { return workspace_bytes_; }  ///< what to reserve in the stream, on a GPU

 private:
  struct Kept {             // of one block, for its backward pass. T: all tokens, R: this rank's, T / ranks
    Tensor x_attention;     // [R, hidden]  the residual stream where the block begins
    Tensor rstd_attention;  // [R]
    Tensor y_attention;     // [T, hidden]  its norm; of all blocks in one place if computed again
    Tensor qkv;             // [T, q + 2 kv]  rotated
    Tensor o;               // [T, q]
    Tensor lse;             // [B, heads, seq]
    Tensor x_mlp;           // [R, hidden]  the residual stream after attention
    Tensor rstd_mlp;        // [R]
    Tensor y_mlp;           // [T, hidden]  as y_attention
    Tensor gate_up;         // [T, 2 intermediate]
    Tensor activation;      // [T, intermediate]  SwiGLU's product; as y_attention
  };
  struct Scratch {
    Tensor delta;                             // [T, hidden]
    Tensor x_final, rstd_final, y_final;      // [R, hidden] [R] [T, hidden]
    Tensor logits;                            // [chunk, vocab]
    Tensor dx, dy, d_activation, d_qkv, d_o;  // training only: like delta, delta, activation, qkv, o
    Tensor part_tokens, part_targets;         // several ranks only: [T] ids within this rank's part of the vocabulary, or -1
    Tensor maxima, sums;                      // several ranks only: [chunk], [2 chunk], of logits
    LoraScratch lora;                         // with adapters only
  };

  Llama() = default;  // for plan()
  MemoryPlan allocate(Arena& arena);
  void embed(Stream& stream, const Weights& weights, ConstTensor tokens);
  void forward_blocks(Stream& stream, const Weights& weights, const TokenBatch& batch);
  void split_statistics(Stream& stream, Tensor sums, ConstTensor logits, std::int64_t begin, std::int64_t end);
  void block_forward(Stream& stream, Kept& kept, const Kept* previous, const BlockOf<ConstTensor>& w, const TokenBatch& batch);
  void block_backward(Stream& stream, Kept& kept, const BlockOf<Tensor>& dw, const BlockOf<ConstTensor>& w, const TokenBatch& batch,
                      bool accumulate);
  ConstTensor positions_of(const TokenBatch& batch) const;
  template <class F>
  void each_head_chunk(F f);

  LlamaConfig config_;
  DType compute_ = DType::f32;
  std::int64_t batch_ = 0, seq_len_ = 0, tokens_ = 0, lora_rank_ = 0, workspace_bytes_ = 0;
  bool trains_ = false;
  Device device_ = Device::cpu;
  Recompute recompute_ = Recompute::norms;
  TensorParallel* ranks_ = nullptr;  // never none
  Arena arena_;
  std::vector<Kept> kept_;  // one a layer; all the same memory if nothing is kept
  Scratch scratch_;
  OwnedTensor positions_, rope_table_;
};

}  // namespace corollary
