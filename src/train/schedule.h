#pragma once
#include <cstdint>

namespace corollary {

/// Linear warm-up from zero, then half a cosine down to a floor, as Llemma's runs have it (recipe of gpt-neox, lr_decay_style
/// cosine):
///   s <= warmup_iters:  peak * s / warmup_iters
///   later:              peak * (r + (1 - r) * (1 + cos(pi * (s - warmup_iters) / (decay_iters - warmup_iters))) / 2),  r =
///   min_lr_ratio
/// and from decay_iters on the floor, peak * r.
struct Schedule {
  double peak = 0;                ///< learning rate at the end of the warm-up
  double min_lr_ratio = 0;        ///< floor / peak
  std::int64_t warmup_iters = 0;  ///< 0: starts at the peak
  std::int64_t decay_iters = 0;   ///< at least warmup_iters
  bool is_constant = false;       ///< after the warm-up the peak, for ever: what MetaMath's runs had in effect
};

/// Learning rate of optimizer step `step`; the first step is 1.
double learning_rate_at(const Schedule& schedule, std::int64_t step);

}  // namespace corollary
