#include "kernels/attention.h"

#include <algorithm>
#include <cmath>

#include "base/threads.h"
#include "kernels/cpu/amx.h"
#include "kernels/reference/attention.h"
#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

AttentionShape shape_of(std::int64_t batch, std::int64_t seq_len, std::int64_t heads, std::int64_t kv_heads, std::int64_t dim) {
  return {batch, seq_len, heads, kv_heads, dim, static_cast<float>(1 / std::sqrt(static_cast<double>(dim)))};
}
const AttentionShape kShapes[] = {
    shape_of(2, 1, 4, 2, 64),   shape_of(2, 7, 4, 2, 32),   shape_of(2, 33, 3, 1, 16),  shape_of(1, 64, 2, 2, 80),
    shape_of(2, 100, 4, 2, 64), shape_of(1, 100, 3, 1, 80), shape_of(1, 65, 2, 2, 128), shape_of(1, 512, 2, 1, 64),
    shape_of(1, 129, 2, 1, 24), shape_of(3, 16, 1, 1, 2),
};
std::string name(const AttentionShape& s) {
  std::ostringstream out;
  out << "batch " << s.batch << ", " << s.seq_len << " tokens, heads " << s.num_heads << "/" << s.num_kv_heads << " of "
      << s.head_dim;
  return out.str();
}
Shape qkv_shape(const AttentionShape& s) { return {s.batch * s.seq_len, s.qkv_width()}; }
Shape out_shape(const AttentionShape& s) { return {s.batch * s.seq_len, s.num_heads * s.head_dim}; }
Shape lse_shape(const AttentionShape& s) { return {s.batch, s.num_heads, s.seq_len}; }

/// Document starts of a packed batch: documents of these lengths one after another, each sequence beginning elsewhere in the list.
Ints document_starts(const AttentionShape& s) {
  constexpr std::int64_t kLengths[] = {1, 5, 40, 13, 150, 64, 3};
  Ints starts;
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t t = 0, next = b; t < s.seq_len; ++next)
      for (const std::int64_t start = t, end = std::min(s.seq_len, t + kLengths[next % 7]); t < end; ++t)
        starts.push_back(static_cast<std::int32_t>(start));
  return starts;
}

/// Scores are sums of head_dim f32 products; each probability errs relatively by as much as its score does absolutely, twice
/// (numerator and sum), and by the sum over seq_len keys.
double score_error(const Values& qkv, const AttentionShape& s) {
  const double q_k =
      std::pow(largest(qkv), 2) * static_cast<double>(s.head_dim) * s.scale / 2;  // of sum |q k|: half of them this big
  return sum_error(s.head_dim) * q_k;
}
double probability_error(const Values& qkv, const AttentionShape& s) { return 2 * score_error(qkv, s) + sum_error(s.seq_len); }

/// qkv with its values made positive: o is linear in them, so attention() of this is the size of what is added up.
Values with_absolute_values(Values qkv, const AttentionShape& s) {
  const std::int64_t first = (s.num_heads + s.num_kv_heads) * s.head_dim;
  for (std::size_t i = 0; i < qkv.size(); ++i)
    if (static_cast<std::int64_t>(i) % s.qkv_width() >= first) qkv[i] = std::abs(qkv[i]);
  return qkv;
}

TEST(Attention, ReferenceGradientIsTheSlope) {
  const AttentionShape s = shape_of(2, 4, 4, 2, 3);
  auto qkv = normal(qkv_shape(s).count(), 1);
  const auto d_o = normal(out_shape(s).count(), 2), gradient = reference::attention_backward(d_o, qkv, s);
  const auto loss = [&] { return dot(d_o, reference::attention(qkv, s).o); };
  for (std::size_t i = 0; i < qkv.size(); ++i) EXPECT_NEAR(gradient[i], central_difference(loss, qkv[i]), 1e-8) << "at " << i;
}

