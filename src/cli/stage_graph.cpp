#include "cli/stage_graph.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>

#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"

namespace corollary {
namespace {

/// [first, last) of the range in the table.
std::pair<std::size_t, std::size_t> bounds(const std::vector<Stage>& stages, const StageRange& range) {
  std::string known;
  for (const Stage& stage : stages) known += (known.empty() ? "" : ", ") + stage.name;
  const auto index_of = [&](const std::string& name) {
    const auto at = std::ranges::find(stages, name, &Stage::name);
    check(at != stages.end(), "no stage named ", name, ": there are ", known);
    return static_cast<std::size_t>(at - stages.begin());
  };
  const std::size_t first = range.from.empty() ? 0 : index_of(range.from);
  const std::size_t last = range.until.empty() ? stages.size() : index_of(range.until) + 1;
  check(first < last, "nothing to run: ", range.from, " comes after ", range.until);
  return {first, last};
}

void check_table(const std::vector<Stage>& stages) {
  std::set<std::string> before;
  for (const Stage& stage : stages) {
    for (const std::string& input : stage.inputs)
      check(before.contains(input), "stage ", stage.name, " reads ", input, ", which does not come before it");
    check(before.insert(stage.name).second, "two stages named ", stage.name);
  }
}

/// Names what a finished stage left, whatever time it took.
std::string outputs_digest(const Manifest& manifest) { return sha256_hex(manifest.outputs.dump()); }

/// The stage's manifest if its outputs are all there.
std::optional<Manifest> finished(const fs::path& run_folder, const std::string& name, std::string* why) {
  const fs::path folder = run_folder / name;
  std::error_code error;
  if (!fs::exists(folder / "manifest.json")) {
    *why =
        fs::is_directory(folder, error) && !fs::is_empty(folder, error) ? "interrupted: goes on from what is there" : "never run";
    return std::nullopt;
  }
  try {
    const Manifest manifest = read_manifest(folder);
    return up_to_date(folder, name, manifest.config, manifest.inputs, why);
  } catch (const Error& problem) {
    *why = problem.what();
    return std::nullopt;
  }
}

/// run.json, or an empty record if there is none or it is damaged: then everything is asked of the stages again.
Json read_record(const fs::path& run_folder) {
  Json record = Json::object();
  try {
    if (fs::exists(run_folder / "run.json")) record = read_json_file(run_folder / "run.json");
  } catch (const Error& error) {
    log_warning("the record of the run is damaged and will be made anew: {}", error.what());
  }
  if (!record.is_object() || !record.contains("stages") || !record["stages"].is_object()) record = Json{{"stages", Json::object()}};
  return record;
}

Json field_or_empty(const Json& json, const std::string& name) {
  return json.is_object() && json.contains(name) ? json[name] : Json::object();
}

/// What run.json keeps of a finished stage.
Json record_of(const Stage& stage, const fs::path& run_folder) {
  Json inputs = Json::object();
  for (const std::string& input : stage.inputs) inputs[input] = outputs_digest(read_manifest(run_folder / input));
  return {{"config", parse_json(stage.config.dump(), "configuration of stage " + stage.name)}, {"inputs", inputs}};
}

/// Held while a run writes its folder; the kernel lets go of it however the process ends.
class RunLock {
 public:
  explicit RunLock(const fs::path& folder) : fd_(::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    check(fd_ >= 0, "cannot write in ", folder.string(), ": ", std::strerror(errno),
          ": make it writable or choose another folder with --out");
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
    ::close(fd_);
    fail("another corollary run works in ", folder.string(), ": wait for it, or choose another folder with --out");
  }
  ~RunLock() { ::close(fd_); }
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  const int fd_;
};

}  // namespace

std::vector<PlannedStage> plan_stages(const std::vector<Stage>& stages, const fs::path& run_folder, const StageRange& range) {
  check_table(stages);
  const auto [first, last] = bounds(stages, range);
  const Json recorded = read_record(run_folder)["stages"];
  std::vector<PlannedStage> plan;
  std::set<std::string> will_run;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    PlannedStage planned{stage.name, PlannedStage::State::to_do, "", stage.work};
    const auto manifest = finished(run_folder, stage.name, &planned.why);
    if (i < first || i >= last) {
      check(i >= first || manifest, "cannot begin at ", range.from, ": stage ", stage.name, " before it is not finished (",
            planned.why, "); run without --from");
      planned.state = PlannedStage::State::left_out;
      planned.why.clear();
      plan.push_back(planned);
      continue;
    }
    if (manifest) {
      const auto upstream = std::ranges::find_if(stage.inputs, [&](const std::string& input) { return will_run.contains(input); });
      if (upstream != stage.inputs.end()) {
        planned.why = "reads what " + *upstream + " will write";
      } else if (!recorded.contains(stage.name)) {
        planned.why = "not recorded: the stage looks for itself";
      } else {
        const Json now = record_of(stage, run_folder), then = recorded[stage.name];
        if (const auto at = first_difference(now["config"], field_or_empty(then, "config")); !at.empty())
          planned.why = "configuration changed: " + at;
        else if (const auto input = first_difference(now["inputs"], field_or_empty(then, "inputs")); !input.empty())
          planned.why = "input changed: " + input;
        else
          planned.state = PlannedStage::State::up_to_date;
      }
    }
    if (planned.state == PlannedStage::State::to_do) will_run.insert(stage.name);
    plan.push_back(planned);
  }
  return plan;
}

