#pragma once
#include <string>
#include <vector>

#include "explore/html.h"
#include "explore/report.h"
#include "explore/run_record.h"

namespace corollary {

/// The whole page. Its Content-Security-Policy allows just the scripts and styles written here, by their digests, and no request:
/// text that slipped through the escaping could still not run.
Html report_page(const RunRecord& run, const ReportConfig& config);

/// What a reader should know before trusting the numbers: unreadable files, malformed lines, losses that are not numbers.
std::vector<std::string> page_problems(const RunRecord& run);

}  // namespace corollary
