#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/dedup/minhash.h"

namespace corollary {

/// Which rules drop documents. A list names subsets ("web"), or languages of one ("code/coq"), '*' and '?' as in file names; a
/// document's subset and language are those of its meta, "" where it says nothing.
struct DedupConfig {
  std::vector<std::string> exact = {"*"};      ///< the same text but for white space, across everything
  std::vector<std::string> chunks = {"code"};  ///< a piece of 2048 characters that another of its language has
  std::vector<std::string> near = {"web"};     ///< MinHash neighbours
  std::string near_scope = "subset";           ///< neighbours are sought within the same "language", "subset", or among "all"
  // of MinHash: see MinhashConfig
  std::int64_t num_bands = 14;
  std::int64_t rows_per_band = 8;
  std::int64_t ngram_size = 5;
  std::string ngram_unit = "word";
  std::string hash = "corollary";
  std::int64_t seed = 1;
  bool as_published = false;            ///< the chunk rule with AlgebraicStack's quirks: see fingerprint() and Deduplicator
  std::int64_t num_buckets = 16;        ///< parts by hash that phase 2 works on independently; no result depends on it
  std::int64_t memory_bytes = 1 << 30;  ///< budget of one task; no result depends on it
  static void each(auto& config, auto&& visit) {
    visit("exact", config.exact);
    visit("chunks", config.chunks);
    visit("near", config.near);
    visit("near_scope", config.near_scope);
    visit("num_bands", config.num_bands);
    visit("rows_per_band", config.rows_per_band);
    visit("ngram_size", config.ngram_size);
    visit("ngram_unit", config.ngram_unit);
    visit("hash", config.hash);
    visit("seed", config.seed);
    visit("as_published", config.as_published);
    visit("num_buckets", config.num_buckets);
    visit("memory_bytes", config.memory_bytes);
  }

  MinhashConfig minhash() const { return {num_bands, rows_per_band, ngram_size, ngram_unit, hash, seed}; }
};

/// Error unless the numbers and names can be.
void check_config(const DedupConfig& config);
/// Whether a list of rules names this subset and language.
bool applies(const std::vector<std::string>& rules, std::string_view subset, std::string_view language);
/// Of all that decides what intermediate files hold: everything but memory_bytes.
std::uint64_t dedup_digest(const DedupConfig& config);

}  // namespace corollary
