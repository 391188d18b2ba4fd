#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/flags.h"
#include "cli/commands.h"
#include "explore/report.h"

namespace corollary {

/// corollary report RUN_FOLDER [--out DIR]: writes the page of a run again, after a change of title or of the page itself.
void add_report_command(CLI::App& app) {
  struct Options {
    std::string run_folder, out;
    ReportConfig config;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("report", "Write the report of a run again: report.html and report.json");
  command->add_option("run_folder", options->run_folder, "what corollary run wrote, e.g. runs/quickstart")->required();
  command->add_option("--out", options->out, "folder to write to (default: RUN_FOLDER/report)");
  add_flags(*command, options->config);
  command->footer("Example:\n  corollary report runs/quickstart --title \"First run\"");
  command->callback([options] {
    const fs::path run_folder = options->run_folder;
    const fs::path out = options->out.empty() ? run_folder / "report" : fs::path(options->out);
    render_report(options->config, run_folder, out);
    std::printf("%s\n", (out / "report.html").c_str());
  });
}

}  // namespace corollary
