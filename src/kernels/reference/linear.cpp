#include "kernels/reference/linear.h"

namespace corollary::reference {

Values linear(const Values& x, const Values& w, std::int64_t inputs) {
  const auto in = static_cast<std::size_t>(inputs);
  const std::size_t tokens = x.size() / in, out = w.size() / in;
  Values y(tokens * out);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t i = 0; i < in; ++i) y[t * out + o] += x[t * in + i] * w[o * in + i];
  return y;
}

Values linear_dx(const Values& dy, const Values& w, std::int64_t inputs) {
  const auto in = static_cast<std::size_t>(inputs);
  const std::size_t out = w.size() / in, tokens = dy.size() / out;
  Values dx(tokens * in);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t i = 0; i < in; ++i) dx[t * in + i] += dy[t * out + o] * w[o * in + i];
  return dx;
}

Values linear_dw(const Values& dy, const Values& x, std::int64_t inputs) {
  const auto in = static_cast<std::size_t>(inputs);
  const std::size_t tokens = x.size() / in, out = dy.size() / tokens;
  Values dw(out * in);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t i = 0; i < in; ++i) dw[o * in + i] += dy[t * out + o] * x[t * in + i];
  return dw;
}

}  // namespace corollary::reference
