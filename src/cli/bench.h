#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"

namespace corollary {

/// One line of `corollary bench`: a hot path of ours beside the program a user would otherwise pick, on the same input in the same
/// run.
struct BenchRow {
  std::string name;          ///< "tokenizer.encode"
  std::string unit;          ///< "MB/s", "tokens/s": more is better
  double ours = 0;           ///< median
  std::string peer;          ///< what it is measured against, with version; "absent: install X" if it is not here
  double peer_value = 0;     ///< median in the same unit; NaN if the peer is absent
  double share_of_peak = 0;  ///< of what this machine can do at best, 0 to 1; NaN if that was not measured
};

/// {name, unit, ours, peer, peer_value, ratio, share_of_peak}; ratio is ours / peer_value; what was not measured is null.
Json bench_row_to_json(const BenchRow& row);

struct Medians {
  double ours, peer;
};
/// Calls the two in turn, `rounds` times each after one round that does not count, and takes the median of what they return, so
/// that both see the same noise of the machine. An empty `peer` gives NaN.
Medians measure_in_turn(int rounds, const std::function<double()>& ours, const std::function<double()>& peer);

double median(std::vector<double> values);

}  // namespace corollary
