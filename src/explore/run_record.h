#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/manifest.h"
#include "explore/run_metrics.h"

namespace corollary {

/// One subset of evaluate/results.json: bits per byte of its test split; NaN where it was not measured.
struct BitsPerByte {
  std::string subset;
  double before = 0, after = 0;  ///< the untrained and the trained model
  double xz = 0;                 ///< `xz -9e` on the same bytes
  double bytes = 0, tokens = 0;  ///< measured on
};

/// All subsets together, each weighted by its bytes; nullopt unless every subset has bytes, before, after and xz.
std::optional<BitsPerByte> overall(const std::vector<BitsPerByte>& results);

/// One line of sample/samples.jsonl: a prompt of the recipe, what the model went on with (untrusted text), and the seed it drew
/// with.
struct Sample {
  std::string prompt, completion;
  std::optional<std::int64_t> seed;
};
struct Samples {
  std::vector<Sample> samples;
  std::int64_t malformed_lines = 0;
};

struct StageRecord {
  std::string name;
  std::optional<Manifest> manifest;  ///< none: the stage has not finished, or `problem` says why it cannot be read
  std::string manifest_sha256;
};

/// All that a run's folder (docs/architecture.md) tells, as far as it can be read.
struct RunRecord {
  std::string name;                 ///< of the folder
  std::vector<StageRecord> stages;  ///< fetch ... sample, in the order of the data
  std::optional<RunMetrics> metrics;
  std::optional<std::vector<BitsPerByte>> bits_per_byte;
  std::optional<Samples> samples;
  Json model_config;                                       ///< train/final/config.json; null if absent
  std::optional<std::int64_t> parameters;                  ///< of that model
  std::vector<std::string> problems;                       ///< files that are there but cannot be read, one sentence each
  Json inputs = Json::object();                            ///< path in the run's folder -> sha256, of every file read
  const Manifest* manifest(std::string_view stage) const;  ///< nullptr if that stage left none
};

/// Error if `run_folder` is no folder or holds no finished stage. Everything less is listed in `problems`.
RunRecord read_run(const fs::path& run_folder);

/// Each takes a file's text; `where` names it. Error if the shape is wrong.
std::vector<BitsPerByte> parse_results(std::string_view text, const std::string& where);
Samples parse_samples(std::string_view text);  ///< a line of the wrong shape is counted, not thrown
/// Weights of a Hugging Face Llama config.json; nullopt if a size is missing or absurd.
std::optional<std::int64_t> count_parameters(const Json& config);

}  // namespace corollary
