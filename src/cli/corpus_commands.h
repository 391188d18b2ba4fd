#pragma once
#include <CLI/CLI.hpp>

namespace corollary {

/// The subcommands of `corollary corpus`, each in a file of its own: corpus_NAME.cpp.
void add_corpus_arxiv_metadata_command(CLI::App& corpus);
void add_corpus_build_command(CLI::App& corpus);
void add_corpus_dedup_command(CLI::App& corpus);
void add_corpus_extraction_quality_command(CLI::App& corpus);
void add_corpus_fetch_command(CLI::App& corpus);
void add_corpus_mix_command(CLI::App& corpus);
void add_corpus_status_command(CLI::App& corpus);
/// train-classifier, train-mathscore, train-lm, classify.
void add_corpus_language_commands(CLI::App& corpus);
void add_corpus_stats_command(CLI::App& corpus);

}  // namespace corollary
