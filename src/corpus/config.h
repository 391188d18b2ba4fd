#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "corpus/dedup/dedup_config.h"
#include "corpus/ngrams/decontaminate.h"

namespace corollary {

/// The [corpus] table of a recipe.
struct CorpusConfig {
  double validation_fraction = 0.005;         ///< of each group's documents; a group is a subset and language
  double test_fraction = 0.005;               ///< likewise
  std::string papers_split = "drawn";         ///< "published": arXiv's, the last hundredth of each shard (split.h)
  std::int64_t seed = 1234;                   ///< of the draw
  std::int64_t max_record_bytes = 64 << 20;   ///< larger files and records are rejected unread
  std::int64_t shard_bytes = 512 << 20;       ///< of input to one task; sources are cut where their kind allows
  bool as_published = false;                  ///< the rules as Proof-Pile-2's programs really had them, faults included
  bool strict = false;                        ///< stop at the first damaged record instead of counting it
  DedupConfig dedup;                          ///< which documents repeat which
  DecontaminateConfig decontaminate;          ///< no tests: nothing is compared
  static void each(auto& config, auto&& visit) {
    visit("validation_fraction", config.validation_fraction);
    visit("test_fraction", config.test_fraction);
    visit("papers_split", config.papers_split);
    visit("seed", config.seed);
    visit("max_record_bytes", config.max_record_bytes);
    visit("shard_bytes", config.shard_bytes);
    visit("as_published", config.as_published);
    visit("strict", config.strict);
    visit("dedup", config.dedup);
    visit("decontaminate", config.decontaminate);
  }
};

}  // namespace corollary
