#include "kernels/reference/cross_entropy.h"

#include <algorithm>
#include <cmath>

namespace corollary::reference {
namespace {

/// log sum_v exp(x[v]), the largest taken out so that nothing overflows.
double log_sum_exp(const double* x, std::size_t n) {
  const double highest = *std::max_element(x, x + n);
  double sum = 0;
  for (std::size_t v = 0; v < n; ++v) sum += std::exp(x[v] - highest);
  return highest + std::log(sum);
}

}  // namespace

Values cross_entropy(const Values& logits, const std::vector<std::int32_t>& targets) {
  const std::size_t n = logits.size() / targets.size();
  Values loss(targets.size());
  for (std::size_t t = 0; t < targets.size(); ++t)
    if (targets[t] >= 0) loss[t] = log_sum_exp(&logits[t * n], n) - logits[t * n + static_cast<std::size_t>(targets[t])];
  return loss;
}

Values cross_entropy_backward(const Values& logits, const std::vector<std::int32_t>& targets, double grad_scale) {
  const std::size_t n = logits.size() / targets.size();
  Values gradient(logits.size());
  for (std::size_t t = 0; t < targets.size(); ++t) {
    if (targets[t] < 0) continue;
    const double normalizer = log_sum_exp(&logits[t * n], n);
    for (std::size_t v = 0; v < n; ++v) gradient[t * n + v] = grad_scale * std::exp(logits[t * n + v] - normalizer);
    gradient[t * n + static_cast<std::size_t>(targets[t])] -= grad_scale;
  }
  return gradient;
}

}  // namespace corollary::reference
