#include "base/random.h"

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace corollary {

std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t counter_high, std::uint64_t counter_low) {
  std::uint32_t c0 = static_cast<std::uint32_t>(counter_low), c1 = static_cast<std::uint32_t>(counter_low >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(counter_high), c3 = static_cast<std::uint32_t>(counter_high >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0, p1 = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return {c0, c1, c2, c3};
}

std::uint32_t Random::next_u32() {
  if (left_ == 0) block_ = philox(seed_, stream_, counter_++), left_ = 4;
  return block_[static_cast<std::size_t>(4 - left_--)];
}

double Random::uniform() {
  const std::uint64_t high = next_u32() >> 5, low = next_u32() >> 6;
  return static_cast<double>(high * 67108864 + low) / 9007199254740992.0;
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::int64_t Random::below(std::int64_t n) {
  check(n > 0, "Random::below(", n, ")");
  const auto range = static_cast<std::uint64_t>(n);
  const std::uint64_t limit = ~std::uint64_t{0} - ~std::uint64_t{0} % range;
  for (;;) {
    const std::uint64_t draw = std::uint64_t{next_u32()} << 32 | next_u32();
    if (draw < limit) return static_cast<std::int64_t>(draw % range);
  }
}

}  // namespace corollary
