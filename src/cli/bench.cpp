#include "cli/bench.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace corollary {

double median(std::vector<double> values) {
  check(!values.empty(), "median of nothing");
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Medians measure_in_turn(int rounds, const std::function<double()>& ours, const std::function<double()>& peer) {
  std::vector<double> our_values, peer_values;
  for (int round = 0; round <= rounds; ++round) {
    const double our_value = ours(), peer_value = peer ? peer() : std::numeric_limits<double>::quiet_NaN();
    if (round == 0) continue;
    our_values.push_back(our_value);
    peer_values.push_back(peer_value);
  }
  return {median(our_values), peer ? median(peer_values) : std::numeric_limits<double>::quiet_NaN()};
}

Json bench_row_to_json(const BenchRow& row) {
  return {{"name", row.name},
          {"unit", row.unit},
          {"ours", row.ours},
          {"peer", row.peer},
          {"peer_value", row.peer_value},
          {"ratio", row.ours / row.peer_value},
          {"share_of_peak", row.share_of_peak}};
}

}  // namespace corollary
