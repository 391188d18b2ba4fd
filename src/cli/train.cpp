#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/fields.h"
#include "base/flags.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/dry_run.h"
#include "cli/recipe.h"
#include "cli/recipe_file.h"
#include "comm/world.h"
#include "tokenizer/tokenizer.h"
#include "train/cluster.h"
#include "train/plan.h"
#include "train/trainer.h"

namespace corollary {

namespace {

struct TrainArguments {
  LlamaConfig model;
  TrainConfig train;
  ClusterConfig cluster;
  fs::path recipe, data, tokenizer, out;
  std::string mixture;
  std::int64_t dry_run_steps = 2;
  bool plans = false, dry_run = false, json = false;
  int ranks = 1;  ///< to plan for
};

/// `base` with the fields given as flags on the command line over it.
template <HasFields T>
T with_flags(T base, const T& flags, const CLI::App& command, const std::string& where, const std::string& prefix = "") {
  Json changed = Json::object();
  const Json given = fields_to_json(flags);
  for (const auto& [name, value] : given.items()) {
    std::string flag = "--" + prefix + name;
    std::ranges::replace(flag, '_', '-');
    if (const CLI::Option* option = command.get_option_no_throw(flag); option != nullptr && option->count() > 0) changed[name] = value;
  }
  fields_from_json(base, changed, where);
  return base;
}

TrainConfig with_train_flags(const TrainConfig& base, const TrainConfig& flags, const CLI::App& command) {
  TrainConfig config = with_flags(base, flags, command, "train");
  config.sft = with_flags(base.sft, flags.sft, command, "train.sft", "sft-");
  config.lora = with_flags(base.lora, flags.lora, command, "train.lora", "lora-");
  return config;
}

/// What to train: of the recipe if there is one, else of the flags; the model of init_from unless the recipe describes it; flags over
/// both.
TrainArguments completed(TrainArguments arguments, const CLI::App& command) {
  if (!arguments.recipe.empty()) {
    const fs::path file = find_recipe_file(arguments.recipe);
    const Recipe recipe = read_recipe(read_recipe_file(file, {}), file);
    arguments.model = with_flags(recipe.model, arguments.model, command, "model");
    arguments.train = with_train_flags(recipe.train, arguments.train, command);
    arguments.cluster = with_flags(recipe.cluster, arguments.cluster, command, "cluster");
    if (arguments.data.empty()) arguments.data = recipe.data.pack;
    if (arguments.tokenizer.empty()) arguments.tokenizer = recipe.data.tokenizer;
    if (arguments.mixture.empty())
      for (const MixturePart& part : recipe.mixture)
        arguments.mixture += (arguments.mixture.empty() ? "" : ",") + part.subset + "=" + Json(part.weight).dump();
  } else if (!arguments.train.init_from.empty()) {
    const LlamaConfig from = read_llama_config(fs::path(arguments.train.init_from) / "config.json");
    arguments.model = with_flags(from, arguments.model, command, "model");
  }
  return arguments;
}

/// Where a run's folder has it beside pack/, or the model to finetune has it, unless --tokenizer says otherwise.
fs::path tokenizer_folder(const TrainArguments& arguments) {
  if (arguments.tokenizer.empty() && arguments.train.sft.is_on()) return arguments.train.init_from;
  if (!arguments.tokenizer.empty() || arguments.data.empty()) return arguments.tokenizer;
  return fs::absolute(arguments.data).lexically_normal().parent_path() / "tokenizer";
}

void print_plan(const TrainArguments& arguments) {
  LlamaConfig model = arguments.model;
  const fs::path tokenizer = tokenizer_folder(arguments);
  if (model.vocab_size == 0 && fs::exists(tokenizer)) model.vocab_size = Tokenizer::load(tokenizer).vocab_size();
  check(model.vocab_size > 0, "a plan needs the size of the vocabulary: give --vocab-size, --tokenizer or --data");
  const auto print = [&](const auto& plan) { std::cout << (arguments.json ? plan.to_json().dump(2) + "\n" : plan.to_table()); };
  if (arguments.cluster.gpus > 0) {
    const auto ranks = static_cast<int>(arguments.train.tensor_parallel);
    print(plan_cluster(resolve(model), resolve(arguments.train, ranks), arguments.cluster));
  } else {
    print(plan_training(resolve(model), resolve(arguments.train, arguments.ranks), /*measures=*/true, arguments.ranks));
  }
}

void print_dry_run(const TrainArguments& arguments) {
  check(arguments.model.num_hidden_layers > 0 && !arguments.mixture.empty(), "a dry run needs --mixture or a recipe");
  LlamaConfig model = arguments.model;
  if (model.vocab_size == 0) model.vocab_size = 32'000;  // shrunken anyway
  const Json counts = dry_run(model, arguments.train, parse_mixture(arguments.mixture), arguments.dry_run_steps);
  if (arguments.json) {
    std::cout << counts.dump(2) << "\n";
  } else {
    std::cout << "dry run: " << counts["steps"] << " steps, last loss " << counts["final_loss"] << ", validation " << counts["validation"]
              << "\n";
  }
}

void run_train(const TrainArguments& given, const CLI::App& command) {
  const TrainArguments arguments = completed(given, command);
  if (arguments.plans) return print_plan(arguments);
  if (arguments.dry_run) return print_dry_run(arguments);
  const bool is_finetuning = arguments.train.sft.is_on();
  if (((arguments.data.empty() || arguments.mixture.empty()) && !is_finetuning) || arguments.out.empty())
    throw CLI::RequiredError("--data, --mixture and --out, or --sft-data and --out (or --plan or --dry-run alone)");
  check(!is_finetuning || !tokenizer_folder(arguments).empty(), "finetuning needs --init-from or --tokenizer");
  const Mixture mixture = is_finetuning ? Mixture() : parse_mixture(arguments.mixture);
  const auto world =
      make_world({.device = arguments.train.device, .collective_timeout_seconds = arguments.train.collective_timeout_seconds});
  in_world(*world, [&] {
    const StageResult result =
        train(arguments.model, arguments.train, mixture, arguments.data, tokenizer_folder(arguments), arguments.out, *world);
    if (world->rank() > 0) return;
    if (result.was_up_to_date) log_info("{} is up to date", arguments.out.string());
    if (arguments.json) {
      std::cout << result.manifest.counts.dump(2) << "\n";
    } else {
      std::cout << (arguments.out / "final").string() << "\n";
    }
  });
}

}  // namespace

void add_train_command(CLI::App& app) {
  const auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = app.add_subcommand("train", "Train a Llama on packed tokens; resumes what was interrupted");
  command->add_option("--recipe", arguments->recipe, "recipe whose [data], [[mixture]], [model], [train] and [cluster] to take; flags change them");
  command->add_option("--data", arguments->data, "folder of packed tokens (corollary tokenizer pack)");
  command->add_option("--mixture", arguments->mixture, "subsets and weights: papers=2,web=4,code=1");
  command->add_option("--tokenizer", arguments->tokenizer, "folder of the tokenizer; default: tokenizer/ beside --data");
  command->add_option("--out", arguments->out, "folder of the run: weights, checkpoints, metrics");
  command->add_flag("--plan", arguments->plans,
                    "print parameters, memory by kind, speed and time to expect here (with --gpus: on machines elsewhere), and do nothing");
  command->add_flag("--dry-run", arguments->dry_run,
                    "train the first steps of a shrunken model on made-up data through this configuration, in a temporary folder");
  command->add_option("--dry-run-steps", arguments->dry_run_steps, "how many")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  command->add_option("--ranks", arguments->ranks, "ranks of the job to plan for; memory is that of each")->check(CLI::Range(1, 1 << 20));
  command->add_flag("--json", arguments->json, "print the plan, or what came out, as JSON");
  add_flags(*command, arguments->model);
  add_flags(*command, arguments->train);
  add_flags(*command, arguments->train.sft, "sft");
  add_flags(*command, arguments->train.lora, "lora");
  add_flags(*command, arguments->cluster);
  command->footer(
      "Examples: corollary train --data run/pack --mixture papers=2,web=4,code=1 --out run/train --train-iters 600\n"
      "          corollary train --data run/pack --mixture web=1 --out more --init-from run/train/final --learning-rate 1e-4\n"
      "          mpirun -n 4 corollary train --data run/pack --mixture web=1 --out split --tensor-parallel 2\n"
      "          corollary train --init-from run/train/final --sft-data questions.jsonl --out tuned --lora-rank 16\n"
      "          corollary train --plan --vocab-size 8192 --hidden-size 512 --num-hidden-layers 10 --num-attention-heads 8\n"
      "          corollary train --recipe recipes/llemma_7b --plan --price-per-gpu-hour 2.5\n"
      "          corollary train --recipe recipes/llemma_7b --dry-run");
  command->callback([arguments, command] { run_train(*arguments, *command); });
}

}  // namespace corollary
