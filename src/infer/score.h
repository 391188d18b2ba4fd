#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "device/stream.h"
#include "model/llama.h"

namespace corollary {

/// Log-likelihoods of whole token sequences, many at a time through the training-grade forward pass.
class Scorer {
 public:
  /// seq_len: the longest context, 0 for max_position_embeddings; batch_tokens: tokens of a pass, at least one window.
  Scorer(const LlamaConfig& config, const Weights& weights, std::int64_t seq_len = 0, std::int64_t batch_tokens = 4096);
  ~Scorer();

  /// For every sequence s[0..n): losses of s[1..n) in nats, each scored exactly once (-log p(s[i] | what came before in its
  /// window)). s[0] is context only: begin with the start token. Rolling windows: the first holds s[0..seq_len]; each next one
  /// starts where the last ended, with that last token as context; the final one is moved back to be as long as the others, and
  /// scores only what is new.
  std::vector<std::vector<float>> losses(Stream& stream, std::span<const std::vector<std::int32_t>> sequences);

 private:
  struct Window;
  void run(Stream& stream, std::span<const Window> windows, std::span<const std::vector<std::int32_t>> sequences,
           std::vector<std::vector<float>>& out);
  Llama& llama_for(std::int64_t rows, std::int64_t length);

  LlamaConfig config_;
  Weights weights_;
  std::int64_t seq_len_, batch_tokens_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::unique_ptr<Llama>> llamas_;  // by shape: windows, tokens of each
};

}  // namespace corollary
