#include "corpus/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/log.h"

namespace corollary {
namespace {

/// MB of text a second on one core (docs/performance.md), half of what the benchmark rows show: reading, writing and compression
/// come to it.
constexpr double kCode = 100, kPages = 20, kPapers = 60, kRecords = 120, kFingerprints = 200, kMinhash = 40, kDecontaminate = 150,
                 kCopy = 120, kPack = 80;

/// What becomes of a packed byte of a source.
struct Ratios {
  double unpacked = 1;  ///< bytes of raw records to a packed byte
  double kept = 1;      ///< of text, to a byte of raw records
  double rate = kRecords;
};

bool is_crawl(const SourceConfig& source) {
  return source.uri.find("warc") != std::string::npos || source.glob.find("warc") != std::string::npos;
}
bool is_repository(const SourceConfig& source) { return source.uri.starts_with("github:"); }

Ratios ratios_of(const SourceConfig& source) {
  if (source.subset == "web") {
    if (is_crawl(source)) return {5, 0.0006, kPages};  // nearly no page of a crawl has mathematics
    if (source.language == "html") return {5, 0.1, kPages};
    return {2.2, 0.95, kRecords};  // extracted before
  }
  if (source.subset == "papers") {
    if (source.language == "text") return {3, 0.95, kRecords};
    if (source.language == "arxiv") return {1.3, 0.05, kPapers};  // most of a submission's bytes are its figures
    return {3, 0.4, kPapers};
  }
  if (is_repository(source)) return {4, 0.15, kCode};  // most files of a repository are of other languages
  return {3, 0.3, kCode};
}

}  // namespace

std::vector<StageEstimate> estimate_corpus(const std::vector<SourceConfig>& sources, const CorpusConfig& config,
                                           const CorpusCluster& cluster) {
  check(cluster.nodes > 0 && cluster.cores_per_node > 0 && cluster.download_mb_per_second > 0 && cluster.disk_mb_per_second > 0,
        "[corpus_cluster] needs nodes, cores and rates above 0");
  const double cores = static_cast<double>(cluster.nodes * cluster.cores_per_node);
  std::vector<StageEstimate> all;
  const auto add = [&](const std::string& stage, double input, double output, double core_seconds) {
    StageEstimate estimate{stage, input, output, core_seconds / 3600, 0};
    estimate.hours = std::max(core_seconds / cores, (input + output) / (cluster.disk_mb_per_second * 1e6)) / 3600;
    all.push_back(estimate);
  };
  double packed = 0;
  struct Subset {
    double packed = 0, kept = 0, core_seconds = 0;
  };
  std::map<std::string, Subset> subsets;
  for (const SourceConfig& source : sources) {
    const auto bytes = static_cast<double>(source.expected_bytes);
    const Ratios ratios = ratios_of(source);
    Subset& subset = subsets[source.subset];
    subset.packed += bytes;
    subset.kept += bytes * ratios.unpacked * ratios.kept;
    subset.core_seconds += bytes * ratios.unpacked / (ratios.rate * 1e6);
    packed += bytes;
  }
  all.push_back({"fetch", packed, packed, 0, packed / (cluster.download_mb_per_second * 1e6) / 3600});
  constexpr double kZstd = 0.3;  // of text, as documents are kept
  double text = 0, minhashed = 0;
  for (const auto& [name, subset] : subsets) {
    add("extract " + name, subset.packed, kZstd * subset.kept, subset.core_seconds);
    text += subset.kept;
    if (std::find(config.dedup.near.begin(), config.dedup.near.end(), name) != config.dedup.near.end()) minhashed += subset.kept;
  }
  add("dedup", kZstd * text, kZstd * text, text / (kFingerprints * 1e6) + minhashed / (kMinhash * 1e6) + text / (kCopy * 1e6));
  if (!config.decontaminate.tests.empty()) add("decontaminate", kZstd * text, kZstd * text, text / (kDecontaminate * 1e6));
  add("split", kZstd * text, kZstd * text, text / (kCopy * 1e6));
  add("pack", kZstd * text, text / 3.3 * 2,
      text / (kPack * 1e6));  // Llama's tokenizer: about 3.3 bytes of mathematics a token, 2 bytes each
  StageEstimate sum{"all", packed, all.back().output_bytes, 0, 0};
  for (const StageEstimate& estimate : all) sum.core_hours += estimate.core_hours, sum.hours += estimate.hours;
  all.push_back(sum);
  return all;
}

std::string estimates_to_table(const std::vector<StageEstimate>& estimates) {
  std::string table = fmt::format("{:<16} {:>10} {:>10} {:>12} {:>8}\n", "stage", "reads", "writes", "core hours", "hours");
  for (const StageEstimate& at : estimates)
    table += fmt::format("{:<16} {:>10} {:>10} {:>12.1f} {:>8.2f}\n", at.stage, format_bytes(at.input_bytes),
                         format_bytes(at.output_bytes), at.core_hours, at.hours);
  return table;
}

Json estimates_to_json(const std::vector<StageEstimate>& estimates) {
  Json rows = Json::array();
  for (const StageEstimate& at : estimates)
    rows.push_back({{"stage", at.stage},
                    {"input_bytes", at.input_bytes},
                    {"output_bytes", at.output_bytes},
                    {"core_hours", at.core_hours},
                    {"hours", at.hours}});
  return rows;
}

}  // namespace corollary
