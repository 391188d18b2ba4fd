#include "infer/sampling.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace corollary {
namespace {

struct Candidate {
  double weight;  // probability up to a common factor
  std::int32_t id;
};

double uniform(std::uint64_t seed, std::uint64_t sample, std::uint64_t position) {
  const auto bits = philox(seed, sample, position);
  return static_cast<double>(std::uint64_t{bits[0] >> 5} << 26 | bits[1] >> 6) * 0x1p-53;
}

/// The most likely first; equals by id, so that the order is one.
void keep_top(std::vector<Candidate>& candidates, const SamplingConfig& config) {
  const auto before = [](const Candidate& a, const Candidate& b) {
    return a.weight > b.weight || (a.weight == b.weight && a.id < b.id);
  };
  if (config.top_k > 0 && config.top_k < static_cast<std::int64_t>(candidates.size())) {
    std::nth_element(candidates.begin(), candidates.begin() + config.top_k, candidates.end(), before);
    candidates.resize(static_cast<std::size_t>(config.top_k));
  }
  if (config.top_p >= 1) return;
  std::sort(candidates.begin(), candidates.end(), before);
  double total = 0, held = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  std::size_t kept = 0;
  while (kept < candidates.size() && held < config.top_p * total) held += candidates[kept++].weight;
  candidates.resize(std::max<std::size_t>(kept, 1));
}

}  // namespace

void check_sampling(const SamplingConfig& config) {
  check(std::isfinite(config.temperature) && config.temperature >= 0, "temperature is ", config.temperature, ", must be 0 or more");
  check(config.top_k >= 0, "top_k is ", config.top_k, ", must be 0 or more");
  check(config.top_p > 0 && config.top_p <= 1, "top_p is ", config.top_p, ", must be above 0 and at most 1");
}

std::int32_t sample_token(std::span<const float> logits, const SamplingConfig& config, std::uint64_t sample,
                          std::uint64_t position) {
  const auto finite = [](float logit) { return std::isfinite(logit); };
  check(!logits.empty() && std::ranges::all_of(logits, finite), "the model's logits are not finite: its weights are damaged");
  const auto best = std::ranges::max_element(logits);
  if (config.temperature == 0) return static_cast<std::int32_t>(best - logits.begin());

  std::vector<Candidate> candidates(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i)
    candidates[i] = {std::exp((static_cast<double>(logits[i]) - static_cast<double>(*best)) / config.temperature),
                     static_cast<std::int32_t>(i)};
  keep_top(candidates, config);
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  double left = uniform(static_cast<std::uint64_t>(config.seed), sample, position) * total;
  for (const Candidate& candidate : candidates) {
    if (left < candidate.weight) return candidate.id;
    left -= candidate.weight;
  }
  return candidates.front().id;  // rounding left a crumb past the end
}

}  // namespace corollary
