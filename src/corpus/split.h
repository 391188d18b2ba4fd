#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace corollary {

enum class Split : std::uint8_t { train, validation, test };
const char* split_name(Split split);  ///< "train", "validation", "test"

/// A document that does not go to training: its place in its group.
struct Drawn {
  std::int64_t position;
  Split split;
};

/// The validation and test documents of a group of n, sorted by position. Validation and test get max(floor(fraction * n), 1)
/// documents each (none for a fraction of 0), drawn by a shuffle that `seed` and `group` alone decide; the rest is training. A
/// group too small to leave one for training gives all to training. Fractions lie in [0, 0.5). Memory and time grow with what is
/// drawn, not with n.
std::vector<Drawn> draw_splits(std::int64_t n, double validation_fraction, double test_fraction, std::int64_t seed,
                               const std::string& group);

/// As published for the arXiv subset, of one shard's n documents in their order: the first floor(99 n / 100) are training, of the
/// rest the first half, rounded down, validation, and the others test.
std::vector<Drawn> published_paper_splits(std::int64_t n);

/// draw_splits() as the split of each of the n documents.
std::vector<Split> split_group(std::int64_t n, double validation_fraction, double test_fraction, std::int64_t seed,
                               const std::string& group);

}  // namespace corollary
