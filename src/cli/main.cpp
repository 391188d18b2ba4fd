#include <cstdio>
#include <exception>

#include "base/error.h"
#include "base/log.h"
#include "base/manifest.h"
#include "base/stop.h"
#include "base/threads.h"
#include "cli/bench_train.h"
#include "cli/commands.h"

namespace corollary {
namespace {

constexpr int kDone = 0, kFailed = 1, kBadUsage = 2;

/// Sets up `app`: global flags take effect before any subcommand's callback, wherever they stand on the line.
void add_global_flags(CLI::App& app) {
  app.set_version_flag("--version", "corollary " + program_version());
  app.add_option_function<int>(
         "--threads", [](int n) { set_num_threads(n); }, "threads to use; default $COROLLARY_THREADS, else all CPUs")
      ->check(CLI::Range(1, 1024));
  app.add_flag_callback(
      "-v,--verbose", [] { set_log_level(LogLevel::debug); }, "log details");
  app.add_flag_callback(
      "-q,--quiet", [] { set_log_level(LogLevel::warning); }, "log warnings and errors only");
  app.fallthrough();
  app.require_subcommand(1);
  app.footer("Example: corollary doctor\nEach subcommand has its own --help.");
}

int run(int argc, char** argv) {
  CLI::App app("Builds a mathematical corpus, trains a language model on it, and measures what came out.", "corollary");
  add_global_flags(app);
  add_run_command(app);
  add_corpus_command(app);
  add_tokenizer_command(app);
  add_train_command(app);
  add_model_command(app);
  add_generate_command(app);
  add_eval_command(app);
  add_overlap_command(app);
  add_report_command(app);
  add_bench_command(app);
  add_doctor_command(app);
  add_train_speed_command(app);
  add_kernel_speed_command(app);
  if (argc == 1) {
    std::fputs(app.help().c_str(), stderr);
    return kBadUsage;
  }
  try {
    app.parse(argc, argv);
    return kDone;
  } catch (const CLI::ParseError& error) {
    const bool asked_for_help = error.get_exit_code() == 0;
    app.exit(error);
    return asked_for_help ? kDone : kBadUsage;
  }
}

}  // namespace
}  // namespace corollary

int main(int argc, char** argv) {
  corollary::install_stop_handler();
  try {
    return corollary::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return corollary::kFailed;
  }
}
