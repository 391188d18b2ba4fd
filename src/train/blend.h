#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/sample_index.h"

namespace corollary {

/// Which set each sample of a mixture comes from, as NeoX blends: at position i the set with the largest
/// weight * max(i, 1) - (samples it has given), the first of equals; weights sum to 1.
class BlendIndex {
 public:
  BlendIndex(std::span<const double> weights, std::int64_t total_samples);
  struct Place {
    std::size_t set;
    std::int64_t sample;  ///< of that set
  };
  Place at(std::int64_t i) const;  ///< i in [0, size())
  std::int64_t size() const { return static_cast<std::int64_t>(sets_.size()); }
  std::int64_t used(std::size_t set) const { return used_[set]; }  ///< samples of a set in all

 private:
  std::vector<std::uint8_t> sets_;
  std::vector<std::uint32_t> samples_;
  std::vector<std::int64_t> used_;
};

/// Samples a set must offer for a share of `total` samples: ceil(total * weight * 1.005), NeoX's margin.
std::int64_t needed_samples(std::int64_t total, double weight);

/// A training set: samples of seq_len + 1 tokens from several packed sets by weight. A pure function of (files, weights, seq_len,
/// total_samples, seed) and the sample's number.
class BlendedDataset {
 public:
  struct Part {
    fs::path prefix;      ///< of .bin and .idx
    double weight = 1.0;  ///< relative to the others
  };
  /// Error if a set is missing, damaged or too small. About 0.2 s for 1e7 samples.
  BlendedDataset(std::span<const Part> parts, std::int64_t seq_len, std::int64_t total_samples, std::uint32_t seed);

  std::int64_t size() const { return blend_.size(); }
  std::int64_t seq_len() const { return parts_.front().seq_len(); }
  /// seq_len + 1 tokens of global sample i: inputs are all but the last, targets all but the first. Thread-safe.
  void read(std::int64_t i, std::span<std::int32_t> tokens) const;
  std::vector<std::int32_t> tokens(std::int64_t i) const;
  const SampleIndex& part(std::size_t set) const { return parts_[set]; }
  const BlendIndex& blend() const { return blend_; }

 private:
  std::vector<SampleIndex> parts_;
  BlendIndex blend_;
};

}  // namespace corollary
