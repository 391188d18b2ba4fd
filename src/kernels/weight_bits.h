#pragma once
#include <bit>
#include <cstdint>

#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

// What the optimizer keeps of an f32 weight in fewer bits. Constant expressions, so that every device does the very same.

/// An f32 as a bf16 weight and what that lacks: bits = weight * 2^16 + remainder, the remainder a signed 16-bit number. The weight
/// is the nearest bf16, ties away from zero (the one difference from to_bf16()); above the largest bf16 it is infinite, as rounding
/// has it.
struct SplitFloat {
  bf16 weight;
  std::uint16_t remainder = 0;  ///< two's complement
};

constexpr bool is_nan_bits(std::uint32_t bits) { return (bits & 0x7fffffff) > 0x7f800000; }

/// Every f32 comes back from join_float() bit for bit, zeros, subnormals and infinities too, but for the NaNs whose weight would be
/// no NaN (payloads from 0x7f8000 on, which a GPU's own NaN has, and below 0x8000): these become the quiet NaN of their sign.
constexpr SplitFloat split_float(float value) {
  auto bits = std::bit_cast<std::uint32_t>(value);
  std::uint32_t weight = (bits + 0x8000) >> 16;
  if (is_nan_bits(bits) && !is_nan_bits(weight << 16)) bits = (bits & 0x80000000) | 0x7fc00000, weight = bits >> 16;
  return {{static_cast<std::uint16_t>(weight)}, static_cast<std::uint16_t>(bits)};  // bits - weight * 2^16 is bits mod 2^16
}
constexpr float join_float(SplitFloat split) {
  const std::uint32_t sign_extended = split.remainder & 0x8000 ? 0xffff0000 | split.remainder : split.remainder;
  return std::bit_cast<float>((std::uint32_t{split.weight.bits} << 16) + sign_extended);
}

/// One number for all the roundings of a step.
constexpr std::uint64_t rounding_key(std::uint64_t seed, std::uint64_t step) {
  const auto mix = [](std::uint64_t z) {  // splitmix64
    z += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  };
  return mix(mix(seed) + step);
}

/// Sixteen random bits for the element `index` of that step: a hash, so a resumed run and any cut into shards draw the same.
constexpr std::uint32_t rounding_bits(std::uint64_t key, std::uint64_t index) {
  const auto mix = [](std::uint32_t x) {  // Wellons' lowbias32, a bijection
    x = (x ^ x >> 16) * 0x7feb352d;
    x = (x ^ x >> 15) * 0x846ca68b;
    return x ^ x >> 16;
  };
  const auto low = mix(static_cast<std::uint32_t>(index) ^ static_cast<std::uint32_t>(key));
  return mix(low ^ static_cast<std::uint32_t>(key >> 32) ^ static_cast<std::uint32_t>(index >> 32) * 0x9e3779b9) >> 16;
}

/// Up to the next bf16 away from zero with the probability that leaves the expectation at `value`, `random` being uniform in [0,
/// 2^16); a bf16 stays itself. Beyond the largest: infinite. NaN stays NaN.
constexpr bf16 round_stochastically(float value, std::uint32_t random) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (is_nan_bits(bits)) return {static_cast<std::uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<std::uint16_t>((bits + random) >> 16)};
}

/// split_float() and join_float() of runs:   master [n] f32      weights [n] bf16      remainder [n] u16
void split_master(Stream& stream, Tensor weights, Tensor remainder, ConstTensor master);
void join_master(Stream& stream, Tensor master, ConstTensor weights, ConstTensor remainder);

namespace cpu {
decltype(corollary::split_master) split_master;
decltype(corollary::join_master) join_master;
}  // namespace cpu
namespace cuda {
decltype(corollary::split_master) split_master;
decltype(corollary::join_master) join_master;
}  // namespace cuda

}  // namespace corollary
