#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/fields.h"
#include "base/flags.h"
#include "cli/corpus_commands.h"
#include "cli/stage_command.h"
#include "corpus/build.h"

namespace corollary {

void add_corpus_build_command(CLI::App& corpus) {
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

}  // namespace corollary