TEST(Attention, ReferenceGradientOverDocumentsIsTheSlope) {
  const AttentionShape s = shape_of(2, 4, 2, 1, 3);
  const Ints starts = {0, 0, 2, 2, 0, 1, 1, 1};
  auto qkv = normal(qkv_shape(s).count(), 1);
  const auto d_o = normal(out_shape(s).count(), 2), gradient = reference::attention_backward(d_o, qkv, s, starts);
  const auto loss = [&] { return dot(d_o, reference::attention(qkv, s, starts).o); };
  for (std::size_t i = 0; i < qkv.size(); ++i) EXPECT_NEAR(gradient[i], central_difference(loss, qkv[i]), 1e-8) << "at " << i;
}

/// f(document alone, its first token in the packed batch) for every document.
template <class F>
void each_document(const AttentionShape& s, const Ints& starts, F f) {
  const auto tokens = static_cast<std::int64_t>(starts.size());
  for (std::int64_t first = 0, end = 0; first < tokens; first = end) {
    const auto start = [&](std::int64_t t) { return t / s.seq_len * s.seq_len + starts[static_cast<std::size_t>(t)]; };
    for (end = first + 1; end < tokens && start(end) == first; ++end) {
    }
    AttentionShape alone = s;
    alone.batch = 1, alone.seq_len = end - first;
    f(alone, first);
  }
}
Values rows_of(const Values& x, std::int64_t first, std::int64_t rows, std::int64_t width) {
  return {x.begin() + first * width, x.begin() + (first + rows) * width};
}

TEST(Attention, ReferenceSeesEachDocumentAsIfAlone) {
  const AttentionShape s = shape_of(2, 70, 2, 1, 4);
  const Ints starts = document_starts(s);
  const auto qkv = normal(qkv_shape(s).count(), 1), d_o = normal(out_shape(s).count(), 2);
  const auto o = reference::attention(qkv, s, starts).o, d_qkv = reference::attention_backward(d_o, qkv, s, starts);
  int documents = 0;
  each_document(s, starts, [&](const AttentionShape& alone, std::int64_t first) {
    const auto n = alone.seq_len, width = s.qkv_width(), out = s.num_heads * s.head_dim;
    const auto part = rows_of(qkv, first, n, width);
    EXPECT_EQ(rows_of(o, first, n, out), reference::attention(part, alone).o) << "document at " << first;
    EXPECT_EQ(rows_of(d_qkv, first, n, width), reference::attention_backward(rows_of(d_o, first, n, out), part, alone));
    ++documents;
  });
  EXPECT_EQ(documents, 9);
}

TEST(Attention, ReferenceIsCausal) {
  const AttentionShape s = shape_of(1, 5, 2, 1, 4);
  auto qkv = normal(qkv_shape(s).count(), 1);
  const auto before = reference::attention(qkv, s).o;
  for (std::size_t i = qkv.size() - static_cast<std::size_t>(s.qkv_width()); i < qkv.size(); ++i) qkv[i] += 1;  // the last token
  const auto after = reference::attention(qkv, s).o;
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i] == after[i], i < before.size() - 8) << "at " << i;
}

class AttentionOnDevice : public OnDevice {
 protected:
  void SetUp() override {
    if (dtype() == DType::f32 || on_cuda()) return;
    if (!has_bf16_products()) GTEST_SKIP() << "no bf16 products on this CPU";
    if (cpu::amx_available() && GetParam() != every_dtype_and_place()[1])
      GTEST_SKIP() << "AMX serves bf16 here, as it did the first time";
  }
};
INSTANTIATE_TEST_SUITE_P(Every, AttentionOnDevice, ::testing::ValuesIn(every_dtype_and_place()), test_name);

TEST_P(AttentionOnDevice, ForwardMatchesReference) {
  for (const AttentionShape& s : kShapes) {
    SCOPED_TRACE(name(s));
    const auto qkv = rounded(normal(qkv_shape(s).count(), 1), dtype());
    auto o = TestTensor::blank(dtype(), out_shape(s)), lse = TestTensor::blank(DType::f32, lse_shape(s));
    attention_forward(stream, o, lse, TestTensor(qkv, dtype(), qkv_shape(s)), s);
    const auto want = reference::attention(qkv, s);
    const Values size = reference::attention(with_absolute_values(qkv, s), s).o;
    // bf16 rounds each probability once more before the product with v.
    const double p_rounding = dtype() == DType::bf16 ? unit_roundoff(dtype()) : 0;
    expect_close(o.values(), want.o, unit_roundoff(dtype()), p_rounding + probability_error(qkv, s), size);
    expect_close(lse.values(), want.lse, unit_roundoff(DType::f32), probability_error(qkv, s), Values(want.lse.size(), 1.0));
  }
}

