#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace corollary {

/// Lengths counted in buckets of an eighth of an octave: any number of documents in 4 KiB, quantiles to 9 % (their bucket's lower
/// end).
class LengthHistogram {
 public:
  void add(std::int64_t length) {
    ++counts_[bucket(length)];
    ++n_;
    sum_ += length;
    least_ = std::min(least_, length);
    most_ = std::max(most_, length);
  }
  void add(const LengthHistogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    n_ += other.n_;
    sum_ += other.sum_;
    least_ = std::min(least_, other.least_);
    most_ = std::max(most_, other.most_);
  }
  std::int64_t count() const { return n_; }
  std::int64_t least() const { return n_ > 0 ? least_ : 0; }
  std::int64_t most() const { return most_; }
  double mean() const { return n_ > 0 ? static_cast<double>(sum_) / static_cast<double>(n_) : 0; }
  /// The length below which a share q of them lies.
  std::int64_t quantile(double q) const {
    std::int64_t left = static_cast<std::int64_t>(q * static_cast<double>(n_));
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] > left) return std::clamp(lower_end(i), least(), most_);
      left -= counts_[i];
    }
    return most_;
  }
  /// Documents of 2^octave up to 2^(octave + 1) - 1; octave 0 holds those of 0 and 1.
  std::int64_t in_octave(std::size_t octave) const {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if (octave_of(lower_end(i)) == octave) sum += counts_[i];
    return sum;
  }
  static constexpr std::size_t kOctaves = 62;

 private:
  static std::size_t octave_of(std::int64_t length) {
    return length < 2 ? 0 : static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(length)) - 1);
  }
  /// 0 to 15 have buckets of their own, then eight an octave.
  static std::size_t bucket(std::int64_t length) {
    if (length < 16) return static_cast<std::size_t>(std::max<std::int64_t>(length, 0));
    const std::size_t octave = octave_of(length);
    return 16 + (octave - 4) * 8 + static_cast<std::size_t>(length >> (octave - 3)) % 8;
  }
  static std::int64_t lower_end(std::size_t bucket) {
    if (bucket < 16) return static_cast<std::int64_t>(bucket);
    const std::size_t octave = 4 + (bucket - 16) / 8;
    return static_cast<std::int64_t>(8 + (bucket - 16) % 8) << (octave - 3);
  }

  std::array<std::int64_t, 16 + 8 * (kOctaves - 4)> counts_{};
  std::int64_t n_ = 0, sum_ = 0, least_ = std::numeric_limits<std::int64_t>::max(), most_ = 0;
};

}  // namespace corollary
