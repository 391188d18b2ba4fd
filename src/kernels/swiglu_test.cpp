#include "kernels/swiglu.h"

#include <cmath>
#include <cstring>

#include "kernels/reference/swiglu.h"
#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

constexpr std::int64_t kTokens = 3;
const std::int64_t kSizes[] = {1, 15, 31, 32, 33, 80, 176, 1408, 11008};
/// Sixteen roundings, one of them the exponential's two: nothing cancels in the value.
const double kArithmetic = std::ldexp(16.0, -24);

TEST(Swiglu, ReferenceGradientIsTheSlope) {
  auto gate_up = normal(2 * 2 * 5, 1);
  const auto dy = normal(2 * 5, 2), gradient = reference::swiglu_backward(dy, gate_up, 5);
  const auto loss = [&] { return dot(dy, reference::swiglu(gate_up, 5)); };
  for (std::size_t i = 0; i < gate_up.size(); ++i)
    EXPECT_NEAR(gradient[i], central_difference(loss, gate_up[i]), 1e-8) << "at " << i;
}

class SwigluOnDevice : public OnDevice {};
INSTANTIATE_TEST_SUITE_P(Every, SwigluOnDevice, ::testing::ValuesIn(every_dtype_and_place()), test_name);

TEST_P(SwigluOnDevice, ForwardMatchesReference) {
  for (const auto& [n, pad] : every_size(kSizes)) {
    SCOPED_TRACE(std::to_string(n) + (pad ? " padded" : ""));
    const auto gate_up = rounded(normal(kTokens * 2 * n, 1), dtype());
    auto y = TestTensor::blank(dtype(), {kTokens, n}, pad);
    swiglu_forward(stream, y, TestTensor(gate_up, dtype(), {kTokens, 2 * n}, pad * 3));
    expect_close(y.values(), reference::swiglu(gate_up, n), unit_roundoff(dtype()) + kArithmetic);
    EXPECT_TRUE(y.padding_is_untouched());
  }
}

/// |dy u| (s + |g| s) and |dy g| s: what is added up, or loses digits in 1 - s.
Values backward_size(const Values& dy, const Values& gate_up, std::int64_t width) {
  const auto n = static_cast<std::size_t>(width);
  Values size(gate_up.size());
  for (std::size_t t = 0; t < dy.size() / n; ++t)
    for (std::size_t i = 0; i < n; ++i) {
      const double g = gate_up[t * 2 * n + i], u = gate_up[t * 2 * n + n + i], s = 1 / (1 + std::exp(-g)), d = dy[t * n + i];
      size[t * 2 * n + i] = std::abs(d * u) * (s + std::abs(g) * s);
      size[t * 2 * n + n + i] = std::abs(d * g) * s;
    }
  return size;
}

TEST_P(SwigluOnDevice, BackwardMatchesReferenceAlsoInPlace) {
  for (const auto& [n, pad] : every_size(kSizes)) {
    SCOPED_TRACE(std::to_string(n) + (pad ? " padded" : ""));
    const auto gate_up = rounded(normal(kTokens * 2 * n, 1), dtype()), dy = rounded(normal(kTokens * n, 2), dtype());
    const auto want = reference::swiglu_backward(dy, gate_up, n), size = backward_size(dy, gate_up, n);
    const TestTensor dy_tensor(dy, dtype(), {kTokens, n}, pad * 2);
    TestTensor kept(gate_up, dtype(), {kTokens, 2 * n}, pad * 3);
    auto gradient = TestTensor::blank(dtype(), {kTokens, 2 * n}, pad * 5), y = TestTensor::blank(dtype(), {kTokens, n}, pad);
    auto y_forward = TestTensor::blank(dtype(), {kTokens, n}, pad);
    swiglu_backward(stream, gradient, {}, dy_tensor, kept);
    expect_close(gradient.values(), want, unit_roundoff(dtype()), kArithmetic, size);
    EXPECT_TRUE(gradient.padding_is_untouched());
    swiglu_forward(stream, y_forward, kept);
    swiglu_backward(stream, kept, y, dy_tensor, kept);
    EXPECT_EQ(kept.values(), gradient.values());
    EXPECT_EQ(y.bytes(), y_forward.bytes());
  }
}

TEST_P(SwigluOnDevice, FarGatesSaturate) {
  const Values gates =
      rounded({-1e30, -1e4, -200, -100, -89, -88, -87, -30, -1e-30, 0, 1e-30, 30, 87, 88, 89, 200, 1e4, 1e30}, dtype());
  const auto n = static_cast<std::int64_t>(gates.size());
  Values gate_up = gates;
  gate_up.insert(gate_up.end(), gates.size(), 1.0);
  auto y = TestTensor::blank(dtype(), {1, n}), gradient = TestTensor::blank(dtype(), {1, 2 * n});
  const TestTensor kept(gate_up, dtype(), {1, 2 * n}), dy(Values(gates.size(), 1.0), dtype(), {1, n});
  swiglu_forward(stream, y, kept);
  swiglu_backward(stream, gradient, {}, dy, kept);
  for (std::size_t i = 0; i < gates.size(); ++i) {
    const double sigmoid = 1 / (1 + std::exp(-gates[i]));
    // Where the sigmoid itself is below 1e-37 any value as small is right.
    const double allowed =
        (unit_roundoff(dtype()) + kArithmetic) * std::abs(gates[i] * sigmoid) + std::abs(gates[i]) * 1e-37 + 1e-37;
    EXPECT_NEAR(y.values()[i], gates[i] * sigmoid, allowed) << gates[i];
    EXPECT_NEAR(gradient.values()[i], sigmoid + gates[i] * sigmoid * (1 - sigmoid), unit_roundoff(dtype()) * 2 + 1e-5) << gates[i];
  }
}

TEST_P(SwigluOnDevice, NotANumberStays) {
  const double nan = std::nan("");
  TestTensor kept({nan, 1, 1, nan}, dtype(), {1, 4});
  auto y = TestTensor::blank(dtype(), {1, 2});
  std::memset(y.view().raw(), 0, 4);
  swiglu_forward(stream, y, kept);
  EXPECT_TRUE(std::isnan(y.values()[0]));
  EXPECT_TRUE(std::isnan(y.values()[1]));
}

TEST(Swiglu, ErrorsNameTheArgument) {
  Stream stream;
  TestTensor kept(normal(12, 1), DType::f32, {2, 6}), odd(normal(10, 1), DType::f32, {2, 5});
  auto y = TestTensor::blank(DType::f32, {2, 3}), wide = TestTensor::blank(DType::f32, {2, 4});
  expect_error([&] { swiglu_forward(stream, y, odd); }, "even number of columns");
  expect_error([&] { swiglu_forward(stream, wide, kept); }, "y must be [2,3], is [2,4]");
  expect_error([&] { swiglu_forward(stream, kept.view().columns(0, 3), kept); }, "y and gate_up overlap");
  expect_error([&] { swiglu_backward(stream, wide, {}, y, kept); }, "d_gate_up must be [2,6], is [2,4]");
  expect_error([&] { swiglu_backward(stream, kept, kept.view().columns(0, 3), y, kept); }, "y and gate_up overlap");
}

}  // namespace
}  // namespace corollary
