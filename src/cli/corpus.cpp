#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/fields.h"
#include "base/flags.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/stage_command.h"
#include "corpus/build.h"
#include "corpus/fetch.h"
#include "corpus/stats.h"

namespace corollary {
namespace {

void add_fetch(CLI::App& corpus) {
  struct Options {
    std::string recipe, out;
    SourceConfig source;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* fetch_command = corpus.add_subcommand("fetch", "Bring the sources of a recipe to this machine, verified");
  auto* recipe = fetch_command->add_option("--recipe", options->recipe, "Recipe folder or file, for its [[sources]]");
  fetch_command->add_option("--out", options->out, "Folder for sources.json and manifest.json")->required();
  auto* one = fetch_command->add_option_group("one source", "Instead of a recipe");
  add_flags(*one, options->source);
  fetch_command->add_flag("--json", options->as_json, "Print the counts as JSON");
  fetch_command->footer(
      "Example:\n  corollary corpus fetch --recipe recipes/quickstart --out runs/quickstart/fetch\n"
      "  corollary corpus fetch --subset papers --language tex --uri ~/thesis --glob '*.tex' --out runs/mine/fetch");
  fetch_command->callback([options, recipe] {
    FetchConfig config;
    if (recipe->count() > 0)
      fields_from_json(config, {{"sources", recipe_table(options->recipe, "sources")}}, options->recipe);
    else
      config.sources = {options->source};
    say_stage_result(fetch(config, options->out), options->out, options->as_json);
  });
}

void add_build(CLI::App& corpus) {
  struct Options {
    std::string recipe, fetched, out;
    CorpusConfig config;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* build = corpus.add_subcommand("build", "Extract, filter, deduplicate and split fetched sources into documents");
  // First, so that flags override what the recipe says.
  build->add_option("--recipe", options->recipe, "Recipe folder or file, for its [corpus] table; flags override it")
      ->trigger_on_parse()
      ->each([options](const std::string& path) {
        if (const Json table = recipe_table(path, "corpus"); !table.is_null())
          fields_from_json(options->config, table, path + " [corpus]");
      });
  build->add_option("--fetch", options->fetched, "Folder a fetch wrote")->required();
  build->add_option("--out", options->out, "Folder for the documents")->required();
  add_flags(*build, options->config);
  build->add_flag("--json", options->as_json, "Print the counts as JSON");
  build->footer("Example:\n  corollary corpus build --fetch runs/quickstart/fetch --out runs/quickstart/corpus");
  build->callback(
      [options] { say_stage_result(build_corpus(options->config, options->fetched, options->out), options->out, options->as_json); });
}

void print_table(const std::vector<CorpusStats>& rows) {
  const auto line = [](const std::string& subset, const std::string& language, const std::string& split,
                       const std::string& documents, const std::string& bytes) {
    std::cout << fmt::format("{:<8} {:<18} {:<11} {:>10} {:>10}\n", subset, language, split, documents, bytes);
  };
  line("subset", "language", "split", "documents", "bytes");
  std::map<std::pair<std::string, std::string>, CorpusStats> sums;
  const auto row = [&](const CorpusStats& at) {
    line(at.subset, at.language, at.split, std::to_string(at.documents), format_bytes(static_cast<double>(at.bytes)));
  };
  for (const CorpusStats& at : rows) {
    row(at);
    CorpusStats& sum = sums[{at.subset, at.split}];
    sum.documents += at.documents;
    sum.bytes += at.bytes;
  }
  std::cout << "\n";
  for (auto& [key, sum] : sums) {
    sum.subset = key.first, sum.language = "all", sum.split = key.second;
    row(sum);
  }
}

void add_stats(CLI::App& corpus) {
  struct Options {
    std::string folder;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* stats = corpus.add_subcommand("stats", "Documents and bytes by subset, language and split");
  stats->add_option("folder", options->folder, "Corpus folder, or one .jsonl[.zst|.gz] file")->required();
  stats->add_flag("--json", options->as_json, "Print JSON");
  stats->footer("Example:\n  corollary corpus stats runs/quickstart/corpus");
  stats->callback([options] {
    const std::vector<CorpusStats> rows = corpus_stats(options->folder);
    if (!options->as_json) return print_table(rows);
    Json list = Json::array();
    for (const CorpusStats& at : rows)
      list.push_back({{"subset", at.subset},
                      {"language", at.language},
                      {"split", at.split},
                      {"documents", at.documents},
                      {"bytes", at.bytes}});
    std::cout << list.dump(2) << "\n";
  });
}

}  // namespace

void add_corpus_command(CLI::App& app) {
  CLI::App* corpus = app.add_subcommand("corpus", "Build a mathematical corpus: fetch, build, stats");
  corpus->require_subcommand(1);
  add_fetch(*corpus);
  add_build(*corpus);
  add_stats(*corpus);
  corpus->footer(
      "Example:\n  corollary corpus fetch --recipe recipes/quickstart --out runs/q/fetch\n"
      "  corollary corpus build --fetch runs/q/fetch --out runs/q/corpus\n  corollary corpus stats runs/q/corpus");
}

}  // namespace corollary
