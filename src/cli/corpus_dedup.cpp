#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/flags.h"
#include "cli/corpus_commands.h"
#include "cli/stage_command.h"
#include "corpus/dedup/dedup_folder.h"

namespace corollary {

void add_corpus_dedup_command(CLI::App& corpus) {
  struct Options {
    std::string in, out;
    DedupConfig config;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  options->config.chunks.clear();  // files from elsewhere seldom say which of their documents are code,
  options->config.near = {"*"};    // so everything is compared with everything
  options->config.near_scope = "all";
  CLI::App* dedup = corpus.add_subcommand("dedup", "Drop documents that repeat earlier ones from any JSON Lines files");
  dedup->add_option("--in", options->in, "Folder of .jsonl, .jsonl.zst or .jsonl.gz files, lines {\"text\": ..., \"meta\": {...}}")
      ->required();
  dedup->add_option("--out", options->out, "Folder for the same files without repetitions, and rejected.jsonl")->required();
  add_flags(*dedup, options->config);
  dedup->add_flag("--json", options->as_json, "Print the counts as JSON");
  dedup->footer(
      "Lists name subsets (meta.subset) or SUBSET/LANGUAGE; '*' is all, --near '' none. The first of equals in order of paths and\n"
      "lines stays.\nExample:\n  corollary corpus dedup --in pages --out unique --memory-bytes 4000000000");
  dedup->callback(
      [options] { say_stage_result(dedup_folder(options->config, options->in, options->out), options->out, options->as_json); });
}

}  // namespace corollary
