#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"

namespace corollary {

/// Which texts are looked for in which documents, as Llemma's overlap study does (arXiv 2310.10631, section 3.5): n-grams of words
/// split at white space, as they are written.
struct OverlapConfig {
  std::vector<std::string> tests;  ///< JSON Lines of test items or of a model's outputs
  std::string key = "problem";     ///< the field compared; dotted: "metadata.unprocessed_answers". A list gives several texts
  std::vector<std::int64_t> ngrams = {30};  ///< lengths; -1: the whole text, byte for byte
  std::int64_t context_bytes = 200;         ///< shown around a hit
  bool published_format = false;            ///< lines as the published tool writes them, placeholder and last match included
  static void each(auto& config, auto&& visit) {
    visit("tests", config.tests);
    visit("key", config.key);
    visit("ngrams", config.ngrams);
    visit("context_bytes", config.context_bytes);
    visit("published_format", config.published_format);
  }
};

/// Of one length of n-gram.
struct OverlapSummary {
  std::int64_t n = 0;
  std::int64_t examples = 0;            ///< test items with a hit in some document
  std::int64_t documents = 0;           ///< documents with a hit, equal texts counted once
  std::int64_t lines = 0;               ///< documents with a hit
  std::int64_t published_examples = 0;  ///< as the published statistics count: a document's last item alone
};

/// Scans a corpus (a folder of .jsonl[.zst|.gz] files, or one) on all threads and writes out/hits_N.jsonl (or hits_full.jsonl): a
/// line a document with hits, in the corpus's order (docs/formats/overlap.md), and out/overlap.json: configuration, summaries, test
/// items hit. Memory: the index and a batch of 32 MiB of documents. Error if a file cannot be read; lines that are no documents are
/// counted.
std::vector<OverlapSummary> scan_overlap(const OverlapConfig& config, const fs::path& corpus, const fs::path& out);

/// Accuracy on items with and without hits, by level.
struct OverlapAccuracy {
  std::string level;  ///< "all" for the last row
  std::int64_t hits = 0, correct_hits = 0, others = 0, correct_others = 0;
};
/// `scores`: JSON Lines in the order of the test items, each with a field "correct" (or "exact_match", "acc"; true, false, 0 or 1).
/// `folder`: what scan_overlap wrote, read for length n. Levels come from the items' field "level", else there is only "all". Error
/// if the numbers of items differ.
std::vector<OverlapAccuracy> overlap_accuracy(const OverlapConfig& config, const std::vector<fs::path>& folders, std::int64_t n,
                                              const fs::path& scores);

}  // namespace corollary
