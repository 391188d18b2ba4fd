#include "corpus/split.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"

namespace corollary {

const char* split_name(Split split) { return split == Split::train ? "train" : split == Split::validation ? "validation" : "test"; }

std::vector<Split> split_group(std::int64_t n, double validation_fraction, double test_fraction, std::int64_t seed,
                               const std::string& group) {
  check(validation_fraction >= 0 && validation_fraction < 0.5 && test_fraction >= 0 && test_fraction < 0.5,
        "validation_fraction and test_fraction must lie in [0, 0.5), are ", validation_fraction, " and ", test_fraction);
  const auto share = [&](double fraction) {
    return fraction == 0 ? 0 : std::max<std::int64_t>(static_cast<std::int64_t>(std::floor(fraction * static_cast<double>(n))), 1);
  };
  const std::int64_t validation = share(validation_fraction), test = share(test_fraction);
  std::vector<Split> splits(static_cast<std::size_t>(n), Split::train);
  if (validation + test >= n) return splits;
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  Random random(static_cast<std::uint64_t>(seed), hash64(group));
  for (std::int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(random.below(i + 1))]);
  // As AlgebraicStack slices its shuffled rows: train, then validation, then test.
  for (std::int64_t i = n - validation - test; i < n; ++i)
    splits[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = i < n - test ? Split::validation : Split::test;
  return splits;
}

}  // namespace corollary
