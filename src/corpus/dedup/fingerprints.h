#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/dedup/dedup_config.h"
#include "corpus/dedup/record_file.h"

namespace corollary {

// Deduplication of documents that lie in shards, files of JSON Lines in a fixed order, in four phases. Each is a pure function from
// files to one file (phase 3: one a shard), to be run by any number of processes in any order within the phase:
//   1. fingerprint_shard   a shard -> its hashes, sorted, in buckets by hash                          one task a shard
//   2. match_bucket        bucket j of all shards -> which documents repeat which                     one task a bucket
//   3. resolve_matches     all matches -> for each shard the lines to drop                            one task (duplicates.h)
//   4. drop_lines          a shard and its drops -> what stays, and what was rejected for which reason   one task a shard
// The outcome is that of Deduplicator called in order of (shard, line), and of its near-duplicate clusters, whatever the number of
// shards, buckets and threads and the memory. dedup_folder.h runs all of it in one process.

enum FingerprintKind : std::uint32_t {
  kMalformedLine = 0,  ///< no document: `high` is the line. All in bucket 0
  kDocumentHash = 1,   ///< (high, low): the text's
  kChunkHash = 2,      ///< (high, low): of a chunk in its scope; offset: its first byte
  kBandHash = 3,       ///< high: of a band in its scope
};

/// Phase 1. Writes `out` from the documents of `shard` (.jsonl, .zst, .gz). `source` is kept in its head: a digest of the shard
/// that tells its caller later what `out` was made of. Lines that are no documents are noted, to be dropped as malformed_record.
/// Documents are hashed on all threads, in batches of 16 MiB. Memory: config.memory_bytes for sorting and, while it lasts, a batch
/// and six times its longest line a thread. Throws Error if the shard cannot be read whole.
void fingerprint_shard(const DedupConfig& config, const fs::path& shard, const fs::path& out, std::uint64_t source = 0);

/// The fields of a line that deduplication reads; nullopt if it is no document.
struct DocumentView {
  std::string text, subset, language, source, path;
};
class DocumentScanner {
 public:
  DocumentScanner();
  ~DocumentScanner();
  /// `meta` may be an object, a string holding one, or absent; the others of these fields may stand beside it as well.
  std::optional<DocumentView> scan(std::string_view line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace corollary
