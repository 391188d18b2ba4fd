#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/fields.h"
#include "base/flags.h"
#include "base/json.h"
#include "base/log.h"
#include "base/stop.h"
#include "cli/corpus_commands.h"
#include "cli/stage_command.h"
#include "corpus/build.h"
#include "corpus/steps/slurm.h"

namespace corollary {
namespace {

struct BuildOptions {
  std::string recipe, fetched, out, step, shard = "auto";
  CorpusConfig config;
  SlurmConfig slurm;
  bool as_json = false, on_slurm = false, only_plan = false, wait = false, keep_work = false;
};

/// The build a plan in `out` describes.
CorpusBuild planned_build(const fs::path& out) {
  const fs::path file = out / ".work" / "plan.json";
  check(fs::exists(file), "there is no plan in ", out.string(), ": make it with corollary corpus build --fetch FOLDER --out ",
        out.string(), " --plan-only");
  const Json plan = read_json_file(file);
  CorpusConfig config;
  fields_from_json(config, plan.at("config"), file.string());
  return {config, plan.at("fetch").get<std::string>(), out};
}

void print_status(const std::vector<StepStatus>& steps, const fs::path& out, bool as_json) {
  const std::vector<SlurmJob> jobs = submitted_jobs(out);
  const auto states = jobs.empty() ? std::vector<std::map<std::string, std::int64_t>>{} : queue_states(jobs);
  Json rows = Json::array();
  for (const StepStatus& step : steps) {
    Json row = {
        {"step", step.step}, {"tasks", step.tasks}, {"done", step.done}, {"can_start", step.can_start}, {"waiting", step.waiting}};
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (jobs[i].step == step.step)
        row["job"] = jobs[i].id, row["queue"] = states[i], row["failed"] = failed_logs(out, step.step, 5);
    rows.push_back(std::move(row));
  }
  if (as_json) {
    std::cout << rows.dump(2) << "\n";
    return;
  }
  std::cout << fmt::format("{:<14} {:>7} {:>7}  {}\n", "step", "tasks", "done", "queue");
  for (const Json& row : rows) {
    std::cout << fmt::format("{:<14} {:>7} {:>7}  {}\n", row["step"].get<std::string>(), row["tasks"].get<std::int64_t>(),
                             row["done"].get<std::int64_t>(), row.contains("queue") ? row["queue"].dump() : "");
    if (row.contains("failed"))
      for (const Json& line : row["failed"]) std::cout << "  " << line.get<std::string>() << "\n";
  }
}

/// Until nothing of the jobs is queued any more; then they ended well, or the Error tells what did not.
void wait_for_slurm(const CorpusBuild& build, const fs::path& out) {
  const std::vector<SlurmJob> jobs = submitted_jobs(out);
  for (std::string said;;) {
    check(!stop_requested(), "stopped waiting; the jobs go on: corollary corpus status ", out.string());
    std::string now;
    const auto states = queue_states(jobs);
    for (std::size_t i = 0; i < jobs.size(); ++i)
      for (const auto& [state, n] : states[i]) now += fmt::format(" {} {} {}", jobs[i].step, n, state);
    if (now != said) log_info("queue:{}", now.empty() ? " empty" : now);
    said = now;
    if (now.empty()) break;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  if (build.finished()) return;
  for (const StepStatus& step : build_status(build)) {
    if (step.done == step.tasks) continue;
    std::string logs;
    for (const std::string& line : failed_logs(out, step.step, 5)) logs += "\n  " + line;
    check(false, "step ", step.step, ": ", step.done, " of ", step.tasks,
          " tasks are done and no job is left. Submit again to go on there", logs);
  }
  check(false, "all tasks are done, but the job that finishes failed: corollary corpus build --out ", out.string(),
        " --step finish");
}

void run_build(const BuildOptions& options) {
  const fs::path out = options.out;
  if (!options.step.empty()) {
    const CorpusBuild build = planned_build(out);
    if (options.step == "finish") {
      CorpusBuild last = planned_build(out);
      return say_stage_result(last.finish(options.keep_work), out, options.as_json);
    }
    for (const Step& step : build.steps())
      if (step.name == options.step) {
        const std::int64_t ran = build.run(step, parse_task_range(options.shard));
        return log_info("{}: {} tasks done now", step.name, ran);
      }
    std::string known;
    for (const Step& step : build.steps()) known += step.name + " ";
    check(false, "no step ", options.step, ": there are ", known, "finish");
  }
  check(!options.fetched.empty(), "--fetch is needed: the folder corollary corpus fetch wrote");
  if (!options.only_plan && !options.on_slurm)
    return say_stage_result(build_corpus(options.config, options.fetched, out, options.keep_work), out, options.as_json);
  CorpusBuild build(options.config, options.fetched, out);
  if (auto manifest = build.finished()) return say_stage_result({std::move(*manifest), true}, out, options.as_json);
  build.plan();
  if (options.on_slurm) submit_to_slurm(build, out, options.slurm);
  if (options.wait) {
    wait_for_slurm(build, out);
    return say_stage_result({*build.finished(), false}, out, options.as_json);
  }
  print_status(build_status(build), out, options.as_json);
}

}  // namespace

void add_corpus_build_command(CLI::App& corpus) {
  auto options = std::make_shared<BuildOptions>();
  CLI::App* build = corpus.add_subcommand("build", "Extract, filter, deduplicate and split fetched sources into documents");
  // First, so that flags override what the recipe says.
  build->add_option("--recipe", options->recipe, "Recipe folder or file, for its [corpus] table; flags override it")
      ->trigger_on_parse()
      ->each([options](const std::string& path) {
        if (const Json table = recipe_table(path, "corpus"); !table.is_null())
          fields_from_json(options->config, table, path + " [corpus]");
      });
  build->add_option("--fetch", options->fetched, "Folder a fetch wrote");
  build->add_option("--out", options->out, "Folder for the documents")->required();
  add_flags(*build, options->config);
  add_flags(*build, options->config.dedup, "dedup");
  add_flags(*build, options->config.decontaminate, "decontaminate");
  build->add_flag("--plan-only", options->only_plan, "Write the plan and say what its steps and tasks are");
  build->add_option("--step", options->step, "Only this step of the plan in --out, or finish");
  build
      ->add_option("--shard", options->shard,
                   "Of --step's tasks those numbered I, I + N, ...: I/N; auto: this element of a Slurm array")
      ->capture_default_str();
  build->add_flag("--keep-work", options->keep_work, "Keep what the steps wrote, in OUT/.work");
  build->add_flag("--slurm", options->on_slurm, "Submit the steps as Slurm job arrays, each after the one before it");
  build->add_option("--slurm-jobs", options->slurm.jobs, "Elements of an array, at most")->capture_default_str();
  build->add_option("--slurm-options", options->slurm.options, "For sbatch: '--partition=cpu --time=4:00:00 --cpus-per-task=16'");
  build->add_flag("--wait", options->wait, "With --slurm: wait until the jobs have ended, and say how");
  build->add_flag("--json", options->as_json, "Print the counts as JSON");
  build->footer(
      "Example:\n  corollary corpus build --fetch runs/quickstart/fetch --out runs/quickstart/corpus\n"
      "  corollary corpus build --fetch F --out O --slurm --slurm-options '--partition=cpu --cpus-per-task=16' --wait\n"
      "  corollary corpus build --fetch F --out O --plan-only; corollary corpus build --out O --step extract --shard 0/4");
  build->callback([options] { run_build(*options); });
}

void add_corpus_status_command(CLI::App& corpus) {
  struct Options {
    std::string out;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* status = corpus.add_subcommand("status", "How far a build has come: tasks done by step, and jobs in Slurm's queue");
  status->add_option("folder", options->out, "The --out of corpus build")->required();
  status->add_flag("--json", options->as_json, "Print JSON");
  status->footer("Example:\n  corollary corpus status runs/big/corpus");
  status->callback([options] {
    const fs::path out = options->out;
    if (fs::exists(out / "manifest.json")) return log_info("{}: finished, see manifest.json", out.string());
    print_status(build_status(planned_build(out)), out, options->as_json);
  });
}

}  // namespace corollary
