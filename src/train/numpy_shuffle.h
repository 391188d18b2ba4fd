#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace corollary {

/// numpy.random.RandomState(seed) as far as NeoX uses it: MT19937 seeded by one 32-bit number, and shuffle(). Same numbers, same
/// order, so that a data order can be compared with, or taken over from, a run of the original.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed);
  std::uint32_t next_u32();
  /// In [0, max], as RandomState draws it: bits under the mask of max until they are no larger; two words where max needs more
  /// than 32.
  std::uint64_t interval(std::uint64_t max);

  /// Fisher-Yates from the end.
  template <class T>
  void shuffle(std::span<T> values) {
    for (std::size_t i = values.size(); i-- > 1;) std::swap(values[i], values[interval(i)]);
  }

 private:
  void refill();
  static constexpr std::size_t kWords = 624;
  std::array<std::uint32_t, kWords> state_;
  std::size_t next_ = kWords;
};

}  // namespace corollary
