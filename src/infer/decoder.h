#pragma once
#include <cstdint>
#include <span>

#include "device/buffer.h"
#include "device/stream.h"
#include "model/config.h"
#include "model/parameters.h"

namespace corollary {

/// One sequence of a Llama, token by token: weights that somebody else owns, and the keys and values of what was read so far.
/// Computes in the dtype of the weights (f32 or bf16); logits are f32. The cache is [layer][token][kv_size], contiguous:
/// 2 * layers * max_tokens * kv_size elements.
class Decoder {
 public:
  /// Error if max_tokens exceeds max_position_embeddings.
  Decoder(const LlamaConfig& config, const Weights& weights, std::int64_t max_tokens);

  /// Reads on by these tokens and returns the logits after the last of them, [vocab_size], valid until the next call.
  /// A first call with many tokens is a prefill: one pass of matrix products. Error if there is no room, or an id lies outside
  /// the vocabulary; the sequence is then as before.
  std::span<const float> append(Stream& stream, std::span<const std::int32_t> tokens);

  /// Forgets all tokens from `length` on: several completions share the reading of one prompt.
  void truncate(std::int64_t length);
  std::int64_t length() const { return length_; }  ///< tokens read
  std::int64_t max_tokens() const { return max_tokens_; }
  const LlamaConfig& config() const { return config_; }

 private:
  struct Scratch {  ///< of a call with up to `tokens` tokens
    std::int64_t tokens = 0;
    OwnedTensor ids, positions, x, y, delta, qkv, o, gate_up, activation, rstd, lse;
  };
  void reserve(std::int64_t tokens);
  void block(Stream& stream, std::int64_t layer, std::int64_t tokens);
  void attend(Stream& stream, std::int64_t layer, std::int64_t tokens);

  LlamaConfig config_;
  Weights weights_;
  std::int64_t max_tokens_, length_ = 0;
  DType dtype_;
  OwnedTensor keys_, values_;  // [layers, max_tokens, kv_size]
  OwnedTensor rope_table_, logits_;
  Scratch scratch_;
};

}  // namespace corollary