std::string plan_to_table(const std::vector<PlannedStage>& plan) {
  std::string table;
  for (const PlannedStage& stage : plan) {
    if (stage.state == PlannedStage::State::up_to_date)
      table += fmt::format("{:<10} up to date\n", stage.name);
    else if (stage.state == PlannedStage::State::left_out)
      table += fmt::format("{:<10} left out\n", stage.name);
    else
      table += fmt::format("{:<10} to do: {}; {}\n", stage.name, stage.work, stage.why);
  }
  return table;
}

Json plan_to_json(const std::vector<PlannedStage>& plan) {
  static constexpr const char* kStates[] = {"up_to_date", "to_do", "left_out"};
  Json list = Json::array();
  for (const PlannedStage& stage : plan)
    list.push_back(
        {{"stage", stage.name}, {"state", kStates[static_cast<int>(stage.state)]}, {"why", stage.why}, {"work", stage.work}});
  return list;
}

void execute_stages(const std::vector<Stage>& stages, const fs::path& run_folder, const StageRange& range, const Json& recipe,
                    const std::string& resume_command) {
  const auto [first, last] = bounds(stages, range);
  require_space(run_folder, 0, "the run");
  const RunLock lock(run_folder);
  std::int64_t need_bytes = 0;
  const auto plan = plan_stages(stages, run_folder, range);
  for (std::size_t i = 0; i < stages.size(); ++i)
    if (plan[i].state == PlannedStage::State::to_do) need_bytes += stages[i].disk_bytes;
  require_space(run_folder, need_bytes, "the run");

  Json record = read_record(run_folder);
  record["recipe"] = recipe;
  for (std::size_t i = first; i < last; ++i) {
    const Stage& stage = stages[i];
    if (stop_requested()) throw Error("stopped before stage " + stage.name + "; resume with: " + resume_command);
    if (plan[i].state == PlannedStage::State::to_do) log_info("{}: {}", stage.name, stage.work);
    const auto start = std::chrono::steady_clock::now();
    StageResult result;
    try {
      result = stage.execute(run_folder);
    } catch (const std::exception& error) {
      const char* how = stop_requested() ? "stopped in stage " : "stage ";
      throw Error(how + stage.name + (stop_requested() ? ": " : " failed: ") + error.what() + "\nresume with: " + resume_command);
    }
    record["stages"][stage.name] = record_of(stage, run_folder);
    write_json_file(run_folder / "run.json", record);
    if (result.was_up_to_date)
      log_info("{}: up to date", stage.name);
    else
      log_info("{}: done in {}", stage.name,
               format_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
  }
}

}  // namespace corollary
