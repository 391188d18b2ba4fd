#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace corollary {

/// One training line of metrics.jsonl (docs/formats/metrics.md). NaN where the line has null or lacks the key.
struct TrainingPoint {
  std::int64_t step = 0;
  double loss = 0, grad_norm = 0, learning_rate = 0, tokens = 0, seconds = 0, tokens_per_second = 0, mfu = 0;
};

/// One subset's validation losses, nats per token, NaN as above.
struct ValidationCurve {
  std::string subset;
  std::vector<std::pair<std::int64_t, double>> points;  ///< (step, loss), steps rising
};

/// What metrics.jsonl says, and what it failed to say.
struct RunMetrics {
  std::vector<TrainingPoint> training;  ///< steps rising
  std::vector<ValidationCurve> validation;
  std::int64_t malformed_lines = 0;    ///< no metrics line, a torn line, or a step that goes back: left out
  std::string first_malformed;         ///< "line 7: step 3 after step 5"
  std::int64_t not_finite_losses = 0;  ///< training steps whose loss is NaN or infinite
  std::optional<std::int64_t> first_not_finite_step;
};

/// The run in five numbers: those of the last training step, and tokens / seconds over all of it. NaN where unknown.
struct TrainingTotals {
  std::int64_t steps = 0;
  double tokens = 0, seconds = 0, tokens_per_second = 0, final_loss = 0;
};
std::optional<TrainingTotals> totals(const RunMetrics& metrics);  ///< nullopt without a training step

/// Reads what can be read of any bytes; never throws for their content.
RunMetrics parse_run_metrics(std::string_view text);
/// Error if the file cannot be opened.
RunMetrics read_run_metrics(const fs::path& path);

/// what() without the place in our source: for a page that people read.
std::string reason(const Error& error);

}  // namespace corollary
