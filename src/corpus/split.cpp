#include "corpus/split.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"
#include "corpus/papers/arxiv_split.h"

namespace corollary {

const char* split_name(Split split) { return split == Split::train ? "train" : split == Split::validation ? "validation" : "test"; }

std::vector<Drawn> draw_splits(std::int64_t n, double validation_fraction, double test_fraction, std::int64_t seed,
                               const std::string& group) {
  check(validation_fraction >= 0 && validation_fraction < 0.5 && test_fraction >= 0 && test_fraction < 0.5,
        "validation_fraction and test_fraction must lie in [0, 0.5), are ", validation_fraction, " and ", test_fraction);
  const auto share = [&](double fraction) {
    return fraction == 0 ? 0 : std::max<std::int64_t>(static_cast<std::int64_t>(std::floor(fraction * static_cast<double>(n))), 1);
  };
  const std::int64_t validation = share(validation_fraction), test = share(test_fraction);
  if (validation + test >= n) return {};
  // A Fisher-Yates shuffle from the end, of which only the last places are wanted: those are settled first. What it has moved lies
  // in a table, all else is where it was. As AlgebraicStack slices its shuffled rows: train, then validation, then test.
  std::unordered_map<std::int64_t, std::int64_t> moved;
  const auto at = [&](std::int64_t place) {
    const auto found = moved.find(place);
    return found != moved.end() ? found->second : place;
  };
  std::vector<Drawn> drawn;
  Random random(static_cast<std::uint64_t>(seed), hash64(group));
  for (std::int64_t place = n - 1; place >= n - validation - test; --place) {
    const std::int64_t other = random.below(place + 1);
    drawn.push_back({at(other), place < n - test ? Split::validation : Split::test});
    moved[other] = at(place);
    moved.erase(place);
  }
  std::sort(drawn.begin(), drawn.end(), [](const Drawn& a, const Drawn& b) { return a.position < b.position; });
  return drawn;
}

std::vector<Drawn> published_paper_splits(std::int64_t n) {
  std::vector<Drawn> drawn;
  for (std::int64_t i = arxiv_split(n).train; i < n; ++i) drawn.push_back({i, arxiv_split_of(i, n)});
  return drawn;
}

std::vector<Split> split_group(std::int64_t n, double validation_fraction, double test_fraction, std::int64_t seed,
                               const std::string& group) {
  std::vector<Split> splits(static_cast<std::size_t>(n), Split::train);
  for (const Drawn& drawn : draw_splits(n, validation_fraction, test_fraction, seed, group))
    splits[static_cast<std::size_t>(drawn.position)] = drawn.split;
  return splits;
}

}  // namespace corollary
