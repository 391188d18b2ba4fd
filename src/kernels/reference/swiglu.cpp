#include "kernels/reference/swiglu.h"

#include <cmath>

namespace corollary::reference {
namespace {
double sigmoid(double g) { return 1 / (1 + std::exp(-g)); }
}  // namespace

Values swiglu(const Values& gate_up, std::int64_t intermediate_size) {
  const auto n = static_cast<std::size_t>(intermediate_size);
  Values y(gate_up.size() / 2);
  for (std::size_t t = 0; t < y.size() / n; ++t)
    for (std::size_t i = 0; i < n; ++i) {
      const double g = gate_up[t * 2 * n + i], u = gate_up[t * 2 * n + n + i];
      y[t * n + i] = g * sigmoid(g) * u;
    }
  return y;
}

// d silu / dg = s + g s (1 - s) with s = sigmoid(g).
Values swiglu_backward(const Values& dy, const Values& gate_up, std::int64_t intermediate_size) {
  const auto n = static_cast<std::size_t>(intermediate_size);
  Values d_gate_up(gate_up.size());
  for (std::size_t t = 0; t < dy.size() / n; ++t)
    for (std::size_t i = 0; i < n; ++i) {
      const double g = gate_up[t * 2 * n + i], u = gate_up[t * 2 * n + n + i], s = sigmoid(g), d = dy[t * n + i];
      d_gate_up[t * 2 * n + i] = d * u * (s + g * s * (1 - s));
      d_gate_up[t * 2 * n + n + i] = d * g * s;
    }
  return d_gate_up;
}

}  // namespace corollary::reference
