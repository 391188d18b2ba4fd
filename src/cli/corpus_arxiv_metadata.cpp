#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/log.h"
#include "cli/corpus_commands.h"
#include "corpus/papers/arxiv_metadata.h"

namespace corollary {

void add_corpus_arxiv_metadata_command(CLI::App& corpus) {
  struct Options {
    std::string snapshot, out;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      corpus.add_subcommand("arxiv-metadata", "Make arXiv's metadata snapshot a lookup file: licences and categories of papers");
  command->add_option("snapshot", options->snapshot, "JSON Lines with id, license, categories, title; plain, .gz or .zst")
      ->required();
  command->add_option("--out", options->out, "The lookup file, for [corpus] arxiv_metadata")->required();
  command->add_flag("--json", options->as_json, "Print the counts as JSON");
  command->footer("Example:\n  corollary corpus arxiv-metadata arxiv-metadata-oai-snapshot.json --out data/arxiv.lookup");
  command->callback([options] {
    const ArxivMetadataCounts counts = build_arxiv_metadata(options->snapshot, options->out);
    if (options->as_json)
      std::cout << Json{{"papers", counts.papers}, {"unreadable_lines", counts.unreadable_lines}}.dump(2) << "\n";
    else
      log_info("{}: {} papers, {} lines were none", options->out, counts.papers, counts.unreadable_lines);
  });
}

}  // namespace corollary
