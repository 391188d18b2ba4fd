#include "kernels/reference/rmsnorm.h"

#include <cmath>

namespace corollary::reference {

Values rmsnorm_rstd(const Values& x, std::int64_t hidden_size, double eps) {
  const auto n = static_cast<std::size_t>(hidden_size);
  Values rstd(x.size() / n);
  for (std::size_t t = 0; t < rstd.size(); ++t) {
    double sum_sq = 0;
    for (std::size_t i = 0; i < n; ++i) sum_sq += x[t * n + i] * x[t * n + i];
    rstd[t] = 1 / std::sqrt(sum_sq / static_cast<double>(n) + eps);
  }
  return rstd;
}

Values rmsnorm(const Values& x, const Values& w, double eps) {
  const std::size_t n = w.size();
  const Values rstd = rmsnorm_rstd(x, static_cast<std::int64_t>(n), eps);
  Values y(x.size());
  for (std::size_t t = 0; t < rstd.size(); ++t)
    for (std::size_t i = 0; i < n; ++i) y[t * n + i] = x[t * n + i] * w[i] * rstd[t];
  return y;
}

// d rstd / d x[i] = -x[i] rstd^3 / n, hence   dx[i] = rstd dy[i] w[i] - x[i] rstd^3 / n * sum_j dy[j] w[j] x[j].
Values rmsnorm_dx(const Values& dy, const Values& x, const Values& w, double eps) {
  const std::size_t n = w.size();
  const Values rstd = rmsnorm_rstd(x, static_cast<std::int64_t>(n), eps);
  Values dx(x.size());
  for (std::size_t t = 0; t < rstd.size(); ++t) {
    double sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += dy[t * n + j] * w[j] * x[t * n + j];
    for (std::size_t i = 0; i < n; ++i)
      dx[t * n + i] = rstd[t] * dy[t * n + i] * w[i] - x[t * n + i] * std::pow(rstd[t], 3) / static_cast<double>(n) * sum;
  }
  return dx;
}

Values rmsnorm_dw(const Values& dy, const Values& x, const Values& w, double eps) {
  const std::size_t n = w.size();
  const Values rstd = rmsnorm_rstd(x, static_cast<std::int64_t>(n), eps);
  Values dw(n);
  for (std::size_t t = 0; t < rstd.size(); ++t)
    for (std::size_t i = 0; i < n; ++i) dw[i] += dy[t * n + i] * x[t * n + i] * rstd[t];
  return dw;
}

}  // namespace corollary::reference
