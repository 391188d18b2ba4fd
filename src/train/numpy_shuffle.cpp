#include "train/numpy_shuffle.h"

#include <bit>

namespace corollary {

// Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998); the names of its constants.
namespace {
constexpr std::size_t kM = 397;
constexpr std::uint32_t kMatrixA = 0x9908b0df, kUpperMask = 0x80000000, kLowerMask = 0x7fffffff;
}  // namespace

NumpyRandom::NumpyRandom(std::uint32_t seed) {
  for (std::size_t i = 0; i < kWords; ++i) {
    state_[i] = seed;
    seed = 1812433253u * (seed ^ seed >> 30) + static_cast<std::uint32_t>(i) + 1;
  }
}

void NumpyRandom::refill() {
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::uint32_t y = (state_[i] & kUpperMask) | (state_[(i + 1) % kWords] & kLowerMask);
    state_[i] = state_[(i + kM) % kWords] ^ y >> 1 ^ ((y & 1) != 0 ? kMatrixA : 0);
  }
  next_ = 0;
}

std::uint32_t NumpyRandom::next_u32() {
  if (next_ == kWords) refill();
  std::uint32_t y = state_[next_++];
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680;
  y ^= y << 15 & 0xefc60000;
  return y ^ y >> 18;
}

std::uint64_t NumpyRandom::interval(std::uint64_t max) {
  if (max == 0) return 0;
  const std::uint64_t mask = ~std::uint64_t{0} >> std::countl_zero(max);
  for (;;) {
    std::uint64_t bits = next_u32();
    if (max > 0xffffffff) bits = bits << 32 | next_u32();
    if ((bits & mask) <= max) return bits & mask;
  }
}

}  // namespace corollary
