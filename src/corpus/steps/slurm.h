#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/files.h"
#include "corpus/build.h"

namespace corollary {

struct SlurmConfig {
  std::int64_t jobs = 100;  ///< elements of a step's array at most: each does every jobs-th task of its step
  std::string options;      ///< of sbatch, blank-separated: "--partition=cpu --time=4:00:00 --cpus-per-task=16 --mem=32G"
  static void each(auto& config, auto&& visit) {
    visit("jobs", config.jobs);
    visit("options", config.options);
  }
};

/// A step's array in Slurm's queue.
struct SlurmJob {
  std::string step, id;
  std::int64_t elements = 0;
};

/// Submits the steps of a planned build, each an array that waits for the one before it to end well, and one job that finishes;
/// remembers them in WORK/slurm.json. Scripts and logs: WORK/slurm/STEP.sh, STEP-ELEMENT.log. Submitting again is how to go on
/// after failures: finished tasks are not done again. Error if jobs of an earlier submission are still queued, or sbatch is absent
/// or refuses.
std::vector<SlurmJob> submit_to_slurm(const CorpusBuild& build, const fs::path& out, const SlurmConfig& config);

/// The jobs last submitted for `out`; empty if none were.
std::vector<SlurmJob> submitted_jobs(const fs::path& out);

/// How many elements of each job the queue holds by state ("RUNNING", "PENDING", ...), in the jobs' order. What has ended is in no
/// state: the tasks' records say how it ended. Error if squeue cannot be asked.
std::vector<std::map<std::string, std::int64_t>> queue_states(const std::vector<SlurmJob>& jobs);

/// Tasks of a step by what their records say.
struct StepStatus {
  std::string step;
  std::int64_t tasks = 0, done = 0;
  bool can_start = false;            ///< every step before it is done
  std::vector<std::string> waiting;  ///< tasks that are not done: their names and why; at most 20
};
std::vector<StepStatus> build_status(const CorpusBuild& build);

/// The last lines of the logs of a step's elements that ended with an error, at most `most` of them: "extract-3.log: ...".
std::vector<std::string> failed_logs(const fs::path& out, const std::string& step, std::size_t most);

}  // namespace corollary
