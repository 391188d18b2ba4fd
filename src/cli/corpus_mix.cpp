#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fields.h"
#include "base/flags.h"
#include "base/log.h"
#include "cli/corpus_commands.h"
#include "cli/stage_command.h"
#include "corpus/mix.h"

namespace corollary {
namespace {

MixPart parse_part(const std::string& text) {
  const auto equals = text.find('=');
  MixPart part{text.substr(0, equals), 0};
  if (equals != std::string::npos) {
    char* end = nullptr;
    part.weight = std::strtod(text.c_str() + equals + 1, &end);
    if (*end != '\0') part.weight = 0;
  }
  check(part.weight > 0, "--weight must be SUBSET=WEIGHT with a weight above 0, is ", text);
  return part;
}

}  // namespace

void add_corpus_mix_command(CLI::App& corpus) {
  struct Options {
    std::string recipe, corpus, out;
    std::vector<std::string> weights;
    MixConfig config;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* mix =
      corpus.add_subcommand("mix", "A mixture of the subsets: what each gives, and (--out) its documents in random order");
  mix->add_option("--corpus", options->corpus, "Corpus folder: SUBSET/train.jsonl.zst or SUBSET/train/*.jsonl.zst")->required();
  mix->add_option("--recipe", options->recipe, "Recipe folder or file, for its [[mixture]]");
  mix->add_option("--weight", options->weights, "SUBSET=WEIGHT, instead of a recipe; may be given several times");
  mix->add_option("--out", options->out, "Folder for mixed-00000.jsonl.zst ...; without it only the shares are printed");
  add_flags(*mix, options->config);
  mix->add_flag("--json", options->as_json, "Print JSON");
  mix->footer(
      "Example:\n  corollary corpus mix --corpus runs/quickstart/corpus --weight papers=2 --weight web=4 --weight code=1 --bytes "
      "40000000 --out mixed");
  mix->callback([options] {
    MixConfig& config = options->config;
    if (!options->recipe.empty()) fields_from_json(config, {{"parts", recipe_table(options->recipe, "mixture")}}, options->recipe);
    if (!options->weights.empty()) config.parts.clear();
    for (const std::string& weight : options->weights) config.parts.push_back(parse_part(weight));
    if (!options->out.empty())
      return say_stage_result(mix_corpus(config, options->corpus, options->out), options->out, options->as_json);
    Json rows = Json::array();
    for (const MixShare& share : mix_shares(config, options->corpus))
      rows.push_back({{"subset", share.subset},
                      {"documents", share.documents},
                      {"bytes", share.bytes},
                      {"taken_bytes", share.taken_bytes},
                      {"epochs", share.epochs}});
    if (options->as_json) {
      std::cout << rows.dump(2) << "\n";
      return;
    }
    std::cout << fmt::format("{:<10} {:>10} {:>10} {:>10} {:>7}\n", "subset", "documents", "text", "taken", "epochs");
    for (const Json& row : rows)
      std::cout << fmt::format("{:<10} {:>10} {:>10} {:>10} {:>7.2f}\n", row["subset"].get<std::string>(),
                               row["documents"].get<std::int64_t>(), format_bytes(row["bytes"].get<double>()),
                               format_bytes(row["taken_bytes"].get<double>()), row["epochs"].get<double>());
  });
}

}  // namespace corollary
