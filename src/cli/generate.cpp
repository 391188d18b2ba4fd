#include "infer/generate.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/flags.h"
#include "cli/commands.h"

namespace corollary {
namespace {

struct Options {
  std::string model, prompt, tokenizer, precision = "stored";
  std::int64_t max_new_tokens = 256, samples = 1;
  bool as_json = false;
  SamplingConfig sampling;
};

void run(const Options& options) {
  check_sampling(options.sampling);
  const LanguageModel model = load_language_model(options.model, options.precision, options.tokenizer);
  for (std::int64_t sample = 0; sample < options.samples; ++sample) {
    const auto print = [](std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
    };
    const auto on_text = options.as_json ? std::function<void(std::string_view)>() : print;
    const Generation generation =
        generate(model, options.prompt, options.max_new_tokens, options.sampling, static_cast<std::uint64_t>(sample), on_text);
    if (options.as_json)
      print(to_line({{"prompt", options.prompt},
                     {"completion", generation.text},
                     {"seed", options.sampling.seed},
                     {"sample", sample},
                     {"finish", name_of(generation.finish)},
                     {"prompt_tokens", generation.prompt_tokens},
                     {"completion_tokens", generation.tokens.size()}}));
    print("\n");
    if (generation.finish == Finish::stopped) break;
  }
}

}  // namespace

void add_generate_command(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("generate", "Continue a prompt: prints the completion as it comes");
  command->add_option("--model", options->model, "Hugging Face folder")->required();
  command->add_option("--prompt", options->prompt, "text to continue; empty: begin a text");
  command->add_option("--tokenizer", options->tokenizer, "file or folder (default: the model's own)");
  command->add_option("--max-new-tokens", options->max_new_tokens, "most tokens of a completion")->capture_default_str();
  command->add_option("--samples", options->samples, "completions of the same prompt")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--precision", options->precision, "to compute in")
      ->check(CLI::IsMember({"stored", "fp32", "bf16", "auto"}))
      ->capture_default_str();
  add_flags(*command, options->sampling);
  command->add_flag("--json", options->as_json, "one JSON object a completion, when it is whole");
  command->footer(
      "Example:\n  corollary generate --model runs/quickstart/train/final --prompt \"Theorem add_comm :\" --temperature 0.7");
  command->callback([options] { run(*options); });
}

}  // namespace corollary
