#include "kernels/rmsnorm.h"

#include "base/threads.h"
#include "kernels/reference/rmsnorm.h"
#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

constexpr double kEps = 1e-5;
constexpr std::int64_t kTokens = 5, kPadding = 3;
// Odd widths; whole vectors; rows longer than what a GPU's block keeps of them.
const std::int64_t kSizes[] = {1, 2, 15, 31, 32, 33, 80, 127, 256, 1000, 4096, 12288};

TEST(Rmsnorm, ReferenceGradientIsTheSlope) {
  auto x = normal(3 * 7, 1), w = normal(7, 2);
  const auto dy = normal(3 * 7, 3), dx = reference::rmsnorm_dx(dy, x, w, kEps), dw = reference::rmsnorm_dw(dy, x, w, kEps);
  const auto loss = [&] { return dot(dy, reference::rmsnorm(x, w, kEps)); };
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(dx[i], central_difference(loss, x[i]), 1e-8) << "at " << i;
  for (std::size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(dw[i], central_difference(loss, w[i]), 1e-8) << "at " << i;
}

class RmsnormOnDevice : public OnDevice {};
INSTANTIATE_TEST_SUITE_P(Every, RmsnormOnDevice, ::testing::ValuesIn(every_dtype_and_place()), test_name);

TEST_P(RmsnormOnDevice, ForwardMatchesReference) {
  for (const auto& [n, pad] : every_size(kSizes)) {
    SCOPED_TRACE(std::to_string(n) + (pad ? " padded" : ""));
    const auto x = rounded(normal(kTokens * n, 1), dtype()), w = rounded(normal(n, 2), dtype());
    auto y = TestTensor::blank(dtype(), {kTokens, n}, pad * kPadding);
    auto rstd = TestTensor::blank(DType::f32, {kTokens});
    rmsnorm_forward(stream, y, rstd, TestTensor(x, dtype(), {kTokens, n}, pad * 2 * kPadding), TestTensor(w, dtype(), {n}), kEps);
    expect_close(y.values(), reference::rmsnorm(x, w, kEps), unit_roundoff(dtype()) + sum_error(n));
    expect_close(rstd.values(), reference::rmsnorm_rstd(x, n, kEps), sum_error(n));
    EXPECT_TRUE(y.padding_is_untouched());
  }
}

// The sum is rounded, then normed: the reference norms what the kernel stored, and the stored sum is checked by itself.
TEST_P(RmsnormOnDevice, AddForwardMatchesReference) {
  for (const auto& [n, pad] : every_size(kSizes)) {
    SCOPED_TRACE(std::to_string(n) + (pad ? " padded" : ""));
    const auto x = rounded(normal(kTokens * n, 1), dtype()), delta = rounded(normal(kTokens * n, 4), dtype());
    const auto w = rounded(normal(n, 2), dtype());
    Values want = x;
    for (std::size_t i = 0; i < want.size(); ++i) want[i] += delta[i];
    auto sum = TestTensor::blank(dtype(), {kTokens, n}, pad), y = TestTensor::blank(dtype(), {kTokens, n}, pad * kPadding);
    auto rstd = TestTensor::blank(DType::f32, {kTokens});
    const TestTensor w_tensor(w, dtype(), {n}), delta_tensor(delta, dtype(), {kTokens, n}, pad * 5);
    add_rmsnorm_forward(stream, sum, y, rstd, TestTensor(x, dtype(), {kTokens, n}, pad * 2), delta_tensor, w_tensor, kEps);
    EXPECT_EQ(sum.values(), rounded(want, dtype()));
    expect_close(y.values(), reference::rmsnorm(sum.values(), w, kEps), unit_roundoff(dtype()) + sum_error(n));
    expect_close(rstd.values(), reference::rmsnorm_rstd(sum.values(), n, kEps), sum_error(n));

    TestTensor in_place(x, dtype(), {kTokens, n});
    auto y_again = TestTensor::blank(dtype(), {kTokens, n}, pad * kPadding);
    add_rmsnorm_forward(stream, in_place, y_again, rstd, in_place, delta_tensor, w_tensor, kEps);
    EXPECT_EQ(in_place.values(), sum.values());
    EXPECT_EQ(y_again.values(), y.values());
  }
}

TEST_P(RmsnormOnDevice, BackwardMatchesReference) {
  for (const std::int64_t tokens : {1, 5, 64, 300}) {
    for (const auto& [n, pad] : every_size({1, 31, 32, 33, 80, 256, 3000, 4096, 8192, 12288})) {
      if (tokens > 5 && n > 4096) continue;
      SCOPED_TRACE(std::to_string(tokens) + " x " + std::to_string(n) + (pad ? " padded" : ""));
      const auto x = rounded(normal(tokens * n, 1), dtype()), w = rounded(normal(n, 2), dtype());
      const auto dy = rounded(normal(tokens * n, 3), dtype()), dx_before = rounded(normal(tokens * n, 4), dtype());
      const auto dw_before = rounded(normal(n, 5), DType::f32);
      TestTensor dx(dx_before, dtype(), {tokens, n}, pad * kPadding), dw(dw_before, DType::f32, {n});
      const Values rstd = rounded(reference::rmsnorm_rstd(x, n, kEps), DType::f32);
      rmsnorm_backward(stream, dx, dw, TestTensor(dy, dtype(), {tokens, n}, pad), TestTensor(x, dtype(), {tokens, n}, pad * 2),
                       TestTensor(w, dtype(), {n}), TestTensor(rstd, DType::f32, {tokens}));

      Values want = reference::rmsnorm_dx(dy, x, w, kEps), size(want.size());
      for (std::int64_t t = 0; t < tokens; ++t) {
        const auto at = static_cast<std::size_t>(t * n), width = static_cast<std::size_t>(n);
        const double r = rstd[static_cast<std::size_t>(t)];
        double mean = 0;
        for (std::size_t j = 0; j < width; ++j) mean += std::abs(dy[at + j] * w[j] * x[at + j]) / static_cast<double>(n);
        for (std::size_t i = 0; i < width; ++i) {
          size[at + i] = std::abs(dx_before[at + i]) + r * std::abs(dy[at + i] * w[i]) + std::abs(x[at + i]) * r * r * r * mean;
          want[at + i] += dx_before[at + i];
        }
      }
      expect_close(dx.values(), want, unit_roundoff(dtype()), sum_error(n), size);
      EXPECT_TRUE(dx.padding_is_untouched());

      Values dw_want = reference::rmsnorm_dw(dy, x, w, kEps), dw_size = reference::rmsnorm_dw(absolute(dy), absolute(x), w, kEps);
      for (std::size_t i = 0; i < dw_want.size(); ++i) dw_want[i] += dw_before[i], dw_size[i] += std::abs(dw_before[i]);
      expect_close(dw.values(), dw_want, 0, sum_error(tokens), dw_size);
    }
  }
}

TEST_P(RmsnormOnDevice, SameBitsOnAnyThreadCount) {
  for (const std::int64_t n : {333, 336}) {
    const std::int64_t tokens = 700;
    const TestTensor x(normal(tokens * n, 1), dtype(), {tokens, n}), dy(normal(tokens * n, 2), dtype(), {tokens, n});
    const TestTensor w(normal(n, 3), dtype(), {n});
    const int before = num_threads();
    std::vector<std::vector<std::uint8_t>> results;
    for (const int threads : {1, 2, 5}) {
      set_num_threads(threads);
      auto y = TestTensor::blank(dtype(), {tokens, n});
      auto rstd = TestTensor::blank(DType::f32, {tokens});
      auto dx = TestTensor::zeros(dtype(), {tokens, n}), dw = TestTensor::zeros(DType::f32, {n});
      rmsnorm_forward(stream, y, rstd, x, w, kEps);
      rmsnorm_backward(stream, dx, dw, dy, x, w, rstd);
      auto all = y.bytes();
      for (const auto& part : {rstd.bytes(), dx.bytes(), dw.bytes()}) all.insert(all.end(), part.begin(), part.end());
      results.push_back(all);
    }
    set_num_threads(before);
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
}

TEST(Rmsnorm, ErrorsNameTheArgument) {
  Stream stream;
  TestTensor x(normal(12, 1), DType::f32, {3, 4}), w(normal(4, 2), DType::f32, {4});
  auto y = TestTensor::blank(DType::f32, {3, 4}), rstd = TestTensor::blank(DType::f32, {3});
  auto narrow = TestTensor::blank(DType::f32, {3, 3}), y16 = TestTensor::blank(DType::bf16, {3, 4});
  expect_error([&] { rmsnorm_forward(stream, narrow, rstd, x, w, kEps); }, "rmsnorm_forward: y must be [3,4], is [3,3]");
  expect_error([&] { rmsnorm_forward(stream, y16, rstd, x, w, kEps); }, "rmsnorm_forward: y must be f32, is bf16");
  expect_error([&] { rmsnorm_forward(stream, y, w, x, w, kEps); }, "rstd must be [3], is [4]");
  expect_error([&] { rmsnorm_forward(stream, x, rstd, x, w, kEps); }, "y and x overlap");
  expect_error([&] { rmsnorm_forward(stream, y, rstd, x, w, 0); }, "eps must be positive");
  expect_error([&] { rmsnorm_forward(stream, y, rstd, Tensor(nullptr, DType::f32, {3, 4}), w, kEps); }, "x [3,4] has no memory");
  expect_error([&] { add_rmsnorm_forward(stream, x, y, rstd, narrow, x, w, kEps); }, "x must be [3,4], is [3,3]");
  expect_error([&] { rmsnorm_backward(stream, y, rstd, x, x, w, rstd); }, "dw must be [4], is [3]");
}

TEST(Rmsnorm, NoTokensNoWork) {
  Stream stream;
  TestTensor x({}, DType::f32, {0, 4}), w(normal(4, 2), DType::f32, {4}), dw(Values(4, 1.0), DType::f32, {4});
  auto y = TestTensor::blank(DType::f32, {0, 4}), rstd = TestTensor::blank(DType::f32, {0});
  rmsnorm_forward(stream, y, rstd, x, w, kEps);
  rmsnorm_backward(stream, y, dw, x, x, w, rstd);
  EXPECT_EQ(dw.values(), Values(4, 1.0));
}

}  // namespace
}  // namespace corollary
