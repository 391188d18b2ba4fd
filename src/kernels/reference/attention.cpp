#include "kernels/reference/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace corollary::reference {
namespace {

/// Where one query head of one sequence lies in the packed rows. T: query position, U: key position.
struct Head {
  std::size_t width, dim, first_row, q_column, k_column, v_column;
  std::size_t q(std::size_t t) const { return (first_row + t) * width + q_column; }
  std::size_t k(std::size_t u) const { return (first_row + u) * width + k_column; }
  std::size_t v(std::size_t u) const { return (first_row + u) * width + v_column; }
};
Head head_of(const AttentionShape& s, std::int64_t sequence, std::int64_t head) {
  const std::int64_t kv = head / (s.num_heads / s.num_kv_heads);
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  return {size(s.qkv_width()),
          size(s.head_dim),
          size(sequence * s.seq_len),
          size(head * s.head_dim),
          size((s.num_heads + kv) * s.head_dim),
          size((s.num_heads + s.num_kv_heads + kv) * s.head_dim)};
}

double dot(const double* a, const double* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// Turns scores into probabilities; returns the log of the sum of their exponentials.
double softmax(Values& scores) {
  const double highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const double s : scores) sum += std::exp(s - highest);
  const double lse = highest + std::log(sum);
  for (double& s : scores) s = std::exp(s - lse);
  return lse;
}

/// p[u] for the keys u <= t, 0 before the document of query t.
Values probabilities(const Values& qkv, const Head& head, std::size_t t, double scale, const std::vector<std::int32_t>& starts,
                     double* lse) {
  const std::size_t start = starts.empty() ? 0 : static_cast<std::size_t>(starts[head.first_row + t]);
  Values p(t + 1, -std::numeric_limits<double>::infinity());
  for (std::size_t u = start; u <= t; ++u) p[u] = scale * dot(&qkv[head.q(t)], &qkv[head.k(u)], head.dim);
  *lse = softmax(p);
  return p;
}

/// f(head, t, its row in o, its place in lse) for every query.
template <class F>
void each_query(const AttentionShape& s, F f) {
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.num_heads; ++h) {
      const Head head = head_of(s, b, h);
      for (std::int64_t t = 0; t < s.seq_len; ++t)
        f(head, static_cast<std::size_t>(t), static_cast<std::size_t>(((b * s.seq_len + t) * s.num_heads + h) * s.head_dim),
          static_cast<std::size_t>((b * s.num_heads + h) * s.seq_len + t));
    }
}

}  // namespace

AttentionOutput attention(const Values& qkv, const AttentionShape& s, const std::vector<std::int32_t>& document_starts) {
  AttentionOutput out{Values(static_cast<std::size_t>(s.batch * s.seq_len * s.num_heads * s.head_dim)),
                      Values(static_cast<std::size_t>(s.batch * s.num_heads * s.seq_len))};
  each_query(s, [&](const Head& head, std::size_t t, std::size_t o, std::size_t lse) {
    const Values p = probabilities(qkv, head, t, s.scale, document_starts, &out.lse[lse]);
    for (std::size_t u = 0; u <= t; ++u)
      for (std::size_t d = 0; d < head.dim; ++d) out.o[o + d] += p[u] * qkv[head.v(u) + d];
  });
  return out;
}

// For one query:  dv[u] += p[u] do;   dp[u] = do . v[u];   ds[u] = p[u] (dp[u] - sum_w p[w] dp[w]);
//                 dq += scale ds[u] k[u];   dk[u] += scale ds[u] q.
Values attention_backward(const Values& d_o, const Values& qkv, const AttentionShape& s,
                          const std::vector<std::int32_t>& document_starts) {
  Values d_qkv(qkv.size());
  each_query(s, [&](const Head& head, std::size_t t, std::size_t o, std::size_t) {
    double lse = 0;
    const Values p = probabilities(qkv, head, t, s.scale, document_starts, &lse);
    Values dp(t + 1);
    for (std::size_t u = 0; u <= t; ++u) dp[u] = dot(&d_o[o], &qkv[head.v(u)], head.dim);
    const double mean = dot(p.data(), dp.data(), t + 1);
    for (std::size_t u = 0; u <= t; ++u) {
      const double ds = s.scale * p[u] * (dp[u] - mean);
      for (std::size_t d = 0; d < head.dim; ++d) {
        d_qkv[head.v(u) + d] += p[u] * d_o[o + d];
        d_qkv[head.q(t) + d] += ds * qkv[head.k(u) + d];
        d_qkv[head.k(u) + d] += ds * qkv[head.q(t) + d];
      }
    }
  });
  return d_qkv;
}

Values attention_decode(const Values& q, const Values& keys, const Values& values, const AttentionShape& s) {
  const auto dim = static_cast<std::size_t>(s.head_dim), width = static_cast<std::size_t>(s.num_kv_heads) * dim;
  const std::size_t length = keys.size() / width, group = static_cast<std::size_t>(s.num_heads / s.num_kv_heads);
  Values o(q.size());
  for (std::size_t h = 0; h < static_cast<std::size_t>(s.num_heads); ++h) {
    Values p(length);
    for (std::size_t u = 0; u < length; ++u) p[u] = s.scale * dot(&q[h * dim], &keys[u * width + h / group * dim], dim);
    softmax(p);
    for (std::size_t u = 0; u < length; ++u)
      for (std::size_t d = 0; d < dim; ++d) o[h * dim + d] += p[u] * values[u * width + h / group * dim + d];
  }
  return o;
}

}  // namespace corollary::reference
