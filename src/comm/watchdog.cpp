#include "comm/watchdog.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace corollary {
namespace {

std::string describe(std::size_t rank, const RankRecord& record) {
  return fmt::format("rank {} (process {} on {})", rank, record.last.pid, record.last.host);
}

}  // namespace

std::optional<std::string> find_culprit(const std::vector<RankRecord>& ranks, double now, double timeout_seconds) {
  std::string silent, computing, behind;
  double longest_wait = 0;
  std::int64_t fewest = std::numeric_limits<std::int64_t>::max();
  for (const RankRecord& record : ranks) fewest = std::min(fewest, record.last.finished);
  const auto name = [](std::string& list, const std::string& text) { list += (list.empty() ? "" : ", ") + text; };
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    const RankRecord& record = ranks[rank];
    const double silence = now - record.heard;
    if (silence > timeout_seconds) name(silent, describe(rank, record) + fmt::format(", silent for {:.1f} s", silence));
    if (record.last.waiting_seconds < 0) name(computing, describe(rank, record));
    if (record.last.waiting_seconds >= 0) longest_wait = std::max(longest_wait, record.last.waiting_seconds);
    if (record.last.finished == fewest) name(behind, describe(rank, record));
  }
  if (!silent.empty())
    return "no sign of life from " + silent + ": it was stopped or killed, or its machine or network is gone. Start the job again to go on from "
           "the last checkpoint";
  if (longest_wait <= timeout_seconds) return std::nullopt;
  const std::string waited = fmt::format("a rank has waited {:.1f} s for others (train.collective_timeout_seconds is {:g})", longest_wait,
                                         timeout_seconds);
  if (!computing.empty()) return waited + ": not arrived: " + computing + ". It hangs, or is slower than the timeout allows";
  return waited + ": all wait, behind the others: " + behind;
}

}  // namespace corollary
