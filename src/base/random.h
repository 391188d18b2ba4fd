#pragma once
#include <array>
#include <cstdint>

namespace corollary {

/// Philox4x32-10, a counter-based generator (Salmon et al., SC 2011): output = f(seed, counter), so any element of any stream can
/// be drawn without the ones before it, on any rank, in any order.
std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t counter_high, std::uint64_t counter_low);

/// A sequence over philox(): stream `stream` of seed `seed`.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}
  std::uint32_t next_u32();
  double uniform();                    ///< in [0, 1), 53 bits
  double normal();                     ///< mean 0, variance 1 (Box-Muller)
  std::int64_t below(std::int64_t n);  ///< in [0, n), unbiased

 private:
  std::uint64_t seed_, stream_, counter_ = 0;
  std::array<std::uint32_t, 4> block_{};
  int left_ = 0;
};

}  // namespace corollary
