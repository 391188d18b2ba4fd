#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/flags.h"
#include "base/log.h"
#include "cli/commands.h"
#include "explore/overlap.h"

namespace corollary {
namespace {

std::string percent(std::int64_t correct, std::int64_t of) {
  return of > 0 ? fmt::format("{:.2f}", 100.0 * static_cast<double>(correct) / static_cast<double>(of)) : "-";
}

void add_scan(CLI::App& overlap) {
  struct Options {
    OverlapConfig config;
    std::string corpus, out;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* scan = overlap.add_subcommand("scan", "Find the n-grams of test items or generations in a corpus");
  add_flags(*scan, options->config);
  scan->get_option("--tests")->required();
  scan->add_option("--corpus", options->corpus, "Folder of .jsonl[.zst|.gz] files, or one")->required();
  scan->add_option("--out", options->out, "Folder for hits_N.jsonl and overlap.json")->required();
  scan->add_flag("--json", options->as_json, "Print JSON");
  scan->footer(
      "Example:\n  corollary overlap scan --tests math/test.jsonl --key problem --ngrams 20 30 --corpus runs/q/corpus/web --out "
      "overlap/math_problem");
  scan->callback([options] {
    Json rows = Json::array();
    for (const OverlapSummary& at : scan_overlap(options->config, options->corpus, options->out))
      rows.push_back({{"ngram", at.n},
                      {"examples", at.examples},
                      {"documents", at.documents},
                      {"lines", at.lines},
                      {"published_examples", at.published_examples}});
    if (options->as_json) {
      std::cout << rows.dump(2) << "\n";
      return;
    }
    std::cout << fmt::format("{:>6} {:>10} {:>10} {:>8} {:>24}\n", "n", "examples", "documents", "lines", "examples (last match)");
    for (const Json& row : rows)
      std::cout << fmt::format("{:>6} {:>10} {:>10} {:>8} {:>24}\n",
                               row["ngram"].get<std::int64_t>() < 0 ? "full" : row["ngram"].dump(),
                               row["examples"].get<std::int64_t>(), row["documents"].get<std::int64_t>(),
                               row["lines"].get<std::int64_t>(), row["published_examples"].get<std::int64_t>());
  });
}

void add_accuracy(CLI::App& overlap) {
  struct Options {
    OverlapConfig config;
    std::vector<std::string> folders;
    std::string scores;
    std::int64_t n = 30;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* accuracy = overlap.add_subcommand("accuracy", "A model's accuracy on items with and without hits, by level");
  accuracy->add_option("--tests", options->config.tests, "The test items, as given to scan")->required();
  accuracy->add_option("--key", options->config.key, "The field scan compared")->capture_default_str();
  accuracy->add_option("--hits", options->folders, "Folders scan wrote: an item with a hit in any of them is a hit")->required();
  accuracy->add_option("--n", options->n, "Length of n-gram")->capture_default_str();
  accuracy->add_option("--scores", options->scores, "JSON Lines in the items' order, each with \"correct\"")->required();
  accuracy->add_flag("--json", options->as_json, "Print JSON");
  accuracy->footer(
      "Example:\n  corollary overlap accuracy --tests math/test.jsonl --hits overlap/problem overlap/solution --scores "
      "math_34b.jsonl");
  accuracy->callback([options] {
    const auto table =
        overlap_accuracy(options->config, {options->folders.begin(), options->folders.end()}, options->n, options->scores);
    if (options->as_json) {
      Json rows = Json::array();
      for (const OverlapAccuracy& at : table)
        rows.push_back({{"level", at.level},
                        {"hits", at.hits},
                        {"correct_hits", at.correct_hits},
                        {"others", at.others},
                        {"correct_others", at.correct_others}});
      std::cout << rows.dump(2) << "\n";
      return;
    }
    std::cout << fmt::format("{:<12} {:>8} {:>12} {:>8}\n", "level", "hit %", "non-hit %", "hits");
    for (const OverlapAccuracy& at : table)
      std::cout << fmt::format("{:<12} {:>8} {:>12} {:>8}\n", at.level, percent(at.correct_hits, at.hits),
                               percent(at.correct_others, at.others), at.hits);
  });
}

}  // namespace

void add_overlap_command(CLI::App& app) {
  CLI::App* overlap = app.add_subcommand("overlap", "N-gram overlap between a corpus and test sets or generations");
  overlap->require_subcommand(1);
  add_scan(*overlap);
  add_accuracy(*overlap);
  overlap->footer(
      "Example:\n  corollary overlap scan --tests math/test.jsonl --key problem --corpus corpus/web --out overlap/math_problem");
}

}  // namespace corollary
