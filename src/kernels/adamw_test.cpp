#include "kernels/adamw.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/threads.h"
#include "kernels/reference/adamw.h"
#include "kernels/testing.h"
#include "kernels/weight_bits.h"

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

class AdamWOnDevice : public OnDevice {};  // f32: no weights; bf16: weights beside the master
INSTANTIATE_TEST_SUITE_P(Every, AdamWOnDevice, ::testing::ValuesIn(every_dtype_and_place()), test_name);

TEST_P(AdamWOnDevice, MatchesReferenceOverSteps) {
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

/// A run at some step: its buffers begin `offset` elements into their memory, which decides how wide a GPU may read.
struct Moments {
  Moments(std::int64_t n, std::int64_t offset)
      : n(n),
        offset(offset),
        m_memory(normal(n + offset, 1), DType::f32, {n + offset}),
        v_memory(absolute(normal(n + offset, 2)), DType::f32, {n + offset}),
        gradient_memory(normal(n + offset, 3), DType::f32, {n + offset}) {}
  Tensor m() { return part(m_memory); }
  Tensor v() { return part(v_memory); }
  Tensor gradient() { return part(gradient_memory); }
  Tensor part(TestTensor& memory) const { return memory.view().rows(offset, offset + n); }
  std::int64_t n, offset;
  TestTensor m_memory, v_memory, gradient_memory;
};

// Bit for bit what adamw() does to the master, whose bits it merely keeps elsewhere.
TEST_P(AdamWOnDevice, SplitIsAdamW) {
  for (const std::int64_t n : kSizes) {
    for (const std::int64_t offset : {0, 1}) {
      SCOPED_TRACE(std::to_string(n) + " from " + std::to_string(offset));
      Moments whole(n, offset), split(n, offset);
      TestTensor master(normal(n + offset, 4), DType::f32, {n + offset}),
          joined(Values(static_cast<std::size_t>(n + offset)), DType::f32, {n + offset});
      auto weights = TestTensor::zeros(DType::bf16, {n + offset}), remainder = TestTensor::zeros(DType::u16, {n + offset});
      split_master(stream, weights, remainder, master);
      for (int step = 1; step <= 3; ++step) {
        adamw(stream, {}, whole.part(master), whole.m(), whole.v(), whole.gradient(), typical(step));
        adamw_split(stream, split.part(weights), split.part(remainder), split.m(), split.v(), split.gradient(), typical(step));
      }
      join_master(stream, joined, weights, remainder);
      EXPECT_EQ(joined.bytes(), master.bytes());
      EXPECT_EQ(split.m_memory.bytes(), whole.m_memory.bytes());
      EXPECT_EQ(split.v_memory.bytes(), whole.v_memory.bytes());
    }
  }
}

// adamw() on the widened weights, rounded by the hash of seed, step and index.
TEST_P(AdamWOnDevice, StochasticIsAdamWRoundedByItsHash) {
  const std::int64_t first = (std::int64_t{1} << 32) - 7;  // the index passes 32 bits
  for (const std::int64_t n : kSizes) {
    for (const std::int64_t offset : {0, 1}) {
      SCOPED_TRACE(std::to_string(n) + " from " + std::to_string(offset));
      Moments whole(n, offset), rounding(n, offset);
      const Values start = rounded(normal(n + offset, 4), DType::bf16);
      TestTensor master(start, DType::f32, {n + offset}), weights(start, DType::bf16, {n + offset});
      adamw(stream, {}, whole.part(master), whole.m(), whole.v(), whole.gradient(), typical(3));
      adamw_stochastic(stream, whole.part(weights), rounding.m(), rounding.v(), rounding.gradient(), typical(3), 42, first);
      const Values exact = master.values(), got = weights.values();
      const std::uint64_t key = rounding_key(42, 3);
      for (std::int64_t i = 0; i < n; ++i) {
        const auto at = static_cast<std::size_t>(offset + i);
        const std::uint32_t random = rounding_bits(key, static_cast<std::uint64_t>(first + i));
        ASSERT_EQ(got[at], to_float(round_stochastically(static_cast<float>(exact[at]), random))) << i;
      }
      EXPECT_EQ(rounding.m_memory.bytes(), whole.m_memory.bytes());
    }
  }
}

TEST_P(AdamWOnDevice, StochasticShardsRoundAsTheWhole) {
  const std::int64_t n = 1000, cut = 336;
  Moments whole(n, 0), shards(n, 0);
  TestTensor weights(normal(n, 4), DType::bf16, {n}), parts(normal(n, 4), DType::bf16, {n});
  adamw_stochastic(stream, weights, whole.m(), whole.v(), whole.gradient(), typical(1), 7, 0);
  for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, cut}, {cut, n}})
    adamw_stochastic(stream, parts.view().rows(begin, end), shards.m().rows(begin, end), shards.v().rows(begin, end),
                     shards.gradient().rows(begin, end), typical(1), 7, begin);
  EXPECT_EQ(weights.bytes(), parts.bytes());
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
  auto half = TestTensor::zeros(DType::bf16, {4});
  expect_error([&] { adamw_split(stream, half, half, m, m, w, typical(1)); }, "adamw_split: remainder must be u16, is bf16");
  expect_error([&] { adamw_stochastic(stream, m, m, m, w, typical(1), 1, 0); }, "adamw_stochastic: weights must be bf16, is f32");
  expect_error([&] { adamw_stochastic(stream, half, m, m, w, typical(1), 1, -1); }, "first_index is -1");
}

