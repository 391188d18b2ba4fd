#include "explore/report.h"

#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/fields.h"
#include "explore/report_page.h"

namespace corollary {
namespace {

void check_config(const ReportConfig& config) {
  check(config.max_samples >= 0, "report.max_samples is ", config.max_samples, ": give 0 or more");
  check(config.max_sample_bytes > 0, "report.max_sample_bytes is ", config.max_sample_bytes, ": give 1 or more");
}

Manifest new_manifest(const ReportConfig& config, const RunRecord& run) {
  Manifest manifest;
  manifest.stage = "report";
  manifest.config = fields_to_json(config);
  manifest.inputs = run.inputs;
  return manifest;
}

StageResult render(const ReportConfig& config, const RunRecord& run, const fs::path& out) {
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  StageResult result{new_manifest(config, run)};
  write_file(out / "report.html", report_page(run, config).str());
  Json json = report_json(run);
  json["stages"].push_back({{"name", "report"}, {"seconds", seconds()}});
  write_json_file(out / "report.json", json);
  result.manifest.counts = {{"samples", run.samples ? run.samples->samples.size() : 0},
                            {"malformed_metrics_lines", run.metrics ? run.metrics->malformed_lines : 0},
                            {"malformed_samples", run.samples ? run.samples->malformed_lines : 0},
                            {"unreadable_files", run.problems.size()}};
  result.manifest.seconds = seconds();
  write_manifest(out, result.manifest, {"report.html", "report.json"});
  return result;
}

}  // namespace

StageResult write_report(const ReportConfig& config, const fs::path& run_folder, const fs::path& out) {
  check_config(config);
  const RunRecord run = read_run(run_folder);
  const Manifest wanted = new_manifest(config, run);
  if (auto manifest = up_to_date(out, wanted.stage, wanted.config, wanted.inputs)) return {std::move(*manifest), true};
  return render(config, run, out);
}

StageResult render_report(const ReportConfig& config, const fs::path& run_folder, const fs::path& out) {
  check_config(config);
  return render(config, read_run(run_folder), out);
}

Json report_json(const RunRecord& run) {
  Json json = {{"run", run.name}, {"version", program_version()}, {"stages", Json::array()}};
  Json counts = Json::object();
  for (const StageRecord& stage : run.stages) {
    if (!stage.manifest) continue;
    json["stages"].push_back({{"name", stage.name}, {"seconds", stage.manifest->seconds}});
    counts[stage.name] = stage.manifest->counts;
  }
  json["model"] = run.model_config;
  json["parameters"] = run.parameters ? Json(*run.parameters) : Json();
  json["training"] = nullptr;
  json["validation"] = Json::object();
  if (run.metrics) {
    if (const auto all = totals(*run.metrics)) {
      json["training"] = {
          {"steps", all->steps},           {"tokens", std::abs(all->tokens) < 1e15 ? Json(std::llround(all->tokens)) : Json()},
          {"seconds", all->seconds},       {"tokens_per_second", all->tokens_per_second},
          {"final_loss", all->final_loss}, {"not_finite_losses", run.metrics->not_finite_losses}};
    }
    for (const ValidationCurve& curve : run.metrics->validation) json["validation"][curve.subset] = curve.points.back().second;
  }
  json["bits_per_byte"] = nullptr;
  if (run.bits_per_byte) {
    json["bits_per_byte"] = Json::object();
    for (const BitsPerByte& one : *run.bits_per_byte)
      json["bits_per_byte"][one.subset] = {
          {"before", one.before}, {"after", one.after}, {"xz", one.xz}, {"bytes", one.bytes}, {"tokens", one.tokens}};
  }
  json["counts"] = counts;
  json["problems"] = page_problems(run);
  return json;
}

}  // namespace corollary
