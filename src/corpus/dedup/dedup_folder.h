#pragma once
#include <string>
#include <vector>

#include "base/files.h"
#include "base/manifest.h"
#include "corpus/dedup/dedup_config.h"

namespace corollary {

struct DedupInput {
  fs::path path;     ///< of a shard: .jsonl, .jsonl.zst or .jsonl.gz
  std::string name;  ///< its path below the output folder, and its name in rejected.jsonl
};
/// The JSON Lines files below a folder (rejected.jsonl is none), in order of their paths.
std::vector<DedupInput> dedup_inputs(const fs::path& folder);

/// All four phases (fingerprints.h) in this process, on all threads: `out`/NAME for each input, its lines unchanged but for those
/// that repeat what came earlier in the order of `inputs`, then out/rejected.jsonl and out/manifest.json with counts by reason.
/// Intermediate files lie in out/.dedup and are gone at the end; after a kill those that are whole are used again. Nothing is done
/// if `out` holds this already. Memory: config.memory_bytes, 4 bytes a document, and batches (see fingerprint_shard).
StageResult dedup_files(const DedupConfig& config, const std::vector<DedupInput>& inputs, const fs::path& out);

/// dedup_files() of a folder's files. Error if `out` is or lies in `folder`.
StageResult dedup_folder(const DedupConfig& config, const fs::path& folder, const fs::path& out);

}  // namespace corollary
