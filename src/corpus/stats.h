#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "corpus/length_histogram.h"

namespace corollary {

/// One subset, language and split.
struct CorpusStats {
  std::string subset, language, split;  ///< "-" where a document does not say
  std::int64_t documents = 0;
  std::int64_t bytes = 0;    ///< of UTF-8 text
  std::int64_t tokens = -1;  ///< -1: not counted
  LengthHistogram lengths;   ///< of the texts, in bytes
};

struct CorpusReport {
  std::vector<CorpusStats> rows;  ///< sorted by subset, language, split
  /// Where the documents come from, each with documents and bytes: domains of pages, repositories of code, else sources; the
  /// largest kMostOrigins of each subset by bytes, the rest together under "(others)".
  static constexpr std::size_t kMostOrigins = 20;
  struct Origin {
    std::string subset, name;
    std::int64_t documents = 0, bytes = 0;
  };
  std::vector<Origin> origins;
  /// What the build dropped, by reason, and (subset, language, address): from the folder's manifest; empty without one.
  std::vector<std::pair<std::string, std::int64_t>> rejected;
  Json by_source = Json::array();
};

/// Counts what is there by reading it: a folder of .jsonl[.zst|.gz] files (subset and split from meta or, failing that, the path
/// SUBSET/SPLIT.jsonl... or SUBSET/SPLIT/NAME.jsonl...), or one such file. `count_tokens`, called from several threads, gives the
/// tokens of a text. Memory: one document a thread, and a count for each domain or repository. Throws Error naming file and line
/// for what is no document.
CorpusReport corpus_stats(const fs::path& folder_or_file, const std::function<std::int64_t(std::string_view)>& count_tokens = {});

/// For machines: {"rows", "origins", "rejected", "by_source"}; of each row also length quantiles and a histogram by octaves.
Json corpus_stats_to_json(const CorpusReport& report);

}  // namespace corollary
