#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/log.h"
#include "cli/corpus_commands.h"
#include "corpus/stats.h"
#include "explore/corpus_page.h"
#include "tokenizer/tokenizer.h"

namespace corollary {
namespace {

std::string tokens_of(std::int64_t tokens) { return tokens < 0 ? "-" : format_count(static_cast<double>(tokens)); }

void print_rows(const std::vector<CorpusStats>& rows) {
  const auto line = [](const std::string& subset, const std::string& language, const std::string& split,
                       const std::string& documents, const std::string& bytes, const std::string& tokens, const std::string& median,
                       const std::string& longest) {
    std::cout << fmt::format("{:<8} {:<18} {:<11} {:>10} {:>10} {:>9} {:>9} {:>9}\n", subset, language, split, documents, bytes,
                             tokens, median, longest);
  };
  const auto row = [&](const CorpusStats& at) {
    line(at.subset, at.language, at.split, std::to_string(at.documents), format_bytes(static_cast<double>(at.bytes)),
         tokens_of(at.tokens), format_bytes(static_cast<double>(at.lengths.quantile(0.5))),
         format_bytes(static_cast<double>(at.lengths.most())));
  };
  line("subset", "language", "split", "documents", "text", "tokens", "median", "longest");
  std::map<std::pair<std::string, std::string>, CorpusStats> sums;
  for (const CorpusStats& at : rows) {
    row(at);
    CorpusStats& sum = sums[{at.subset, at.split}];
    sum.documents += at.documents;
    sum.bytes += at.bytes;
    if (at.tokens >= 0) sum.tokens = std::max<std::int64_t>(sum.tokens, 0) + at.tokens;
    sum.lengths.add(at.lengths);
  }
  std::cout << "\n";
  for (auto& [key, sum] : sums) {
    sum.subset = key.first, sum.language = "all", sum.split = key.second;
    row(sum);
  }
}

void print_report(const CorpusReport& report) {
  print_rows(report.rows);
  std::cout << fmt::format("\n{:<8} {:<48} {:>10} {:>10}\n", "subset", "largest origins", "documents", "text");
  std::map<std::string, int> shown;
  for (const auto& at : report.origins)
    if (++shown[at.subset] <= 5)
      std::cout << fmt::format("{:<8} {:<48} {:>10} {:>10}\n", at.subset, at.name.substr(0, 48), at.documents,
                               format_bytes(static_cast<double>(at.bytes)));
  if (report.rejected.empty()) return;
  std::cout << fmt::format("\n{:<32} {:>10}\n", "rejected because", "records");
  for (const auto& [reason, n] : report.rejected) std::cout << fmt::format("{:<32} {:>10}\n", reason, n);
}

}  // namespace

void add_corpus_stats_command(CLI::App& corpus) {
  struct Options {
    std::string folder, tokenizer, page;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* stats = corpus.add_subcommand("stats", "What a corpus holds: documents, bytes, tokens, lengths, origins, rejections");
  stats->add_option("folder", options->folder, "Corpus folder, or one .jsonl[.zst|.gz] file")->required();
  stats->add_option("--tokenizer", options->tokenizer,
                    "Count tokens with this: a tokenizer.model, tokenizer.json or a folder with one");
  stats->add_option("--html", options->page, "Also write a page with plots to this file");
  stats->add_flag("--json", options->as_json, "Print JSON");
  stats->footer(
      "Example:\n  corollary corpus stats runs/quickstart/corpus\n"
      "  corollary corpus stats runs/quickstart/corpus --tokenizer runs/quickstart/tokenizer --html corpus.html");
  stats->callback([options] {
    std::optional<Tokenizer> tokenizer;
    if (!options->tokenizer.empty()) tokenizer = Tokenizer::load(options->tokenizer);
    std::function<std::int64_t(std::string_view)> count_tokens;
    if (tokenizer)
      count_tokens = [&](std::string_view text) {
        thread_local TokenBuffer ids;
        ids.clear();
        tokenizer->encode(text, ids);
        return static_cast<std::int64_t>(ids.size());
      };
    const CorpusReport report = corpus_stats(options->folder, count_tokens);
    if (!options->page.empty()) write_file(options->page, corpus_page(corpus_stats_to_json(report), options->folder));
    if (options->as_json)
      std::cout << corpus_stats_to_json(report).dump(2) << "\n";
    else
      print_report(report);
  });
}

}  // namespace corollary
