#include "kernels/adamw.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/threads.h"
#include "kernels/reference/adamw.h"
#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

const std::int64_t kSizes[] = {1, 2, 15, 31, 32, 33, 1023, 1025, 5000};
AdamWStep typical(std::int64_t step) {
  return {.learning_rate = 1e-3f,
          .beta1 = 0.9f,
          .beta2 = 0.95f,
          .eps = 1e-8f,
          .weight_decay = 0.1f,
          .gradient_scale = 0.25f,
          .step = step};
}

// What the formula promises without any of its code: the first step moves each weight by learning_rate against the sign of its
// gradient.
TEST(AdamW, ReferenceFirstStepIsTheSign) {
  reference::AdamWState state{{1, 2, 3}, {0, 0, 0}, {0, 0, 0}};
  AdamWStep step = typical(1);
  step.weight_decay = 0;
  reference::adamw(state, {5, -1e-3, 0}, step);
  EXPECT_NEAR(state.w[0], 1 - 1e-3, 1e-9);
  EXPECT_NEAR(state.w[1], 2 + 1e-3, 1e-7);  // eps is 4e-5 of this gradient
  EXPECT_EQ(state.w[2], 3);
  step.weight_decay = 0.1f;
  step.learning_rate = 0.5f;
  reference::adamw(state, {0, 0, 0}, step);
  EXPECT_NEAR(state.w[2], 3 - 0.5 * 0.1 * 3, 1e-8);
}

class AdamWOnCpu : public OnCpu {};  // f32: no weights; bf16: weights beside the master
INSTANTIATE_TEST_SUITE_P(Cpu, AdamWOnCpu, ::testing::ValuesIn(every_cpu()), cpu_name);

TEST_P(AdamWOnCpu, MatchesReferenceOverSteps) {
  for (const std::int64_t n : kSizes) {
    SCOPED_TRACE(n);
    reference::AdamWState state{rounded(normal(n, 1), DType::f32), Values(static_cast<std::size_t>(n)),
                                Values(static_cast<std::size_t>(n))};
    TestTensor master(state.w, DType::f32, {n}), m(state.m, DType::f32, {n}), v(state.v, DType::f32, {n});
    auto weights = TestTensor::blank(DType::bf16, {n});
    constexpr int kSteps = 4;
    for (int step = 1; step <= kSteps; ++step) {
      const auto gradient = rounded(normal(n, 100 + static_cast<std::uint64_t>(step)), DType::f32);
      adamw(stream, dtype() == DType::bf16 ? weights.view() : Tensor(), master, m, v, TestTensor(gradient, DType::f32, {n}),
            typical(step));
      reference::adamw(state, gradient, typical(step));
    }
    // Four roundings a step of sums whose terms are of order 1 (gradients times 0.25). The moments' quotient errs by as much
    // relative to 1 / sqrt(v), which is at most 1e3 here, times a learning rate of 1e-3; the weights by two roundings a step.
    const double rounding = std::ldexp(1.0, -24);
    expect_close(m.values(), state.m, 0, kSteps * 4 * rounding, Values(state.m.size(), 1.0));
    expect_close(v.values(), state.v, kSteps * 5 * rounding);
    Values size(state.w.size());
    for (std::size_t i = 0; i < size.size(); ++i) size[i] = std::abs(state.w[i]) + 1e-3 * 4 / std::sqrt(state.v[i]) + 1e-3;
    expect_close(master.values(), state.w, 0, kSteps * 4 * rounding, size);
    if (dtype() == DType::bf16) {
      EXPECT_EQ(weights.values(), rounded(master.values(), DType::bf16));
    }
  }
}

