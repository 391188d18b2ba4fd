#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "corpus/dedup/dedup_config.h"
#include "corpus/language/web_classify.h"
#include "corpus/ngrams/decontaminate.h"
#include "corpus/papers/arxiv.h"

namespace corollary {

/// Pages. What is asked "crawl" is asked of pages that came in a WARC, "all" of every page, "none" of none.
struct WebConfig {
  std::string prefilter = "crawl";      ///< a sign of mathematics in the bytes (prefilter.h)
  std::string manual_filter = "crawl";  ///< addresses, accents, formula counts (url_rules.h)
  std::string url_blocklist;            ///< a file of more address rules
  WebClassifierConfig classifier;       ///< language, MathScore, perplexity; of papers and TeX the language alone
  static void each(auto& config, auto&& visit) {
    visit("prefilter", config.prefilter);
    visit("manual_filter", config.manual_filter);
    visit("url_blocklist", config.url_blocklist);
    visit("classifier", config.classifier);
  }
};

/// The [corpus] table of a recipe.
struct CorpusConfig {
  double validation_fraction = 0.005;        ///< of each group's documents; a group is a subset and language
  double test_fraction = 0.005;              ///< likewise
  std::string papers_split = "drawn";        ///< "published": arXiv's, the last hundredth of each shard (split.h)
  std::int64_t seed = 1234;                  ///< of the draw
  std::int64_t max_record_bytes = 64 << 20;  ///< larger files and records are rejected unread
  std::int64_t shard_bytes = 512 << 20;      ///< of input to one task; sources are cut where their kind allows
  bool as_published = false;                 ///< the rules as Proof-Pile-2's programs really had them, faults included
  bool strict = false;                       ///< stop at the first damaged record instead of counting it
  bool julia_strict = false;                 ///< Julia: also a word of numerical work, as AlgebraicStack's paper says
  std::vector<std::string> licences;         ///< of code that is kept: SPDX names, "BSD-*"; empty: all
  std::vector<std::string> test_theorems;    ///< files or folders: PISA's, LeanDojo's, miniF2F's, taken out of proofs
  std::string arxiv_metadata;                ///< what `corollary corpus arxiv-metadata` made: licences and categories of papers
  std::string arxiv_categories;              ///< "math math-ph": only papers of these; empty: all
  bool keep_appendix = false;                ///< of papers; the published rule cuts it off
  WebConfig web;
  DedupConfig dedup;                  ///< which documents repeat which
  DecontaminateConfig decontaminate;  ///< no tests: nothing is compared
  static void each(auto& config, auto&& visit) {
    visit("validation_fraction", config.validation_fraction);
    visit("test_fraction", config.test_fraction);
    visit("papers_split", config.papers_split);
    visit("seed", config.seed);
    visit("max_record_bytes", config.max_record_bytes);
    visit("shard_bytes", config.shard_bytes);
    visit("as_published", config.as_published);
    visit("strict", config.strict);
    visit("julia_strict", config.julia_strict);
    visit("licences", config.licences);
    visit("test_theorems", config.test_theorems);
    visit("arxiv_metadata", config.arxiv_metadata);
    visit("arxiv_categories", config.arxiv_categories);
    visit("keep_appendix", config.keep_appendix);
    visit("web", config.web);
    visit("dedup", config.dedup);
    visit("decontaminate", config.decontaminate);
  }

  ArxivConfig arxiv() const {
    ArxivConfig config;
    config.latex.keep_appendix = keep_appendix;
    config.categories = arxiv_categories;
    config.as_published = as_published;
    return config;
  }
};

}  // namespace corollary
