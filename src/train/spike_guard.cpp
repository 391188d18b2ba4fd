#include "train/spike_guard.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace corollary {
namespace {

double sigmas_above(const std::vector<double>& values, double value) {
  const auto count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double x : values) sum += x;
  const double mean = sum / count;
  for (const double x : values) squares += (x - mean) * (x - mean);
  // A run of equal values has no spread: a millionth of their size keeps the quotient finite and rounding unnoticed.
  const double deviation = std::max(std::sqrt(squares / count), 1e-6 * std::abs(mean) + 1e-30);
  return (value - mean) / deviation;
}

void keep_last(std::vector<double>& values, std::int64_t count) {
  const auto excess = static_cast<std::ptrdiff_t>(values.size()) - count;
  if (excess > 0) values.erase(values.begin(), values.begin() + excess);
}

}  // namespace

SpikeGuard::SpikeGuard(std::int64_t window, double sigma) : window_(sigma > 0 ? window : 0), sigma_(sigma) {}

SpikeGuard::Verdict SpikeGuard::judge(double loss, double grad_norm) const {
  const auto seen = static_cast<std::int64_t>(std::min(state_.losses.size(), state_.grad_norms.size()));
  if (window_ == 0 || seen < std::max<std::int64_t>(2, window_ / 2)) return {};
  Verdict verdict{.loss_sigmas = sigmas_above(state_.losses, loss), .grad_norm_sigmas = sigmas_above(state_.grad_norms, grad_norm)};
  verdict.is_spike = verdict.loss_sigmas > sigma_ || verdict.grad_norm_sigmas > sigma_;
  return verdict;
}

void SpikeGuard::accept(double loss, double grad_norm) {
  if (window_ == 0) return;
  state_.losses.push_back(loss);
  state_.grad_norms.push_back(grad_norm);
  set_state(std::move(state_));
}

void SpikeGuard::set_state(State state) {
  state_ = std::move(state);
  keep_last(state_.losses, window_);
  keep_last(state_.grad_norms, window_);
}

}  // namespace corollary