TEST(AdamW, SameBitsOnAnyThreadCount) {
  const std::int64_t n = 100'003;
  const int before = num_threads();
  std::vector<Values> results;
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    Stream stream;
    TestTensor master(normal(n, 1), DType::f32, {n}), m(normal(n, 2), DType::f32, {n}), v(absolute(normal(n, 3)), DType::f32, {n});
    adamw(stream, {}, master, m, v, TestTensor(normal(n, 4), DType::f32, {n}), typical(3));
    results.push_back(master.values());
  }
  set_num_threads(before);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(AdamW, ErrorsNameTheArgument) {
  Stream stream;
  TestTensor w(normal(4, 1), DType::f32, {4}), m(normal(4, 1), DType::f32, {4}), v(normal(3, 1), DType::f32, {3});
  auto wrong = TestTensor::blank(DType::f32, {4});
  expect_error([&] { adamw(stream, {}, w, m, v, w, typical(1)); }, "adamw: v must be [4], is [3]");
  expect_error([&] { adamw(stream, wrong, w, m, m, w, typical(1)); }, "weights must be bf16, is f32");
  expect_error([&] { adamw(stream, {}, w, m, m, w, typical(0)); }, "steps count from 1, this is 0");
  AdamWStep step = typical(1);
  step.beta2 = 1;
  expect_error([&] { adamw(stream, {}, w, m, m, w, step); }, "must lie in [0, 1)");
}

TEST_P(AdamWOnCpu, SumOfSquaresMatches) {
  for (const std::int64_t n : {0, 1, 7, 31, 33, 1000, 32768, 100'000}) {
    const auto x = rounded(normal(n, 1), DType::f32);
    const double want = dot(x, x);
    EXPECT_NEAR(sum_of_squares(stream, TestTensor(x, DType::f32, {n})), want, 1e-13 * want) << n;
  }
}

TEST(SumOfSquares, SameBitsOnAnyThreadCount) {
  const std::int64_t n = 1'000'001;
  const TestTensor x(normal(n, 1), DType::f32, {n});
  const int before = num_threads();
  Stream stream;
  std::vector<std::uint64_t> results;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    results.push_back(std::bit_cast<std::uint64_t>(sum_of_squares(stream, x)));
  }
  set_num_threads(before);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST_P(AdamWOnCpu, CastRoundsAsToBf16DoesAndBack) {
  // Every upper half with lower halves on both sides of a tie: all exponents, subnormals, infinities, NaNs of any payload.
  std::vector<float> values;
  for (std::uint32_t high = 0; high < 0x10000; high += 7)
    for (const std::uint32_t low : {0x0u, 0x1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      values.push_back(std::bit_cast<float>(high << 16 | low));
  const auto n = static_cast<std::int64_t>(values.size());
  OwnedTensor y(DType::bf16, {n}), z(DType::f32, {n});
  cast(stream, y, ConstTensor(values.data(), DType::f32, {n}));
  cast(stream, z, y);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bf16 want = to_bf16(values[i]);
    ASSERT_EQ(y.view().data<bf16>()[i].bits, want.bits) << std::bit_cast<std::uint32_t>(values[i]);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(z.view().data<float>()[i]), std::bit_cast<std::uint32_t>(to_float(want)));
  }
  OwnedTensor copy(DType::f32, {n});
  cast(stream, copy, z);
  EXPECT_EQ(std::memcmp(copy.view().raw(), z.view().raw(), static_cast<std::size_t>(n) * 4), 0);
}

TEST(Cast, ErrorsNameTheArgument) {
  Stream stream;
  TestTensor x(normal(4, 1), DType::f32, {4});
  auto y = TestTensor::blank(DType::bf16, {3});
  expect_error([&] { cast(stream, y, x); }, "cast: y must be [4], is [3]");
  expect_error([&] { cast(stream, x, TestTensor(Ints{1, 2, 3, 4})); }, "cast: x must be f32 or bf16, is i32");
  expect_error([&] { cast(stream, Tensor(x.view().raw(), DType::bf16, {4}), x); }, "y and x overlap");
}

}  // namespace
}  // namespace corollary
