#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"

namespace corollary {

/// Documents and text bytes of one subset, language and split.
struct CorpusStats {
  std::string subset, language, split;  ///< "-" where a document does not say
  std::int64_t documents = 0;
  std::int64_t bytes = 0;  ///< of UTF-8 text
};

/// Counts what is there by reading it: a folder of .jsonl[.zst|.gz] files (subset and split from meta or, failing that, the path
/// SUBSET/SPLIT.jsonl...), or one such file. Sorted by subset, language, split. Throws Error naming file and line for what is no
/// document.
std::vector<CorpusStats> corpus_stats(const fs::path& folder_or_file);

}  // namespace corollary
