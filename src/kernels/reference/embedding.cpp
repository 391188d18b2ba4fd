#include "kernels/reference/embedding.h"

namespace corollary::reference {

Values embedding(const std::vector<std::int32_t>& tokens, const Values& table, std::int64_t hidden_size) {
  const auto n = static_cast<std::size_t>(hidden_size);
  Values x(tokens.size() * n);
  for (std::size_t t = 0; t < tokens.size(); ++t)
    for (std::size_t i = 0; i < n; ++i) x[t * n + i] = table[static_cast<std::size_t>(tokens[t]) * n + i];
  return x;
}

Values embedding_backward(const std::vector<std::int32_t>& tokens, const Values& dx, std::int64_t vocab_size) {
  const std::size_t n = dx.size() / tokens.size();
  Values d_table(static_cast<std::size_t>(vocab_size) * n);
  for (std::size_t t = 0; t < tokens.size(); ++t)
    for (std::size_t i = 0; i < n; ++i) d_table[static_cast<std::size_t>(tokens[t]) * n + i] += dx[t * n + i];
  return d_table;
}

}  // namespace corollary::reference
