#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/corpus_commands.h"

namespace corollary {

void add_corpus_command(CLI::App& app) {
  CLI::App* corpus = app.add_subcommand("corpus", "Build a mathematical corpus: fetch, build, stats, dedup");
  corpus->require_subcommand(1);
  add_corpus_fetch_command(*corpus);
  add_corpus_build_command(*corpus);
  add_corpus_status_command(*corpus);
  add_corpus_stats_command(*corpus);
  add_corpus_dedup_command(*corpus);
  add_corpus_mix_command(*corpus);
  add_corpus_arxiv_metadata_command(*corpus);
  add_corpus_language_commands(*corpus);
  add_corpus_extraction_quality_command(*corpus);
  corpus->footer(
      "Example:\n  corollary corpus fetch --recipe recipes/quickstart --out runs/q/fetch\n"
      "  corollary corpus build --fetch runs/q/fetch --out runs/q/corpus\n  corollary corpus stats runs/q/corpus");
}

}  // namespace corollary
