#include "corpus/steps/task.h"

#include <charconv>
#include <chrono>
#include <cstdlib>

#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/manifest.h"

namespace corollary {
namespace {

std::optional<std::size_t> parse_number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::size_t> environment_number(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? parse_number(value) : std::nullopt;
}

/// An array of elements MIN, MIN + STEP, ... of which this is TASK_ID.
TaskRange slurm_range() {
  const auto id = environment_number("SLURM_ARRAY_TASK_ID"), count = environment_number("SLURM_ARRAY_TASK_COUNT");
  if (!id || !count) return {};
  const std::size_t first = environment_number("SLURM_ARRAY_TASK_MIN").value_or(0),
                    step = environment_number("SLURM_ARRAY_TASK_STEP").value_or(1);
  check(*count > 0 && step > 0 && *id >= first && (*id - first) / step < *count,
        "this Slurm array's numbers do not fit together: element ", *id, " of ", *count, " from ", first);
  return {(*id - first) / step, *count};
}

}  // namespace

TaskRange parse_task_range(const std::string& text) {
  if (text == "auto") return slurm_range();
  const auto slash = text.find('/');
  const auto first = slash != std::string::npos ? parse_number(std::string_view(text).substr(0, slash)) : std::nullopt;
  const auto stride = slash != std::string::npos ? parse_number(std::string_view(text).substr(slash + 1)) : std::nullopt;
  check(first && stride && *first < *stride, "--shard must be I/N with I from 0 to N - 1, or auto inside a Slurm array, is ", text);
  return {*first, *stride};
}

std::optional<Json> TaskFolder::done(const Step& step, std::size_t task, std::string* why) const {
  const auto no = [&](std::string reason) -> std::optional<Json> {
    if (why != nullptr) *why = std::move(reason);
    return std::nullopt;
  };
  const fs::path path = record_path(step.name, step.tasks[task]);
  if (!fs::exists(path)) return no("not done");
  Json record;
  try {
    record = read_json_file(path);
    if (!record.is_object() || !record.contains("outputs") || !record["outputs"].is_object())
      return no("no record: " + path.string());
  } catch (const Error& error) {
    return no(error.what());
  }
  if (const std::string at = first_difference(record.value("config", Json()), step.config); !at.empty())
    return no("configuration changed: " + at);
  if (const std::string at = first_difference(record.value("inputs", Json()), step.inputs(task)); !at.empty())
    return no("inputs changed: " + at);
  for (const auto& [output, written] : record["outputs"].items()) {
    if (!written.is_object()) return no("no record: " + path.string());
    std::error_code error;
    const auto size = fs::file_size(work_ / output, error);
    if (error || Json(size) != written.value("bytes", Json())) return no("file lost: " + output);
  }
  return record;
}

bool TaskFolder::run(const Step& step, std::size_t task) const {
  if (done(step, task)) return false;
  const fs::path path = record_path(step.name, step.tasks[task]);
  std::error_code ignored;
  fs::remove(path, ignored);  // whatever it spoke for is about to change
  fs::create_directories(path.parent_path());
  const auto start = std::chrono::steady_clock::now();
  Json record = {{"step", step.name}, {"task", step.tasks[task]}, {"config", step.config}, {"inputs", step.inputs(task)}};
  const TaskResult result = step.run(task);
  Json outputs = Json::object();
  for (const std::string& output : result.outputs)
    outputs[output] = {{"bytes", fs::file_size(work_ / output)}, {"sha256", sha256_file(work_ / output)}};
  record["outputs"] = std::move(outputs);
  record["counts"] = result.counts;
  record["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  record["version"] = program_version();
  write_json_file(path, record);
  return true;
}

Json TaskFolder::record(const std::string& step, const std::string& task) const {
  const fs::path path = record_path(step, task);
  check(fs::exists(path), "task ", task, " of step ", step, " is not done (no ", path.string(), "): run that step first");
  return read_json_file(path);
}

Json TaskFolder::outputs(const std::string& step, const std::string& task) const {
  Json digests = Json::object();
  const Json written = record(step, task);
  for (const auto& [path, file] : written.at("outputs").items()) digests[path] = file.at("sha256");
  return digests;
}

}  // namespace corollary
