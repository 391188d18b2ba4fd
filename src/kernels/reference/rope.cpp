#include "kernels/reference/rope.h"

#include <cmath>

namespace corollary::reference {

Values rope(const Values& x, const std::vector<std::int32_t>& positions, std::int64_t head_dim, double theta, bool inverse) {
  const std::size_t width = x.size() / positions.size(), dim = static_cast<std::size_t>(head_dim), half = dim / 2;
  Values y(x.size());
  for (std::size_t t = 0; t < positions.size(); ++t)
    for (std::size_t head = 0; head < width / dim; ++head)
      for (std::size_t i = 0; i < half; ++i) {
        const double angle = positions[t] * std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
        const double c = std::cos(angle), s = inverse ? -std::sin(angle) : std::sin(angle);
        const std::size_t low = t * width + head * dim + i, high = low + half;
        y[low] = x[low] * c - x[high] * s;
        y[high] = x[high] * c + x[low] * s;
      }
  return y;
}

}  // namespace corollary::reference
