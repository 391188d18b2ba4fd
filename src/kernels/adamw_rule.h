#pragma once
#include <cmath>

#include "kernels/adamw.h"

namespace corollary {

/// AdamWStep with everything worked out that is the same for all parameters; the bias corrections are one factor each:
///   w -= step_size * m / (sqrt(v) * root_scale + eps) + decay * w
struct AdamWRule {
  explicit AdamWRule(const AdamWStep& s)
      : beta1(s.beta1),
        beta2(s.beta2),
        rest1(1 - s.beta1),
        rest2(1 - s.beta2),
        gradient_scale(s.gradient_scale),
        eps(s.eps),
        step_size(s.learning_rate * static_cast<float>(1 / (1 - std::pow(double{s.beta1}, static_cast<double>(s.step))))),
        decay(s.learning_rate * s.weight_decay),
        root_scale(static_cast<float>(1 / std::sqrt(1 - std::pow(double{s.beta2}, static_cast<double>(s.step))))) {}
  float beta1, beta2, rest1, rest2, gradient_scale, eps, step_size, decay, root_scale;
};

}  // namespace corollary
