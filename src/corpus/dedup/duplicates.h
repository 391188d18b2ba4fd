#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "corpus/dedup/dedup_config.h"
#include "corpus/dedup/record_file.h"

namespace corollary {

/// Why a line goes, in order of precedence.
enum class DropReason : std::uint32_t { malformed_record = 0, duplicate_document = 1, duplicate_chunk = 2, near_duplicate = 3 };
const char* drop_reason_name(DropReason reason);

enum MatchKind : std::uint32_t {
  kVerdict = 1,    ///< high: position of a document; low: DropReason << 32 | offset; position: of the earlier one it repeats
  kNeighbour = 2,  ///< high: position of a document; position: of the first one with the same band
};
constexpr std::uint32_t kDrop = 1;  ///< in a file of drops: high: line; low and position as in a verdict

/// Phase 2. Merges bucket `bucket` of all `fingerprints` (in order of their shards) and writes to `out` who repeats whom: of equal
/// hashes the first holder stays, also if it is itself dropped for another reason. Memory: config.memory_bytes. `source` is kept in
/// the head of `out`. Throws Error if a file is damaged or was made with another configuration.
void match_bucket(const DedupConfig& config, const std::vector<fs::path>& fingerprints, std::int64_t bucket, const fs::path& out,
                  std::uint64_t source = 0);

/// Phase 3. From all `matches` (one a bucket) the lines to drop: outs[i] lists those of the shard of fingerprints[i]. Documents
/// dropped by an exact rule go; of each cluster of neighbours, taken transitively, the first that no exact rule drops stays.
/// Memory: 4 bytes and a bit a document (8 from 2^32 documents on), and config.memory_bytes for merging.
void resolve_matches(const DedupConfig& config, const std::vector<fs::path>& fingerprints, const std::vector<fs::path>& matches,
                     const std::vector<fs::path>& outs, std::uint64_t source = 0);

struct DropCounts {
  std::int64_t documents = 0, bytes = 0;        ///< kept; bytes of their lines
  std::map<std::string, std::int64_t> dropped;  ///< by reason
};

/// Phase 4. Copies the lines of `shard` to `out` except those in `drops`, which become lines of `rejected`
/// (docs/formats/dedup.md). `name_of` gives a shard's name by its number, for people. Streams; memory: the longest line.
/// Throws Error if the shard is not the one the drops were computed for (by its number of lines).
DropCounts drop_lines(const fs::path& shard, std::uint64_t shard_number, const fs::path& drops, const fs::path& out,
                      const fs::path& rejected, const std::function<std::string(std::uint64_t)>& name_of);

}  // namespace corollary
