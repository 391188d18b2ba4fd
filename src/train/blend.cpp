#include "train/blend.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace corollary {
namespace {

std::vector<double> normalized(std::vector<double> weights) {
  check(!weights.empty() && weights.size() <= 256, "a mixture of ", weights.size(), " sets: 1 to 256 are possible");
  double sum = 0;
  for (const double weight : weights) {
    check(std::isfinite(weight) && weight > 0, "a weight of the mixture is ", weight,
          ": must be positive; leave sets out that count for nothing");
    sum += weight;
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

std::vector<double> weights_of(std::span<const BlendedDataset::Part> parts) {
  std::vector<double> weights;
  for (const auto& part : parts) weights.push_back(part.weight);
  return normalized(std::move(weights));
}

}  // namespace

BlendIndex::BlendIndex(std::span<const double> given, std::int64_t total_samples) {
  const std::vector<double> weights = normalized({given.begin(), given.end()});
  check(total_samples > 0 && total_samples <= std::numeric_limits<std::uint32_t>::max(), "a mixture of ", total_samples,
        " samples");
  used_.assign(weights.size(), 0);
  sets_.reserve(static_cast<std::size_t>(total_samples));
  samples_.reserve(static_cast<std::size_t>(total_samples));
  for (std::int64_t i = 0; i < total_samples; ++i) {
    const auto position = std::max(static_cast<double>(i), 1.0);
    std::size_t best = 0;
    double largest = weights[0] * position - static_cast<double>(used_[0]);
    for (std::size_t set = 1; set < weights.size(); ++set) {
      const double error = weights[set] * position - static_cast<double>(used_[set]);
      if (error > largest) largest = error, best = set;
    }
    sets_.push_back(static_cast<std::uint8_t>(best));
    samples_.push_back(static_cast<std::uint32_t>(used_[best]++));
  }
}

BlendIndex::Place BlendIndex::at(std::int64_t i) const {
  check(i >= 0 && i < size(), "sample ", i, " of a mixture of ", size());
  return {sets_[static_cast<std::size_t>(i)], samples_[static_cast<std::size_t>(i)]};
}

std::int64_t needed_samples(std::int64_t total, double weight) {
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(total) * weight * 1.005));
}

BlendedDataset::BlendedDataset(std::span<const Part> parts, std::int64_t seq_len, std::int64_t total_samples, std::uint32_t seed)
    : blend_(weights_of(parts), total_samples) {
  const std::vector<double> weights = weights_of(parts);
  for (std::size_t set = 0; set < parts.size(); ++set) {
    // The margin covers the rounding of the blend except in very short runs, where we ask for what is used.
    const std::int64_t needed = std::max({needed_samples(total_samples, weights[set]), blend_.used(set), std::int64_t{1}});
    parts_.emplace_back(IndexedDataset(parts[set].prefix), seq_len, needed, seed);
  }
}

void BlendedDataset::read(std::int64_t i, std::span<std::int32_t> tokens) const {
  const auto [set, sample] = blend_.at(i);
  parts_[set].read(sample, tokens);
}

std::vector<std::int32_t> BlendedDataset::tokens(std::int64_t i) const {
  std::vector<std::int32_t> out(static_cast<std::size_t>(seq_len()) + 1);
  read(i, out);
  return out;
}

}  // namespace corollary
