#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/log.h"
#include "cli/corpus_commands.h"
#include "corpus/stats.h"

namespace corollary {
namespace {

void print_table(const std::vector<CorpusStats>& rows) {
  const auto line = [](const std::string& subset, const std::string& language, const std::string& split,
                       const std::string& documents, const std::string& bytes) {
    std::cout << fmt::format("{:<8} {:<18} {:<11} {:>10} {:>10}\n", subset, language, split, documents, bytes);
  };
  line("subset", "language", "split", "documents", "bytes");
  std::map<std::pair<std::string, std::string>, CorpusStats> sums;
  const auto row = [&](const CorpusStats& at) {
    line(at.subset, at.language, at.split, std::to_string(at.documents), format_bytes(static_cast<double>(at.bytes)));
  };
  for (const CorpusStats& at : rows) {
    row(at);
    CorpusStats& sum = sums[{at.subset, at.split}];
    sum.documents += at.documents;
    sum.bytes += at.bytes;
  }
  std::cout << "\n";
  for (auto& [key, sum] : sums) {
    sum.subset = key.first, sum.language = "all", sum.split = key.second;
    row(sum);
  }
}

}  // namespace

void add_corpus_stats_command(CLI::App& corpus) {
  struct Options {
    std::string folder;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* stats = corpus.add_subcommand("stats", "Documents and bytes by subset, language and split");
  stats->add_option("folder", options->folder, "Corpus folder, or one .jsonl[.zst|.gz] file")->required();
  stats->add_flag("--json", options->as_json, "Print JSON");
  stats->footer("Example:\n  corollary corpus stats runs/quickstart/corpus");
  stats->callback([options] {
    const std::vector<CorpusStats> rows = corpus_stats(options->folder);
    if (!options->as_json) return print_table(rows);
    Json list = Json::array();
    for (const CorpusStats& at : rows)
      list.push_back({{"subset", at.subset},
                      {"language", at.language},
                      {"split", at.split},
                      {"documents", at.documents},
                      {"bytes", at.bytes}});
    std::cout << list.dump(2) << "\n";
  });
}

}  // namespace corollary
