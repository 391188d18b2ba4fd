#pragma once
#include <string_view>

#include "explore/html.h"
#include "explore/report.h"
#include "explore/run_record.h"

namespace corollary {

/// What the model wrote, one card a sample: prose with its formulas for KaTeX to set, programs and formal proofs as they are.
Html sample_section(const RunRecord& run, const ReportConfig& config);

/// Program or formal proof rather than prose: no LaTeX delimiter, and words or signs that prose lacks.
bool looks_like_code(std::string_view text);

}  // namespace corollary
