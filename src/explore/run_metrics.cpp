#include "explore/run_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/json.h"

namespace corollary {
namespace {

constexpr std::int64_t kMaxStep = std::int64_t{1} << 53;  // whole in a browser's numbers too
constexpr std::size_t kMaxSubsets = 64;                   // more is not a file of ours, and no page could show it

double number_or_nan(const Json& line, const char* key) {
  const auto found = line.find(key);
  if (found == line.end() || found->is_null()) return std::numeric_limits<double>::quiet_NaN();
  check(found->is_number(), "\"", key, "\" is no number");
  return found->get<double>();
}

void add_training(RunMetrics& metrics, const Json& line, std::int64_t step) {
  if (!metrics.training.empty())
    check(step > metrics.training.back().step, "step ", step, " after step ", metrics.training.back().step);
  const TrainingPoint point{.step = step,
                            .loss = number_or_nan(line, "loss"),
                            .grad_norm = number_or_nan(line, "grad_norm"),
                            .learning_rate = number_or_nan(line, "learning_rate"),
                            .tokens = number_or_nan(line, "tokens"),
                            .seconds = number_or_nan(line, "seconds"),
                            .tokens_per_second = number_or_nan(line, "tokens_per_second"),
                            .mfu = number_or_nan(line, "mfu")};
  if (!std::isfinite(point.loss) && metrics.not_finite_losses++ == 0) metrics.first_not_finite_step = step;
  metrics.training.push_back(point);
}

void add_validation(RunMetrics& metrics, const Json& losses, std::int64_t step) {
  check(losses.is_object(), "\"validation\" is no object");
  for (const auto& [subset, loss] : losses.items()) {
    auto curve =
        std::find_if(metrics.validation.begin(), metrics.validation.end(), [&](const auto& c) { return c.subset == subset; });
    if (curve == metrics.validation.end()) {
      check(metrics.validation.size() < kMaxSubsets, "more than ", kMaxSubsets, " subsets");
      curve = metrics.validation.insert(curve, {subset, {}});
    }
    if (!curve->points.empty())
      check(step > curve->points.back().first, "validation at step ", step, " after step ", curve->points.back().first);
    curve->points.emplace_back(step, number_or_nan(losses, subset.c_str()));
  }
}

}  // namespace

RunMetrics parse_run_metrics(std::string_view text) {
  RunMetrics metrics;
  std::int64_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      const Json json = parse_json(line, "it");
      check(json.is_object() && json.contains("step") && json["step"].is_number_integer(), "no whole \"step\"");
      const Json& given = json["step"];
      check(given.is_number_unsigned() ? given.get<std::uint64_t>() <= std::uint64_t{kMaxStep} : given.get<std::int64_t>() >= 0,
            "a step out of range");
      const auto step = given.get<std::int64_t>();
      check(json.contains("loss") || json.contains("validation") || json.contains("rewind"),
            "neither \"loss\" nor \"validation\"");
      if (json.contains("loss")) add_training(metrics, json, step);
      if (json.contains("validation")) add_validation(metrics, json["validation"], step);
    } catch (const Error& error) {
      if (metrics.malformed_lines++ == 0) metrics.first_malformed = "line " + std::to_string(number) + ": " + reason(error);
    }
  }
  std::sort(metrics.validation.begin(), metrics.validation.end(), [](const auto& a, const auto& b) { return a.subset < b.subset; });
  return metrics;
}

std::optional<TrainingTotals> totals(const RunMetrics& metrics) {
  if (metrics.training.empty()) return std::nullopt;
  const TrainingPoint& last = metrics.training.back();
  const double rate = last.seconds > 0 ? last.tokens / last.seconds : std::numeric_limits<double>::quiet_NaN();
  return TrainingTotals{last.step, last.tokens, last.seconds, rate, last.loss};
}

std::string reason(const Error& error) {
  const std::string_view text = error.what();  // "explore/run_metrics.cpp:31: text"
  const std::size_t place = text.find(": "), file = text.find(".cpp:");
  return std::string(file != std::string_view::npos && file < place ? text.substr(place + 2) : text);
}

RunMetrics read_run_metrics(const fs::path& path) { return parse_run_metrics(MappedFile(path).text()); }

}  // namespace corollary
