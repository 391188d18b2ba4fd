#pragma once
#include <vector>

#include "base/manifest.h"
#include "corpus/sources/source.h"

namespace corollary {

struct FetchConfig {
  std::vector<SourceConfig> sources;  ///< in the corpus's order
  static void each(auto& config, auto&& visit) { visit("sources", config.sources); }
};

/// Brings every source to this machine (packages, repositories, data sets and downloads into cache_folder(), folders and files stay
/// where they are), verifies digests, counts what matches, and writes out/sources.json, with repositories searched for also
/// out/repositories.json (docs/formats/sources.md), and out/manifest.json. Nothing is
/// done if that already holds for this configuration, local files are the same and the cached files still exist: then no network is
/// needed. Throws Error before any download if a source is misconfigured; afterwards naming what was needed and how to point at a
/// folder.
StageResult fetch(const FetchConfig& config, const fs::path& out);

/// The sources a finished fetch left in `folder`. Error if there is none, or a file it names is gone.
std::vector<FetchedSource> read_sources(const fs::path& folder);

}  // namespace corollary