/// What rounding may do to each element of d_qkv: p and ds are rounded to the dtype before their products, o was, and the softmax
/// errs as in the forward pass. The sizes are the sums of absolute values the gradient is added up from, written out as the
/// gradient itself is.
Values backward_allowance(const Values& d_o, const Values& o, const Values& qkv, const AttentionShape& s, DType dtype,
                          const Ints& starts = {}) {
  const double rounding = dtype == DType::bf16 ? unit_roundoff(dtype) : 0, p_error = rounding + probability_error(qkv, s);
  const double dp_error = sum_error(s.head_dim);
  const auto lse = reference::attention(qkv, s, starts).lse;
  Values allowed(qkv.size());
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.num_heads; ++h) {
      const std::int64_t kv = h / (s.num_heads / s.num_kv_heads);
      const auto at = [&](std::int64_t t, std::int64_t slot) {
        return static_cast<std::size_t>((b * s.seq_len + t) * s.qkv_width() + slot * s.head_dim);
      };
      for (std::int64_t t = 0; t < s.seq_len; ++t) {
        const std::size_t q = at(t, h), out = static_cast<std::size_t>(((b * s.seq_len + t) * s.num_heads + h) * s.head_dim);
        const auto dim = static_cast<std::size_t>(s.head_dim);
        double mean_size = 0;  // sum |do o|: the size of do . o, which ds subtracts
        for (std::size_t d = 0; d < dim; ++d) mean_size += std::abs(d_o[out + d] * o[out + d]);
        for (std::int64_t u = starts.empty() ? 0 : starts[static_cast<std::size_t>(b * s.seq_len + t)]; u <= t; ++u) {
          const std::size_t k = at(u, s.num_heads + kv), v = at(u, s.num_heads + s.num_kv_heads + kv);
          double score = 0, dp = 0, dp_size = 0, mean = 0;
          for (std::size_t d = 0; d < dim; ++d) {
            score += s.scale * qkv[q + d] * qkv[k + d];
            dp += d_o[out + d] * qkv[v + d];
            dp_size += std::abs(d_o[out + d] * qkv[v + d]);
            mean += d_o[out + d] * o[out + d];
          }
          const double p = std::exp(score - lse[static_cast<std::size_t>((b * s.num_heads + h) * s.seq_len + t)]);
          const double ds_error = s.scale * p *
                                  ((rounding + p_error) * std::abs(dp - mean) + dp_error * dp_size +
                                   (unit_roundoff(dtype) + p_error + dp_error) * mean_size);
          for (std::size_t d = 0; d < dim; ++d) {
            allowed[v + d] += p_error * p * std::abs(d_o[out + d]);
            allowed[q + d] += ds_error * std::abs(qkv[k + d]);
            allowed[k + d] += ds_error * std::abs(qkv[q + d]);
          }
        }
      }
    }
  return allowed;
}

TEST_P(AttentionOnDevice, BackwardMatchesReference) {
  for (const AttentionShape& s : kShapes) {
    SCOPED_TRACE(name(s));
    const auto qkv = rounded(normal(qkv_shape(s).count(), 1), dtype()), d_o = rounded(normal(out_shape(s).count(), 2), dtype());
    const TestTensor qkv_tensor(qkv, dtype(), qkv_shape(s));
    auto o = TestTensor::blank(dtype(), out_shape(s)), lse = TestTensor::blank(DType::f32, lse_shape(s));
    auto d_qkv = TestTensor::blank(dtype(), qkv_shape(s));
    attention_forward(stream, o, lse, qkv_tensor, s);
    attention_backward(stream, d_qkv, TestTensor(d_o, dtype(), out_shape(s)), o, lse, qkv_tensor, s);
    expect_close(d_qkv.values(), reference::attention_backward(d_o, qkv, s), unit_roundoff(dtype()), 1 + sum_error(s.seq_len),
                 backward_allowance(d_o, reference::attention(qkv, s).o, qkv, s, dtype()));
  }
}

