#pragma once
#include <CLI/CLI.hpp>

namespace corollary {

// Each adds one subcommand with its flags, an example in its footer, and a callback that does the work: results to stdout or files,
// logs to stderr, corollary::Error on failure. One file per subcommand: cli/bench.cpp, cli/doctor.cpp, ...
void add_bench_command(CLI::App& app);
void add_corpus_command(CLI::App& app);
void add_doctor_command(CLI::App& app);
void add_eval_command(CLI::App& app);
void add_generate_command(CLI::App& app);
void add_model_command(CLI::App& app);
void add_overlap_command(CLI::App& app);
void add_report_command(CLI::App& app);
void add_run_command(CLI::App& app);
void add_tokenizer_command(CLI::App& app);
void add_train_command(CLI::App& app);

}  // namespace corollary
