#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/fields.h"
#include "base/flags.h"
#include "cli/corpus_commands.h"
#include "cli/recipe_file.h"
#include "cli/stage_command.h"
#include "corpus/sources/fetch.h"

namespace corollary {

void add_corpus_fetch_command(CLI::App& corpus) {
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
    if (recipe->count() > 0) {
      fields_from_json(config, {{"sources", recipe_table(options->recipe, "sources")}}, options->recipe);
      config.sources = select_sources(std::move(config.sources), find_recipe_file(options->recipe).parent_path());
    } else {
      config.sources = select_sources({options->source}, ".");
    }
    say_stage_result(fetch(config, options->out), options->out, options->as_json);
  });
}

}  // namespace corollary
