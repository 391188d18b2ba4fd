#include "kernels/reference/adamw.h"

#include <cmath>

namespace corollary::reference {

void adamw(AdamWState& state, const Values& gradient, const AdamWStep& step) {
  const double beta1 = step.beta1, beta2 = step.beta2, count = static_cast<double>(step.step);
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double g = step.gradient_scale * gradient[i];
    state.m[i] = beta1 * state.m[i] + (1 - beta1) * g;
    state.v[i] = beta2 * state.v[i] + (1 - beta2) * g * g;
    const double m_hat = state.m[i] / (1 - std::pow(beta1, count)), v_hat = state.v[i] / (1 - std::pow(beta2, count));
    state.w[i] -= step.learning_rate * (m_hat / (std::sqrt(v_hat) + step.eps) + step.weight_decay * state.w[i]);
  }
}

}  // namespace corollary::reference
