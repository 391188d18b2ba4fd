#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "corpus/config.h"
#include "corpus/sources/source.h"

namespace corollary {

/// What a corpus is to be built on: for plans only. [corpus_cluster] of a recipe.
struct CorpusCluster {
  std::int64_t nodes = 1;
  std::int64_t cores_per_node = 16;
  double download_mb_per_second = 100;  ///< of the machine that fetches
  double disk_mb_per_second = 1000;     ///< of the shared file system, all nodes together, reading and writing
  static void each(auto& cluster, auto&& visit) {
    visit("nodes", cluster.nodes);
    visit("cores_per_node", cluster.cores_per_node);
    visit("download_mb_per_second", cluster.download_mb_per_second);
    visit("disk_mb_per_second", cluster.disk_mb_per_second);
  }
};

/// What a stage or step is expected to take. Rates are those docs/performance.md measured on one core; sizes follow from the
/// sources' expected_bytes by ratios seen on the sample corpora: an estimate to plan disks and queues by, good to a factor of two.
struct StageEstimate {
  std::string stage;  ///< "fetch", "extract code", "dedup", ..., "pack"
  double input_bytes = 0, output_bytes = 0;
  double core_hours = 0;
  double hours = 0;  ///< on the cluster: of cores or disk, whichever is longer
};
std::vector<StageEstimate> estimate_corpus(const std::vector<SourceConfig>& sources, const CorpusConfig& config,
                                           const CorpusCluster& cluster);

std::string estimates_to_table(const std::vector<StageEstimate>& estimates);
Json estimates_to_json(const std::vector<StageEstimate>& estimates);

}  // namespace corollary
