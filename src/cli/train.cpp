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
#include "comm/world.h"
#include "tokenizer/tokenizer.h"
#include "train/plan.h"
#include "train/trainer.h"

namespace corollary {

namespace {

struct TrainArguments {
  LlamaConfig model;
  TrainConfig train;
  fs::path data, tokenizer, out;
  std::string mixture;
  bool plans = false, json = false;
  int ranks = 1;  ///< to plan for
};

/// The model to train: that of init_from if there is one, with the fields given as flags over it.
LlamaConfig model_to_train(const TrainArguments& arguments, const CLI::App& command) {
  if (arguments.train.init_from.empty()) return arguments.model;
  LlamaConfig model = read_llama_config(fs::path(arguments.train.init_from) / "config.json");
  Json given = fields_to_json(arguments.model), changed = Json::object();
  for (const auto& [name, value] : given.items()) {
    std::string flag = "--" + name;
    std::ranges::replace(flag, '_', '-');
    if (command.get_option(flag)->count() > 0) changed[name] = value;
  }
  fields_from_json(model, changed, "model");
  return model;
}

/// Where a run's folder has it beside pack/, unless --tokenizer says otherwise.
fs::path tokenizer_folder(const TrainArguments& arguments) {
  if (!arguments.tokenizer.empty() || arguments.data.empty()) return arguments.tokenizer;
  return fs::absolute(arguments.data).lexically_normal().parent_path() / "tokenizer";
}

void print_plan(const TrainArguments& arguments, LlamaConfig model) {
  const fs::path tokenizer = tokenizer_folder(arguments);
  if (model.vocab_size == 0 && fs::exists(tokenizer)) model.vocab_size = Tokenizer::load(tokenizer).vocab_size();
  check(model.vocab_size > 0, "a plan needs the size of the vocabulary: give --vocab-size, --tokenizer or --data");
  const TrainPlan plan = plan_training(resolve(model), resolve(arguments.train, arguments.ranks), /*measures=*/true, arguments.ranks);
  std::cout << (arguments.json ? plan.to_json().dump(2) + "\n" : plan.to_table());
}

void run_train(const TrainArguments& arguments, const CLI::App& command) {
  const LlamaConfig model = model_to_train(arguments, command);
  if (arguments.plans) return print_plan(arguments, model);
  if (arguments.data.empty() || arguments.mixture.empty() || arguments.out.empty())
    throw CLI::RequiredError("--data, --mixture and --out (or --plan alone)");
  const auto world =
      make_world({.device = arguments.train.device, .collective_timeout_seconds = arguments.train.collective_timeout_seconds});
  in_world(*world, [&] {
    const StageResult result = train(model, arguments.train, parse_mixture(arguments.mixture), arguments.data,
                                     tokenizer_folder(arguments), arguments.out, *world);
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
  command->add_option("--data", arguments->data, "folder of packed tokens (corollary tokenizer pack)");
  command->add_option("--mixture", arguments->mixture, "subsets and weights: papers=2,web=4,code=1");
  command->add_option("--tokenizer", arguments->tokenizer, "folder of the tokenizer; default: tokenizer/ beside --data");
  command->add_option("--out", arguments->out, "folder of the run: weights, checkpoints, metrics");
  command->add_flag("--plan", arguments->plans, "print parameters, memory by kind, speed and time to expect here, and do nothing");
  command->add_option("--ranks", arguments->ranks, "ranks of the job to plan for; memory is that of each")->check(CLI::Range(1, 1 << 20));
  command->add_flag("--json", arguments->json, "print the plan, or what came out, as JSON");
  add_flags(*command, arguments->model);
  add_flags(*command, arguments->train);
  command->footer(
      "Examples: corollary train --data run/pack --mixture papers=2,web=4,code=1 --out run/train --train-iters 600\n"
      "          corollary train --data run/pack --mixture web=1 --out more --init-from run/train/final --learning-rate 1e-4\n"
      "          mpirun -n 4 corollary train --data run/pack --mixture web=1 --out split --tensor-parallel 2\n"
      "          corollary train --plan --vocab-size 8192 --hidden-size 512 --num-hidden-layers 10 --num-attention-heads 8");
  command->callback([arguments, command] { run_train(*arguments, *command); });
}

}  // namespace corollary
