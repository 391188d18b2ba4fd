#include "kernels/weight_bits.h"

#include <cmath>
#include <cstring>

#include "kernels/testing.h"

namespace corollary {
namespace {

using namespace testing;

/// Every sign, exponent and upper half of a mantissa, with lower halves on both sides of a tie.
std::vector<std::uint32_t> telling_bits() {
  std::vector<std::uint32_t> all;
  for (std::uint32_t high = 0; high < 0x10000; ++high)
    for (const std::uint32_t low : {0x0u, 0x1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) all.push_back(high << 16 | low);
  return all;
}

TEST(SplitFloat, ComesBackAndIsTheNearest) {
  for (const std::uint32_t bits : telling_bits()) {
    const auto value = std::bit_cast<float>(bits);
    const SplitFloat split = split_float(value);
    const auto back = std::bit_cast<std::uint32_t>(join_float(split));
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(to_float(split.weight)) && std::isnan(join_float(split))) << bits;  // a NaN shows in the weight too
      ASSERT_TRUE(back == bits || back == ((bits & 0x80000000) | 0x7fc00000)) << bits;
      continue;
    }
    ASSERT_EQ(back, bits);
    if ((bits & 0xffff) != 0x8000) {  // ties go away from zero
      ASSERT_EQ(split.weight.bits, to_bf16(value).bits) << bits;
    }
  }
  EXPECT_EQ(to_float(split_float(1 + std::ldexp(1.0f, -8)).weight), 1 + std::ldexp(1.0f, -7));
  EXPECT_EQ(to_float(split_float(std::numeric_limits<float>::max()).weight), INFINITY);
}

TEST(RoundStochastically, IsRightInTheMean) {
  const float low = 1, value = 1 + std::ldexp(0.3125f, -7);  // five sixteenths of the way to the next bf16
  std::int64_t ups = 0;
  const std::int64_t draws = 1 << 20;
  const std::uint64_t key = rounding_key(1, 1);
  for (std::int64_t i = 0; i < draws; ++i)
    ups += to_float(round_stochastically(value, rounding_bits(key, static_cast<std::uint64_t>(i)))) != low;
  const double p = 0.3125, deviation = std::sqrt(p * (1 - p) / static_cast<double>(draws));
  EXPECT_NEAR(static_cast<double>(ups) / static_cast<double>(draws), p, 5 * deviation);
}

TEST(RoundStochastically, KeepsWhatNeedsNoRounding) {
  for (std::uint32_t high = 0; high < 0x10000; ++high)
    for (const std::uint32_t random : {0u, 1u, 0x8000u, 0xffffu}) {
      const auto value = std::bit_cast<float>(high << 16);
      const bf16 got = round_stochastically(value, random);
      ASSERT_TRUE(std::isnan(value) ? std::isnan(to_float(got)) : got.bits == high) << high;
    }
}

TEST(RoundingBits, DifferWithSeedStepAndIndex) {
  EXPECT_NE(rounding_key(1, 1), rounding_key(1, 2));
  EXPECT_NE(rounding_key(1, 1), rounding_key(2, 1));
  const auto same = [](std::uint64_t a_key, std::uint64_t b_key, std::uint64_t shift) {
    std::int64_t count = 0;
    for (std::uint64_t i = 0; i < 1 << 16; ++i) count += rounding_bits(a_key, i) == rounding_bits(b_key, i + shift);
    return count;
  };
  const std::uint64_t key = rounding_key(1, 1);  // one in 65,536 agrees by chance
  EXPECT_LT(same(key, rounding_key(1, 2), 0), 12);
  EXPECT_LT(same(key, rounding_key(2, 1), 0), 12);
  EXPECT_LT(same(key, key, 1), 12);
  EXPECT_LT(same(key, key, std::uint64_t{1} << 32), 12);
}

class MasterAtPlace : public ::testing::TestWithParam<Place> {};
INSTANTIATE_TEST_SUITE_P(Every, MasterAtPlace, ::testing::ValuesIn(every_device()),
                         [](const auto& info) { return std::string(name_of(info.param.device)); });

TEST_P(MasterAtPlace, SplitsAndJoins) {
  AtPlace at_place(GetParam());
  Stream& stream = at_place.stream;
  const auto bits = telling_bits();
  for (const std::int64_t begin : {0, 1}) {
    const auto n = static_cast<std::int64_t>(bits.size());
    auto master = TestTensor::zeros(DType::f32, {n}), joined = TestTensor::zeros(DType::f32, {n});
    auto weights = TestTensor::zeros(DType::bf16, {n}), remainder = TestTensor::zeros(DType::u16, {n});
    std::memcpy(master.view().raw(), bits.data(), bits.size() * 4);
    split_master(stream, weights.view().rows(begin, n), remainder.view().rows(begin, n), master.view().rows(begin, n));
    join_master(stream, joined.view().rows(begin, n), weights.view().rows(begin, n), remainder.view().rows(begin, n));
    stream.synchronize();
    for (std::int64_t i = begin; i < n; ++i) {
      const SplitFloat want = split_float(std::bit_cast<float>(bits[static_cast<std::size_t>(i)]));
      ASSERT_EQ(weights.view().data<bf16>()[i].bits, want.weight.bits) << i;
      ASSERT_EQ(remainder.view().data<std::uint16_t>()[i], want.remainder) << i;
      ASSERT_EQ(std::bit_cast<std::uint32_t>(joined.view().data<float>()[i]), std::bit_cast<std::uint32_t>(join_float(want))) << i;
    }
  }
}

TEST(Master, ErrorsNameTheArgument) {
  Stream stream;
  auto master = TestTensor::zeros(DType::f32, {4}), weights = TestTensor::zeros(DType::bf16, {4}),
       few = TestTensor::zeros(DType::u16, {3});
  expect_error([&] { split_master(stream, weights, few, master); }, "split_master: remainder must be [4], is [3]");
  expect_error([&] { join_master(stream, master, weights, weights); }, "join_master: remainder must be u16, is bf16");
}

}  // namespace
}  // namespace corollary
