#include "train/metrics.h"

#include <chrono>
#include <concepts>
#include <limits>
#include <set>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "base/fields.h"
#include "base/json.h"

namespace corollary {
namespace {

double now_seconds() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

/// A line of ours says its step and is either a training step or a validation.
Json parse_line(std::string_view line, const std::string& where) {
  Json json = parse_json(line, where);
  check(json.is_object() && json.contains("step") && json["step"].is_number_integer(), "no metrics line: ", where,
        " has no whole \"step\": move the file away to start a new one");
  return json;
}

/// A null is a number that was not finite.
StepMetrics step_metrics(Json json, const std::string& where) {
  std::set<std::string> not_finite;
  for (auto& [key, value] : json.items()) {
    if (!value.is_null()) continue;
    not_finite.insert(key);
    value = 0.0;
  }
  StepMetrics metrics;
  fields_from_json(metrics, json, where);
  StepMetrics::each(metrics, [&](const char* name, auto& value) {
    if constexpr (std::floating_point<std::remove_reference_t<decltype(value)>>)
      if (not_finite.contains(name)) value = std::numeric_limits<double>::quiet_NaN();
  });
  return metrics;
}

/// Shortens the file to the lines that a run resuming at `resume_step` has behind it; the last training step among them.
std::optional<StepMetrics> cut_after(const fs::path& path, std::int64_t resume_step) {
  if (!fs::exists(path)) return std::nullopt;
  std::optional<StepMetrics> last;
  std::size_t kept_bytes = 0, total_bytes = 0;
  if (resume_step > 0) {
    const MappedFile file(path);
    const std::string_view text = file.text();
    total_bytes = text.size();
    for (std::int64_t number = 1; kept_bytes < text.size(); ++number) {
      const std::size_t end = text.find('\n', kept_bytes);
      if (end == std::string_view::npos)
        break;  // torn by a power cut or a full disk: it was never synced, so no checkpoint knows it
      const std::string where = path.string() + " line " + std::to_string(number);
      const Json json = parse_line(text.substr(kept_bytes, end - kept_bytes), where);
      if (json["step"].get<std::int64_t>() > resume_step) break;
      if (json.contains("loss")) last = step_metrics(json, where);
      kept_bytes = end + 1;
    }
  } else {
    total_bytes = MappedFile(path).bytes().size();
  }
  if (kept_bytes < total_bytes) {
    std::error_code error;
    fs::resize_file(path, kept_bytes, error);
    check(!error, "cannot shorten ", path.string(), " to ", kept_bytes, " bytes: ", error.message());
  }
  return last;
}

void remove_event_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) return;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("events.out.tfevents.")) continue;
    std::error_code error;
    fs::remove(entry.path(), error);
    check(!error, "cannot remove ", entry.path().string(), " of an earlier run: ", error.message());
  }
}

}  // namespace

MetricsLog::MetricsLog(const fs::path& folder, std::int64_t resume_step) {
  check(resume_step >= 0, "training cannot resume at step ", resume_step);
  resumed_from_ = cut_after(folder / "metrics.jsonl", resume_step);
  if (resume_step == 0) remove_event_files(folder);
  lines_ = std::make_unique<AppendFile>(folder / "metrics.jsonl", AppendFile::Open::existing_or_new);
  events_ = std::make_unique<TensorBoardWriter>(folder, resume_step == 0 ? 0 : resume_step + 1);
  sync();
}

void MetricsLog::step(const StepMetrics& metrics) {
  lines_->append(to_line(fields_to_json(metrics)) + "\n");
  events_->scalars(metrics.step, now_seconds(),
                   {{"train/loss", metrics.loss},
                    {"train/grad_norm", metrics.grad_norm},
                    {"train/learning_rate", metrics.learning_rate},
                    {"speed/tokens_per_second", metrics.tokens_per_second},
                    {"speed/mfu", metrics.mfu}});
}

void MetricsLog::validation(std::int64_t step, const std::vector<std::pair<std::string, double>>& loss_by_subset) {
  Json losses = Json::object();
  std::vector<std::pair<std::string, double>> values;
  for (const auto& [subset, loss] : loss_by_subset) {
    losses[subset] = loss;
    values.emplace_back("validation/" + subset, loss);
  }
  lines_->append(to_line({{"step", step}, {"validation", losses}}) + "\n");
  events_->scalars(step, now_seconds(), values);
}

void MetricsLog::rewind(std::int64_t to_step, const Json& what) {
  lines_->append(to_line({{"step", to_step + 1}, {"rewind", what}}) + "\n");
}

void MetricsLog::sync() {
  lines_->sync();
  events_->sync();
}

}  // namespace corollary
