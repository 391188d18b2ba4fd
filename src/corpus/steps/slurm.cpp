#include "corpus/steps/slurm.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "corpus/sources/process.h"

namespace corollary {
namespace {

constexpr std::int64_t kMaxElements = 1000;  // Slurm's MaxArraySize is 1001 unless an administrator says otherwise

fs::path slurm_folder(const fs::path& out) { return out / ".work" / "slurm"; }
fs::path jobs_file(const fs::path& out) { return out / ".work" / "slurm.json"; }

std::vector<std::string> split_words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// For sh, whatever it holds.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// The number sbatch --parsable prints: "123" or "123;cluster".
std::string submit(const std::vector<std::string>& arguments, const fs::path& folder) {
  const ProcessResult result = run_process(arguments, folder);
  check(result.status != 127, "there is no sbatch here: run on a machine of the Slurm cluster, or without --slurm");
  check(result.status == 0, "sbatch refused ", arguments.back(), " (status ", result.status, "): ", result.err);
  std::string id = result.out.substr(0, result.out.find_first_of(";\n"));
  check(!id.empty() && id.find_first_not_of("0123456789") == std::string::npos, "sbatch printed no job number but: ", result.out);
  return id;
}

bool is_any_queued(const std::vector<SlurmJob>& jobs) {
  const auto states = queue_states(jobs);
  return std::any_of(states.begin(), states.end(), [](const auto& of_job) { return !of_job.empty(); });
}

}  // namespace

std::vector<SlurmJob> submit_to_slurm(const CorpusBuild& build, const fs::path& out, const SlurmConfig& config) {
  check(config.jobs >= 1 && config.jobs <= kMaxElements, "slurm jobs must be 1 to ", kMaxElements, ", are ", config.jobs);
  if (const auto earlier = submitted_jobs(out); !earlier.empty())
    check(!is_any_queued(earlier), "jobs of an earlier submission are still in the queue (scancel ", earlier.front().id,
          " and those after it, or wait): see corollary corpus status ", out.string());
  const fs::path folder = fs::absolute(slurm_folder(out)), program = fs::read_symlink("/proc/self/exe");
  fs::create_directories(folder);
  for (const auto& entry : fs::directory_iterator(folder)) fs::remove(entry.path());  // logs of a submission before
  std::vector<SlurmJob> jobs;
  Json remembered = Json::array();
  const auto add = [&](const std::string& step, std::int64_t elements) {
    write_file(folder / (step + ".sh"), "#!/bin/sh\nexec " + quoted(program.string()) + " corpus build --out " +
                                            quoted(fs::absolute(out).string()) + " --step " + step + " --shard auto\n");
    std::vector<std::string> arguments = {"sbatch", "--parsable", "--requeue", "--kill-on-invalid-dep=yes",
                                          "--job-name=corollary-" + step};
    arguments.push_back("--array=0-" + std::to_string(elements - 1));
    arguments.push_back("--output=" + (folder / (step + "-%a.log")).string());
    arguments.push_back("--open-mode=truncate");
    if (!jobs.empty()) arguments.push_back("--dependency=afterok:" + jobs.back().id);
    for (std::string& word : split_words(config.options)) arguments.push_back(std::move(word));
    arguments.push_back((folder / (step + ".sh")).string());
    jobs.push_back({step, submit(arguments, folder), elements});
    remembered.push_back({{"step", step}, {"id", jobs.back().id}, {"elements", elements}});
    write_json_file(jobs_file(out), remembered);  // each at once: what is in the queue is known
    log_info("{}: job {}, {} elements", step, jobs.back().id, elements);
  };
  for (const Step& step : build.steps())
    add(step.name, std::min<std::int64_t>(config.jobs, static_cast<std::int64_t>(step.tasks.size())));
  add("finish", 1);
  return jobs;
}

std::vector<SlurmJob> submitted_jobs(const fs::path& out) {
  std::vector<SlurmJob> jobs;
  if (!fs::exists(jobs_file(out))) return jobs;
  for (const Json& job : read_json_file(jobs_file(out))) jobs.push_back({job.at("step"), job.at("id"), job.at("elements")});
  return jobs;
}

std::vector<std::map<std::string, std::int64_t>> queue_states(const std::vector<SlurmJob>& jobs) {
  const passwd* user = ::getpwuid(::geteuid());
  check(user != nullptr, "user ", ::geteuid(), " has no name here");
  const ProcessResult result =
      run_process({"squeue", "--noheader", "--array", "--user", user->pw_name, "--format", "%F %T"}, fs::current_path(), 64 << 20);
  check(result.status == 0, "squeue failed (status ", result.status, "): ", result.err);
  std::vector<std::map<std::string, std::int64_t>> states(jobs.size());
  std::istringstream lines(result.out);
  for (std::string id, state; lines >> id >> state;)
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (jobs[i].id == id) ++states[i][state];
  return states;
}

std::vector<StepStatus> build_status(const CorpusBuild& build) {
  std::vector<StepStatus> all;
  bool can_start = true;
  for (const Step& step : build.steps()) {
    StepStatus status;
    status.step = step.name;
    status.tasks = static_cast<std::int64_t>(step.tasks.size());
    status.can_start = can_start;
    for (std::size_t task = 0; can_start && task < step.tasks.size(); ++task) {
      std::string why;
      if (build.tasks().done(step, task, &why))
        ++status.done;
      else if (status.waiting.size() < 20)
        status.waiting.push_back(step.tasks[task] + ": " + why);
    }
    can_start = can_start && status.done == status.tasks;
    all.push_back(std::move(status));
  }
  return all;
}

std::vector<std::string> failed_logs(const fs::path& out, const std::string& step, std::size_t most) {
  std::vector<std::string> found;
  if (!fs::is_directory(slurm_folder(out))) return found;
  for (const fs::path& file : list_files(slurm_folder(out))) {
    const std::string name = file.filename().string();
    if (!name.starts_with(step + "-") || !name.ends_with(".log") || found.size() == most) continue;
    std::istringstream lines(read_file(file));
    std::string last_error;
    for (std::string line; std::getline(lines, line);)
      if (line.find("error") != std::string::npos || line.find(" E ") != std::string::npos) last_error = line;
    if (!last_error.empty()) found.push_back(name + ": " + last_error);
  }
  return found;
}

}  // namespace corollary
