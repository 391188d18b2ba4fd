#include "train/schedule.h"

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace corollary {

double learning_rate_at(const Schedule& schedule, std::int64_t step) {
  check(step >= 1, "learning rate of step ", step, ": the first step is 1");
  if (step <= schedule.warmup_iters) return schedule.peak * static_cast<double>(step) / static_cast<double>(schedule.warmup_iters);
  if (schedule.is_constant) return schedule.peak;
  if (step >= schedule.decay_iters) return schedule.peak * schedule.min_lr_ratio;
  const double progress =
      static_cast<double>(step - schedule.warmup_iters) / static_cast<double>(schedule.decay_iters - schedule.warmup_iters);
  const double cosine = 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return schedule.peak * (schedule.min_lr_ratio + (1 - schedule.min_lr_ratio) * cosine);
}

}  // namespace corollary
