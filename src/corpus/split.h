#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace corollary {

enum class Split : std::uint8_t { train, validation, test };
const char* split_name(Split split);  ///< "train", "validation", "test"

/// The split of each of n documents of one group, in their order. Validation and test get max(floor(fraction * n), 1) documents
/// each (none for a fraction of 0), drawn by a shuffle that `seed` and `group` alone decide; the rest is training. A group too
/// small to leave one for training gives all to training. Fractions lie in [0, 0.5).
std::vector<Split> split_group(std::int64_t n, double validation_fraction, double test_fraction, std::int64_t seed,
                               const std::string& group);

}  // namespace corollary
