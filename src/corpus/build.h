#pragma once
#include <cstdint>

#include "base/files.h"
#include "base/manifest.h"

namespace corollary {

struct CorpusConfig {
  double validation_fraction = 0.005;        ///< of each group's documents; a group is a subset and language
  double test_fraction = 0.005;              ///< likewise
  std::int64_t seed = 1234;                  ///< of the draw
  std::int64_t max_record_bytes = 64 << 20;  ///< larger files and records are rejected unread
  bool strict = false;                       ///< stop at the first damaged record instead of counting it
  static void each(auto& config, auto&& visit) {
    visit("validation_fraction", config.validation_fraction);
    visit("test_fraction", config.test_fraction);
    visit("seed", config.seed);
    visit("max_record_bytes", config.max_record_bytes);
    visit("strict", config.strict);
  }
};

/// From the sources a fetch left in `fetch_folder` to out/{code,web,papers}/{train,validation,test}.jsonl.zst
/// (docs/formats/documents.md), out/rejected.jsonl and out/manifest.json with counts by subset, language, source, split and reason.
/// Sources are read in order; extraction and filters run on all threads; duplicates of what came earlier are dropped across all
/// sources. The bytes written depend on the sources and the configuration alone, not on the number of threads. Memory: a few
/// batches of 32 MiB and 16 bytes a document. Nothing is done if `out` already holds this. Throws Error if a source cannot be
/// opened, nothing was kept, or (strict) on damage; then, as after a kill, `out` has no manifest and the next run starts over.
StageResult build_corpus(const CorpusConfig& config, const fs::path& fetch_folder, const fs::path& out);

}  // namespace corollary
