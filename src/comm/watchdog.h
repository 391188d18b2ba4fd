#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace corollary {

/// What a rank does just now, as its threads say and its watchdog tells the others. Lock-free: one store at either end of a collective.
class Activity {
 public:
  /// For the length of a collective operation.
  class InCollective {
   public:
    explicit InCollective(Activity& activity) : activity_(activity) {
      if (activity_.inside_.fetch_add(1) == 0) activity_.since_ = now();
    }
    ~InCollective() {
      activity_.since_ = now();
      ++activity_.finished_;
      --activity_.inside_;
    }
    InCollective(const InCollective&) = delete;
    InCollective& operator=(const InCollective&) = delete;

   private:
    Activity& activity_;
  };

  std::int64_t finished() const { return finished_; }  ///< collectives
  /// Since when one has been waited for, on this clock; none while the rank computes.
  std::optional<double> waiting_since() const { return inside_ > 0 ? std::optional<double>(since_) : std::nullopt; }
  static double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

 private:
  std::atomic<int> inside_ = 0;
  std::atomic<double> since_ = 0;
  std::atomic<std::int64_t> finished_ = 0;
};

/// A rank's message about itself, sent several times within every timeout.
struct Heartbeat {
  std::int64_t finished = 0;    ///< collectives
  double waiting_seconds = -1;  ///< in the present one; -1: it computes
  std::int64_t pid = 0;
  char host[64] = {};
};

/// What rank 0 knows about a rank.
struct RankRecord {
  Heartbeat last;
  double heard = 0;  ///< when, by Activity::now()
};

/// Who holds up a job, or nothing while all is well. A rank that has been silent for `timeout_seconds` is it: stopped, or dead. If none
/// is silent but one has waited that long in a collective, it is those that compute instead, or, if all wait, those that finished the
/// fewest collectives: they went another way. A sentence that names rank, machine, process and remedy.
std::optional<std::string> find_culprit(const std::vector<RankRecord>& ranks, double now, double timeout_seconds);

}  // namespace corollary
