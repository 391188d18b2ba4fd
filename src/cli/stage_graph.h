#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/manifest.h"

namespace corollary {

/// One step of a run: a row of the table that cli/run.cpp makes from a recipe.
struct Stage {
  std::string name;                 ///< also its folder in the run's folder
  std::vector<std::string> inputs;  ///< stages whose folders it reads; all stand before it in the table
  Json config = Json::object();     ///< what of the recipe decides its output
  std::string work;                 ///< what it will do, for a plan: "600 steps of 8192 tokens"
  std::int64_t disk_bytes = 0;      ///< it may write at most about this
  /// Does the work in run_folder/name. Decides itself, from its manifest, whether there is any, and resumes what was interrupted.
  std::function<StageResult(const fs::path& run_folder)> execute;
};

/// The part of a table a user asks for, by names; empty: from the first, until the last.
struct StageRange {
  std::string from, until;
};

struct PlannedStage {
  enum class State { up_to_date, to_do, left_out };
  std::string name;
  State state = State::to_do;
  std::string why;   ///< why there is work
  std::string work;  ///< as in Stage
};

/// What a run would do, changing nothing: from the manifests and from run.json, the record execute_stages keeps. Sources that may
/// have changed outside the run's folder are looked at by the stage itself when it runs. Error if the range names no stage, or
/// begins after one that has not finished.
std::vector<PlannedStage> plan_stages(const std::vector<Stage>& stages, const fs::path& run_folder, const StageRange& range = {});

std::string plan_to_table(const std::vector<PlannedStage>& plan);
Json plan_to_json(const std::vector<PlannedStage>& plan);

/// Runs the stages in order, one log line each with its time or "up to date", and keeps run.json: {"recipe", "stages": {name:
/// {"config", "inputs"}}}. Stops between stages on Ctrl-C. `resume_command` is named in the Error that a failed or stopped stage
/// becomes. Error if another process runs in the same folder, or if the disk is too small for the stages that are not up to date.
void execute_stages(const std::vector<Stage>& stages, const fs::path& run_folder, const StageRange& range, const Json& recipe,
                    const std::string& resume_command);

}  // namespace corollary
