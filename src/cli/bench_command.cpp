#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "cli/bench.h"
#include "cli/bench_corpus_filters.h"
#include "cli/bench_corpus_html.h"
#include "cli/bench_corpus_latex.h"
#include "cli/bench_corpus_minhash.h"
#include "cli/bench_corpus_ngrams.h"
#include "cli/bench_corpus_notebook.h"
#include "cli/bench_corpus_pack.h"
#include "cli/bench_corpus_warc.h"
#include "cli/bench_tokenizer.h"
#include "cli/bench_train.h"
#include "cli/commands.h"

namespace corollary {
namespace {

struct BenchArguments {
  std::string filter = "*", data;
  bool json = false;
};

void run_bench(const BenchArguments& arguments) {
  const auto is_wanted = [&](const std::string& name) {
    return glob_match(arguments.filter, name) || name.find(arguments.filter) != std::string::npos;
  };
  std::int64_t shown = 0;
  const auto show = [&](const std::vector<BenchRow>& rows) {
    for (const BenchRow& row : rows) {
      ++shown;
      const Json json = bench_row_to_json(row);
      if (arguments.json) {
        std::printf("%s\n", to_line(json).c_str());
      } else {
        const std::string ratio =
            json["ratio"].is_null() ? "" : fmt::format(": {:.2f} times {:.4g}", row.ours / row.peer_value, row.peer_value);
        std::printf("%-22s %12.4g %-9s %s (%s)\n", row.name.c_str(), row.ours, row.unit.c_str(), ratio.c_str(), row.peer.c_str());
      }
      std::fflush(stdout);
    }
  };
  if (is_wanted("tokenizer.encode")) show(bench_tokenizer(arguments.data));
  show(bench_corpus_filters(arguments.data, is_wanted));
  if (is_wanted("corpus.html")) show(bench_corpus_html(arguments.data));
  if (is_wanted("corpus.latex")) show(bench_corpus_latex());
  if (is_wanted("corpus.minhash")) show(bench_corpus_minhash(arguments.data));
  if (is_wanted("corpus.ngram_scan")) show(bench_corpus_ngrams(arguments.data));
  if (is_wanted("corpus.notebook")) show(bench_corpus_notebook(arguments.data));
  if (is_wanted("corpus.pack")) show(bench_corpus_pack(arguments.data));
  if (is_wanted("corpus.warc_prefilter")) show(bench_corpus_warc(arguments.data));
  show(bench_train(is_wanted));
  check(shown > 0, "no benchmark matches --filter ", arguments.filter,
        ": there are tokenizer.encode, corpus.filters, corpus.html, corpus.latex, "
        "corpus.minhash, corpus.ngram_scan, corpus.notebook, corpus.pack, corpus.warc_prefilter, train.cpu.quickstart, "
        "train.cpu.40m, "
        "and where there is a GPU train.cuda.7b, train.cuda.1b, train.cuda.350m");
}

}  // namespace

void add_bench_command(CLI::App& app) {
  auto arguments = std::make_shared<BenchArguments>();
  CLI::App* command = app.add_subcommand("bench", "Our hot paths beside their peers, in turn on the same input, as ratios");
  command->add_option("--filter", arguments->filter, "rows whose name holds or matches this")->capture_default_str();
  command->add_option("--data", arguments->data, "text to encode: a folder or a .jsonl[.zst|.gz] file");
  command->add_flag("--json", arguments->json, "one JSON object a line: name, unit, ours, peer, peer_value, ratio, share_of_peak");
  command->footer("Example: corollary bench --filter tokenizer --json");
  command->callback([arguments] { run_bench(*arguments); });
}

}  // namespace corollary
