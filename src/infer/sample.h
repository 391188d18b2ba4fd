#pragma once
#include <string>
#include <vector>

#include "base/manifest.h"

namespace corollary {

struct SampleConfig {
  double temperature = 0.7;
  std::int64_t top_k = 0;
  double top_p = 1.0;
  std::int64_t max_new_tokens = 120;
  std::int64_t seed = 1234;
  std::string precision = "stored";  ///< infer/language_model.h
  std::vector<std::string> prompts;

  static void each(auto& config, auto&& visit) {
    visit("temperature", config.temperature);
    visit("top_k", config.top_k);
    visit("top_p", config.top_p);
    visit("max_new_tokens", config.max_new_tokens);
    visit("seed", config.seed);
    visit("precision", config.precision);
    visit("prompts", config.prompts);
  }
};

/// The sample stage: one completion of every prompt by the model of a Hugging Face folder, as out/samples.jsonl, a line each:
/// {"prompt", "completion", "seed", "sample", "finish"}; sample is the number of the prompt and keys its draws.
StageResult sample(const SampleConfig& config, const fs::path& model_folder, const fs::path& out);

}  // namespace corollary
