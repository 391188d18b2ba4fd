#pragma once
#include <cstdint>
#include <span>

namespace corollary {

struct SamplingConfig {
  double temperature = 0.0;  ///< 0: the most likely token always
  std::int64_t top_k = 0;    ///< draw from the k most likely; 0: from all
  double top_p = 1.0;        ///< then from the fewest that hold this much of the probability (arXiv:1904.09751)
  std::int64_t seed = 0;

  static void each(auto& config, auto&& visit) {
    visit("temperature", config.temperature);
    visit("top_k", config.top_k);
    visit("top_p", config.top_p);
    visit("seed", config.seed);
  }
};
/// Error naming the field unless temperature >= 0, top_k >= 0, 0 < top_p <= 1.
void check_sampling(const SamplingConfig& config);

/// The next token. Greedy takes the lowest id among equals. Otherwise temperature, top_k, top_p in this order, then one draw that
/// depends on (seed, sample, position) alone: not on what else is generated beside it. Error if the logits are not finite.
std::int32_t sample_token(std::span<const float> logits, const SamplingConfig& config, std::uint64_t sample,
                          std::uint64_t position);

}  // namespace corollary
