#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <memory>

#include "base/flags.h"
#include "cli/commands.h"
#include "eval/bits_per_byte.h"

namespace corollary {
namespace {

struct Options {
  std::string model, data, tokenizer;
  bool as_json = false;
  EvaluateConfig config;
};

void perplexity(const Options& options) {
  const EvaluationTexts set = read_evaluation_texts(options.data, options.config.max_bytes_per_subset);
  const LanguageModel model = load_language_model(options.model, options.config.precision, options.tokenizer);
  const Likelihood likelihood = measure_likelihood(model, set.texts, options.config);
  const double bits = likelihood.bits_per_byte(), nats = likelihood.nats_per_token();
  if (options.as_json) {
    const Json json = {{"bits_per_byte", bits},
                       {"nats_per_token", nats},
                       {"perplexity_per_token", std::exp(nats)},
                       {"perplexity_per_byte", std::exp2(bits)},
                       {"documents", set.texts.size()},
                       {"rejected", set.rejected},
                       {"tokens", likelihood.tokens},
                       {"bytes", likelihood.bytes}};
    std::fputs((json.dump(2) + "\n").c_str(), stdout);
    return;
  }
  fmt::print("{:.4f} bits per byte, {:.4f} nats per token (perplexity {:.2f} per token, {:.4f} per byte)\n", bits, nats,
             std::exp(nats), std::exp2(bits));
  fmt::print("{} documents, {} tokens, {} bytes, {} lines left out\n", set.texts.size(), likelihood.tokens, likelihood.bytes,
             set.rejected);
}

}  // namespace

void add_eval_command(CLI::App& app) {
  CLI::App* eval = app.add_subcommand("eval", "Measure a model");
  eval->require_subcommand(1);
  eval->footer(
      "Example:\n  corollary eval perplexity --model runs/quickstart/train/final --data runs/quickstart/corpus/web/test.jsonl.zst");

  const auto options = std::make_shared<Options>();
  options->config.max_bytes_per_subset = 0;
  CLI::App* command = eval->add_subcommand("perplexity", "How well a model predicts texts: bits per byte, perplexity");
  command->add_option("--model", options->model, "Hugging Face folder")->required();
  command->add_option("--data", options->data, "JSON Lines with a \"text\" in each, .zst and .gz too")->required();
  command->add_option("--tokenizer", options->tokenizer, "file or folder (default: the model's own)");
  add_flags(*command, options->config);
  command->add_flag("--json", options->as_json, "print JSON");
  command->footer(
      "Every token of every document is scored once; a document begins with the start token (docs/formats/results.md).\n"
      "Example:\n  corollary eval perplexity --model runs/quickstart/train/final --data runs/quickstart/corpus/web/test.jsonl.zst");
  command->callback([options] { perplexity(*options); });
}

}  // namespace corollary