TEST_P(AttentionOnDevice, DocumentsMatchReference) {
  for (const AttentionShape& s : kShapes) {
    SCOPED_TRACE(name(s));
    const Ints starts = document_starts(s);
    const TestTensor starts_tensor(starts);
    const auto qkv = rounded(normal(qkv_shape(s).count(), 1), dtype()), d_o = rounded(normal(out_shape(s).count(), 2), dtype());
    const TestTensor qkv_tensor(qkv, dtype(), qkv_shape(s));
    auto o = TestTensor::blank(dtype(), out_shape(s)), lse = TestTensor::blank(DType::f32, lse_shape(s));
    auto d_qkv = TestTensor::blank(dtype(), qkv_shape(s));
    attention_forward(stream, o, lse, qkv_tensor, s, starts_tensor);
    attention_backward(stream, d_qkv, TestTensor(d_o, dtype(), out_shape(s)), o, lse, qkv_tensor, s, starts_tensor);
    const auto want = reference::attention(qkv, s, starts);
    const Values size = reference::attention(with_absolute_values(qkv, s), s, starts).o;
    const double p_rounding = dtype() == DType::bf16 ? unit_roundoff(dtype()) : 0;
    expect_close(o.values(), want.o, unit_roundoff(dtype()), p_rounding + probability_error(qkv, s), size);
    expect_close(lse.values(), want.lse, unit_roundoff(DType::f32), probability_error(qkv, s), Values(want.lse.size(), 1.0));
    expect_close(d_qkv.values(), reference::attention_backward(d_o, qkv, s, starts), unit_roundoff(dtype()),
                 1 + sum_error(s.seq_len), backward_allowance(d_o, want.o, qkv, s, dtype(), starts));
  }
}

// A sequence that is one document is the same computation.
TEST_P(AttentionOnDevice, OneDocumentIsTheWholeSequenceBitForBit) {
  if (stream.on_cuda()) GTEST_SKIP() << "two kernels on a GPU: cuDNN's, and ours where there are documents";
  const AttentionShape s = shape_of(2, 300, 2, 1, 64);
  const TestTensor qkv(normal(qkv_shape(s).count(), 1), dtype(), qkv_shape(s)), one(Ints(600, 0));
  auto o = TestTensor::blank(dtype(), out_shape(s)), lse = TestTensor::blank(DType::f32, lse_shape(s));
  auto masked_o = TestTensor::blank(dtype(), out_shape(s)), masked_lse = TestTensor::blank(DType::f32, lse_shape(s));
  auto d_qkv = TestTensor::blank(dtype(), qkv_shape(s)), masked_d_qkv = TestTensor::blank(dtype(), qkv_shape(s));
  attention_forward(stream, o, lse, qkv, s);
  attention_forward(stream, masked_o, masked_lse, qkv, s, one);
  attention_backward(stream, d_qkv, o, o, lse, qkv, s);
  attention_backward(stream, masked_d_qkv, o, o, lse, qkv, s, one);
  EXPECT_EQ(o.bytes(), masked_o.bytes());
  EXPECT_EQ(lse.bytes(), masked_lse.bytes());
  EXPECT_EQ(d_qkv.bytes(), masked_d_qkv.bytes());
}

TEST_P(AttentionOnDevice, DecodeMatchesReferenceOnStridedCaches) {
  for (const AttentionShape& s : kShapes) {
    SCOPED_TRACE(name(s));
    const std::int64_t kv_width = s.num_kv_heads * s.head_dim, width = s.num_heads * s.head_dim, length = s.seq_len;
    const auto q = rounded(normal(width, 1), dtype());
    const auto keys = rounded(normal(length * kv_width, 2), dtype()), values = rounded(normal(length * kv_width, 3), dtype());
    auto o = TestTensor::blank(dtype(), {width});
    attention_decode(stream, o, TestTensor(q, dtype(), {width}), TestTensor(keys, dtype(), {length, kv_width}, 3),
                     TestTensor(values, dtype(), {length, kv_width}, 5), s);
    Values qk = q;
    qk.insert(qk.end(), keys.begin(), keys.end());
    expect_close(o.values(), reference::attention_decode(q, keys, values, s), unit_roundoff(dtype()), probability_error(qk, s),
                 reference::attention_decode(q, keys, absolute(values), s));
  }
}

