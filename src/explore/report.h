#pragma once
#include <cstdint>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "base/manifest.h"
#include "explore/run_record.h"

namespace corollary {

struct ReportConfig {
  std::string title{};                   ///< of the page; empty: the run's folder
  std::int64_t max_samples = 24;         ///< shown on the page; the rest is counted
  std::int64_t max_sample_bytes = 8192;  ///< of one sample's text; the rest is cut, and said so
  static void each(auto& config, auto&& visit) {
    visit("title", config.title);
    visit("max_samples", config.max_samples);
    visit("max_sample_bytes", config.max_sample_bytes);
  }
};

/// Reads a run's folder and writes out/report.html (one page, nothing fetched), out/report.json (docs/formats/report.md) and the
/// manifest. Stages that left nothing, and files that cannot be read, are named on the page; Error only if the folder holds nothing
/// of a run or `out` cannot be written. Does nothing if the report of the same files is there.
StageResult write_report(const ReportConfig& config, const fs::path& run_folder, const fs::path& out);
/// The same, always writing: after a change of the page itself.
StageResult render_report(const ReportConfig& config, const fs::path& run_folder, const fs::path& out);

/// The numbers for machines, without the report's own stage.
Json report_json(const RunRecord& run);

}  // namespace corollary