TEST_P(AdamWOnDevice, SumOfSquaresMatches) {
  for (const std::int64_t n : {0, 1, 7, 31, 33, 1000, 32768, 100'000, 5'000'003}) {
    if (n > 1'000'000 && !on_cuda()) continue;  // where a GPU's threads take more than four loads each
    const auto x = rounded(normal(n, 1), DType::f32);
    long double exact = 0;  // a plain sum of millions in double would itself err by more than is allowed here
    for (const double value : x) exact += static_cast<long double>(value) * value;
    const auto want = static_cast<double>(exact);
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

TEST_P(AdamWOnDevice, SumOfSquaresIsTheSameTwice) {
  const std::int64_t n = 100'003;
  const TestTensor x(normal(n, 1), DType::f32, {n});
  for (const std::int64_t begin : {0, 1})
    EXPECT_EQ(std::bit_cast<std::uint64_t>(sum_of_squares(stream, x.view().rows(begin, n))),
              std::bit_cast<std::uint64_t>(sum_of_squares(stream, x.view().rows(begin, n))));
}

TEST_P(AdamWOnDevice, AccumulateAdds) {
  for (const std::int64_t n : kSizes) {
    for (const std::int64_t begin : {0, 1}) {
      const Values y = rounded(normal(n, 1), DType::f32), x = rounded(normal(n, 2), dtype());
      TestTensor sum(y, DType::f32, {n});
      const TestTensor added(x, dtype(), {n});
      accumulate(stream, sum.view().rows(begin, n), added.view().rows(begin, n));
      Values want = y;
      for (std::size_t i = static_cast<std::size_t>(begin); i < want.size(); ++i) want[i] = static_cast<float>(want[i] + x[i]);
      EXPECT_EQ(sum.values(), want);
    }
  }
}

TEST(Accumulate, ErrorsNameTheArgument) {
  Stream stream;
  auto y = TestTensor::zeros(DType::f32, {4}), x = TestTensor::zeros(DType::bf16, {3});
  expect_error([&] { accumulate(stream, y, x); }, "accumulate: y must be [3], is [4]");
  expect_error([&] { accumulate(stream, x, x); }, "accumulate: y must be f32, is bf16");
}

TEST_P(AdamWOnDevice, CastRoundsAsToBf16DoesAndBack) {
  // Every upper half with lower halves on both sides of a tie: all exponents, subnormals, infinities, NaNs of any payload.
  std::vector<float> values;
  for (std::uint32_t high = 0; high < 0x10000; high += 7)
    for (const std::uint32_t low : {0x0u, 0x1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      values.push_back(std::bit_cast<float>(high << 16 | low));
  const auto n = static_cast<std::int64_t>(values.size());
  auto x = TestTensor::zeros(DType::f32, {n}), y = TestTensor::zeros(DType::bf16, {n}), z = TestTensor::zeros(DType::f32, {n});
  std::memcpy(x.view().raw(), values.data(), values.size() * 4);
  cast(stream, y, x);
  cast(stream, z, y);
  stream.synchronize();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bf16 want = to_bf16(values[i]);
    ASSERT_EQ(y.view().data<bf16>()[i].bits, want.bits) << std::bit_cast<std::uint32_t>(values[i]);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(z.view().data<float>()[i]), std::bit_cast<std::uint32_t>(to_float(want)));
  }
  auto copy = TestTensor::zeros(DType::f32, {n});
  cast(stream, copy, z);
  EXPECT_EQ(copy.bytes(), z.bytes());
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