// Scores of several hundred: the softmax must not overflow, and a row may put all its weight on one key.
TEST_P(AttentionOnDevice, LargeScoresStayFinite) {
  const AttentionShape s = shape_of(1, 40, 2, 1, 16);
  auto qkv = normal(qkv_shape(s).count(), 1);
  for (double& x : qkv) x *= 12;
  qkv = rounded(qkv, dtype());
  auto o = TestTensor::blank(dtype(), out_shape(s)), lse = TestTensor::blank(DType::f32, lse_shape(s));
  auto d_qkv = TestTensor::blank(dtype(), qkv_shape(s));
  const TestTensor qkv_tensor(qkv, dtype(), qkv_shape(s));
  attention_forward(stream, o, lse, qkv_tensor, s);
  attention_backward(stream, d_qkv, o, o, lse, qkv_tensor, s);
  const auto want = reference::attention(qkv, s);
  const Values size = reference::attention(with_absolute_values(qkv, s), s).o;
  expect_close(o.values(), want.o, unit_roundoff(dtype()), unit_roundoff(dtype()) + probability_error(qkv, s), size);
  for (const double x : d_qkv.values()) ASSERT_TRUE(std::isfinite(x));
}

TEST_P(AttentionOnDevice, SameBitsOnAnyThreadCount) {
  const AttentionShape s = shape_of(3, 70, 4, 2, 32);
  const TestTensor qkv(normal(qkv_shape(s).count(), 1), dtype(), qkv_shape(s)),
      d_o(normal(out_shape(s).count(), 2), dtype(), out_shape(s));
  const int before = num_threads();
  std::vector<std::vector<std::uint8_t>> results;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    auto o = TestTensor::blank(dtype(), out_shape(s)), lse = TestTensor::blank(DType::f32, lse_shape(s));
    auto d_qkv = TestTensor::blank(dtype(), qkv_shape(s));
    attention_forward(stream, o, lse, qkv, s);
    attention_backward(stream, d_qkv, d_o, o, lse, qkv, s);
    auto all = o.bytes();
    for (const auto& part : {lse.bytes(), d_qkv.bytes()}) all.insert(all.end(), part.begin(), part.end());
    results.push_back(all);
  }
  set_num_threads(before);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(Attention, ErrorsNameTheArgument) {
  Stream stream;
  const AttentionShape s = shape_of(2, 3, 4, 2, 8);
  TestTensor qkv(normal(qkv_shape(s).count(), 1), DType::f32, qkv_shape(s));
  auto o = TestTensor::blank(DType::f32, out_shape(s)), lse = TestTensor::blank(DType::f32, lse_shape(s));
  auto o16 = TestTensor::blank(DType::bf16, out_shape(s));
  expect_error([&] { attention_forward(stream, o16, lse, qkv, s); }, "o is bf16");
  expect_error([&] { attention_forward(stream, o, o, qkv, s); }, "lse is f32 [6,32]");
  expect_error([&] { attention_forward(stream, o, lse, o, s); }, "qkv is f32 [6,32]");
  expect_error([&] { attention_backward(stream, o, o, o, lse, qkv, s); }, "d_qkv is f32 [6,32]");
  expect_error([&] { attention_forward(stream, o, lse, qkv, s, TestTensor(Ints(5))); }, "document_starts is i32 [5], want i32 [6]");
  AttentionShape odd = s;
  odd.num_kv_heads = 3;
  expect_error([&] { attention_forward(stream, o, lse, qkv, odd); }, "4 heads over 3 key/value heads");
  const TestTensor q(normal(32, 1), DType::f32, {32}), keys(normal(32, 1), DType::f32, {2, 16}),
      other(normal(48, 1), DType::f32, {3, 16});
  auto one = TestTensor::blank(DType::f32, {32});
  expect_error([&] { attention_decode(stream, one, q, keys, other, s); }, "keys [2,16] and values [3,16]");
}

}  // namespace
}  // namespace corollary
