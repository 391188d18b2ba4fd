#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/corpus_commands.h"
#include "cli/web_pages.h"
#include "corpus/web/formula_similarity.h"
#include "corpus/web/html_text.h"

namespace corollary {
namespace {

struct Truth {
  std::vector<std::string> formulas;
  std::string text;
};

std::map<std::string, Truth> read_truth(const fs::path& path) {
  std::map<std::string, Truth> truths;
  LineReader lines(path);
  while (const auto line = lines.next()) {
    const Json page = parse_json(*line, path.string());
    Truth truth;
    truth.text = page.value("text", "");
    truth.formulas = in_page_order(truth.text, page.value("display_formulas", std::vector<std::string>()),
                                   page.value("inline_formulas", std::vector<std::string>()));
    truths.emplace(page.value("url", ""), std::move(truth));
  }
  return truths;
}

struct Score {
  std::string url;
  std::int64_t expected = 0, found = 0, common = 0;
  double similarity = 0;  ///< of normalised formulas, ours outside lists, tables and headings but for displays
  double strict = 0;      ///< of all our formulas, without white space only
  double words = 0;       ///< F1
};

Score compare(const std::string& url, const Truth& truth, const std::string& text) {
  Score score{.url = url};
  const auto all = formulas_in(text), prose = formulas_in(without_lists_and_tables(text));
  score.expected = static_cast<std::int64_t>(truth.formulas.size());
  score.found = static_cast<std::int64_t>(prose.size());
  score.common = formulas_in_common(truth.formulas, prose);
  score.similarity = edit_similarity(joined_formulas(truth.formulas), joined_formulas(prose));
  score.strict = edit_similarity(joined_formulas(truth.formulas, plain_formula), joined_formulas(all, plain_formula));
  score.words = word_score(truth.text, text).f1;
  return score;
}

struct Quality {
  std::vector<Score> pages;
  MathCounts kept{}, present{};
};

Quality measure(const std::vector<std::string>& warcs, const std::string& truth_path, const std::string& texts) {
  const auto truths = truth_path.empty() ? std::map<std::string, Truth>() : read_truth(truth_path);
  Quality quality;
  int number = 0;
  for (const std::string& warc : warcs) {
    for (const WebPage& page : read_web_pages(warc)) {
      HtmlOptions options;
      options.http_charset = page.http_charset;
      const HtmlText text = html_to_text(page.html, options);
      options.removes_boilerplate = false;
      const HtmlText whole = html_to_text(page.html, options);
      for (std::size_t i = 0; i < kMathSources; ++i) {
        quality.kept[i] += text.formulas_by_source[i];
        quality.present[i] += whole.formulas_by_source[i];
      }
      if (!texts.empty())
        write_file(fs::path(texts) / fmt::format("{:04}.txt", ++number), page.url + "\n" + text.title + "\n\n" + text.text);
      if (const auto truth = truths.find(page.url); truth != truths.end())
        quality.pages.push_back(compare(page.url, truth->second, text.text));
    }
  }
  return quality;
}

Json to_json(const Quality& quality) {
  Json json = {{"pages", Json::array()}, {"sources", Json::object()}};
  for (const Score& at : quality.pages)
    json["pages"].push_back({{"url", at.url},
                             {"expected", at.expected},
                             {"found", at.found},
                             {"common", at.common},
                             {"similarity", at.similarity},
                             {"strict", at.strict},
                             {"words_f1", at.words}});
  for (std::size_t i = 0; i < kMathSources; ++i)
    json["sources"][std::string(math_source_name(static_cast<MathSource>(i)))] = {{"in_page", quality.present[i]},
                                                                                  {"kept", quality.kept[i]}};
  return json;
}

void print(const Quality& quality) {
  double similarity = 0, strict = 0, words = 0;
  int pages = 0;
  std::cout << fmt::format("{:>8} {:>6} {:>7} {:>11} {:>7} {:>9}  page\n", "expected", "found", "common", "similarity", "strict",
                           "words F1");
  for (const Score& at : quality.pages) {
    std::cout << fmt::format("{:>8} {:>6} {:>7} {:>11.4f} {:>7.4f} {:>9.4f}  {}\n", at.expected, at.found, at.common, at.similarity,
                             at.strict, at.words, at.url.substr(0, 70));
    words += at.words;
    if (at.expected == 0) continue;
    ++pages, similarity += at.similarity, strict += at.strict;
  }
  if (pages > 0)
    std::cout << fmt::format("mean over {} pages with formulas: similarity {:.4f}, strict {:.4f}; words F1 over {}: {:.4f}\n\n",
                             pages, similarity / pages, strict / pages, quality.pages.size(),
                             words / static_cast<double>(quality.pages.size()));
  std::cout << fmt::format("{:<18} {:>8} {:>8} {:>7}\n", "source of math", "in pages", "kept", "share");
  for (std::size_t i = 0; i < kMathSources; ++i)
    if (quality.present[i] > 0)
      std::cout << fmt::format("{:<18} {:>8} {:>8} {:>6.1f}%\n", math_source_name(static_cast<MathSource>(i)), quality.present[i],
                               quality.kept[i],
                               100.0 * static_cast<double>(quality.kept[i]) / static_cast<double>(quality.present[i]));
}

}  // namespace

void add_corpus_extraction_quality_command(CLI::App& corpus) {
  struct Options {
    std::vector<std::string> pages;
    std::string truth, texts;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = corpus.add_subcommand("extraction-quality", "How well HTML extraction keeps the formulas of pages");
  command->add_option("--pages", options->pages, "WARC files")->required();
  command->add_option("--truth", options->truth, "JSON lines {url, display_formulas, inline_formulas, text}");
  command->add_option("--texts", options->texts, "Folder for the extracted texts, to be read");
  command->add_flag("--json", options->as_json, "Print JSON");
  command->footer(
      "Example:\n  corollary corpus extraction-quality --pages pages_math.warc.gz --truth extraction_groundtruth.jsonl.zst");
  command->callback([options] {
    const Quality quality = measure(options->pages, options->truth, options->texts);
    if (options->as_json)
      std::cout << to_json(quality).dump(2) << "\n";
    else
      print(quality);
  });
}

}  // namespace corollary
