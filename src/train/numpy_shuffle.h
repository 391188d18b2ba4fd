#pragma once
#include <algorithm>
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

  /// Fisher-Yates from the end. Numbers are drawn some steps before they are used, so that the places they name are on their way
  /// from memory: the drawing does not depend on the values.
  template <class T>
  void shuffle(std::span<T> values) {
    std::array<std::uint64_t, 32> places;
    for (std::size_t left = values.size(); left > 1;) {
      const std::size_t drawn = std::min(places.size(), left - 1);
      for (std::size_t k = 0; k < drawn; ++k) {
        places[k] = interval(left - 1 - k);
        __builtin_prefetch(&values[places[k]], 1);
      }
      for (std::size_t k = 0; k < drawn; ++k) std::swap(values[left - 1 - k], values[places[k]]);
      left -= drawn;
    }
  }

 private:
  void refill();
  static constexpr std::size_t kWords = 624;
  std::array<std::uint32_t, kWords> state_;
  std::size_t next_ = kWords;
};

}  // namespace corollary
