#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"

namespace corollary {

// A corpus is built by steps, a step is done by tasks, and a task is a pure function of its inputs and its configuration: it may
// run on any machine, at any time after the tasks it reads from, twice at once, or again after it was killed, and leaves the same
// bytes.
//
// Invariants (task_test.cpp): (1) a task's record is its last act and names every file it wrote with its size and SHA-256; (2) a
// task whose record holds for the same configuration and inputs, and whose files have their sizes, is never run again; (3) a file
// without such a record is never read.

/// What a task wrote (paths relative to the work folder, each there under its name) and what it has to say.
struct TaskResult {
  std::vector<std::string> outputs;
  Json counts = Json::object();
};

struct Step {
  std::string name;                              ///< "extract"
  std::vector<std::string> tasks;                ///< their names: "web-00003", "bucket-017", "all"
  Json config = Json::object();                  ///< what decides the outputs besides the inputs
  std::function<Json(std::size_t task)> inputs;  ///< digests of what the task reads; called once the steps before it are done
  std::function<TaskResult(std::size_t task)> run;
};

/// The tasks of task numbers first, first + stride, ...: what one of `stride` workers does.
struct TaskRange {
  std::size_t first = 0, stride = 1;
};
/// "3/16" as {3, 16}; "auto" from the environment of a Slurm array job, else {0, 1}. Error for anything else.
TaskRange parse_task_range(const std::string& text);

/// The records of a build: WORK/STEP/TASK.json.
class TaskFolder {
 public:
  explicit TaskFolder(fs::path work) : work_(std::move(work)) {}
  const fs::path& path() const { return work_; }
  fs::path path(const std::string& relative) const { return work_ / relative; }

  /// The record of a task that is done, if its configuration, inputs and files are those of `step` now; else nothing, and in *why
  /// the reason: "not done", "inputs changed: web-00001.sha256", "file lost: extract/web-00003.jsonl.zst".
  std::optional<Json> done(const Step& step, std::size_t task, std::string* why = nullptr) const;
  /// Runs the task unless it is done. True if it ran.
  bool run(const Step& step, std::size_t task) const;
  /// Record of a task that must be done: Error naming it otherwise.
  Json record(const std::string& step, const std::string& task) const;
  /// {path: sha256} of what a task wrote: the inputs of the next.
  Json outputs(const std::string& step, const std::string& task) const;

 private:
  fs::path record_path(const std::string& step, const std::string& task) const { return work_ / step / (task + ".json"); }
  fs::path work_;
};

}  // namespace corollary
