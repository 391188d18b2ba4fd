#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/fields.h"
#include "cli/commands.h"
#include "cli/recipe.h"
#include "cli/recipe_file.h"
#include "cli/stage_graph.h"
#include "corpus/estimate.h"
#include "train/cluster.h"

namespace corollary {
namespace {

struct RunArguments {
  std::string recipe, out;
  std::vector<std::string> settings;
  StageRange range;
  bool dry_run = false, plans = false, json = false;
};

/// The command that goes on where this one stopped, as the user would type it.
std::string resume_command(const RunArguments& arguments) {
  std::string command = "corollary run " + arguments.recipe;
  if (!arguments.out.empty()) command += " --out " + arguments.out;
  for (const std::string& setting : arguments.settings) command += " --set '" + setting + "'";
  return command;
}

void run_recipe(const RunArguments& arguments) {
  const fs::path file = find_recipe_file(arguments.recipe);
  const Json json = read_recipe_file(file, arguments.settings);
  Recipe recipe = read_recipe(json, file);
  if (recipe.name.empty()) recipe.name = fs::absolute(file).parent_path().filename().string();
  if (recipe.report.title.empty()) recipe.report.title = recipe.name;
  if (arguments.plans) {
    check(recipe.cluster.gpus > 0 && recipe.model.vocab_size > 0, "recipe ", file.string(),
          " has no [cluster] to plan for: set cluster.gpus and model.vocab_size, or see corollary train --plan for this machine");
    const ClusterPlan plan = plan_cluster(resolve(recipe.model), recipe.train, recipe.cluster);
    std::fputs((arguments.json ? to_line(plan.to_json()) + "\n" : plan.to_table()).c_str(), stdout);
    return;
  }
  const fs::path folder = arguments.out.empty() ? fs::path("runs") / recipe.name : fs::path(arguments.out);
  const std::vector<Stage> stages = recipe_stages(recipe);
  if (arguments.dry_run) {
    const auto plan = plan_stages(stages, folder, arguments.range);
    FetchConfig all;  // also the optional ones that are not here yet
    if (json.contains("sources")) fields_from_json(all, {{"sources", json["sources"]}}, file.string());
    const bool has_sizes =
        std::any_of(all.sources.begin(), all.sources.end(), [](const SourceConfig& source) { return source.expected_bytes > 0; });
    const auto estimates =
        has_sizes ? estimate_corpus(all.sources, recipe.corpus, recipe.corpus_cluster) : std::vector<StageEstimate>{};
    if (arguments.json) {
      Json list = plan_to_json(plan);
      for (Json& stage : list)
        if (has_sizes && stage["stage"] == "corpus") stage["estimates"] = estimates_to_json(estimates);
      std::fputs((to_line(list) + "\n").c_str(), stdout);
    } else {
      std::fputs(plan_to_table(plan).c_str(), stdout);
      if (has_sizes)
        std::printf(
            "\nThe corpus on %lld nodes of %lld cores, estimated from the sources' expected_bytes and the rates of "
            "docs/performance.md:\n%s",
            static_cast<long long>(recipe.corpus_cluster.nodes), static_cast<long long>(recipe.corpus_cluster.cores_per_node),
            estimates_to_table(estimates).c_str());
    }
    return;
  }
  execute_stages(stages, folder, arguments.range, fields_to_json(recipe), resume_command(arguments));
  const fs::path report = folder / "report" / "report.html";
  if (fs::exists(report)) std::printf("report: %s\n", report.c_str());
}

}  // namespace

void add_run_command(CLI::App& app) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command =
      app.add_subcommand("run", "Runs a recipe: every stage, skipping what is up to date, resuming what was interrupted");
  command->add_option("recipe", arguments->recipe, "folder with a recipe.toml, or the file")->required();
  command->add_option("--out", arguments->out, "folder of the run (default: runs/NAME)");
  command->add_option("--set", arguments->settings, "change one field of the recipe: train.train_iters=100")->take_all();
  command->add_option("--from", arguments->range.from, "first stage to run");
  command->add_option("--until", arguments->range.until, "last stage to run");
  command->add_flag("--dry-run", arguments->dry_run, "say what would be done, and why; change nothing");
  command->add_flag("--plan", arguments->plans,
                    "print memory, time and cost of the training on the recipe's [cluster], and do nothing");
  command->add_flag("--json", arguments->json, "with --dry-run or --plan: as JSON");
  command->footer("Example: corollary run recipes/quickstart --set train.train_iters=50 --out /tmp/short");
  command->callback([arguments] { run_recipe(*arguments); });
}

}  // namespace corollary
