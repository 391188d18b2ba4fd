#pragma once
#include <string>
#include <vector>

#include "base/manifest.h"
#include "infer/language_model.h"

namespace corollary {

struct EvaluateConfig {
  std::int64_t max_bytes_per_subset = 400'000;  ///< of text: the first whole documents that fit, at least one; 0: all
  std::int64_t seq_len = 0;                     ///< longest context; 0: the model's max_position_embeddings
  std::int64_t batch_tokens = 4096;             ///< of one forward pass
  std::string precision = "auto";               ///< infer/language_model.h

  static void each(auto& config, auto&& visit) {
    visit("max_bytes_per_subset", config.max_bytes_per_subset);
    visit("seq_len", config.seq_len);
    visit("batch_tokens", config.batch_tokens);
    visit("precision", config.precision);
  }
};

/// Texts of a JSON Lines file ({"text", ...}, .zst and .gz too).
struct EvaluationTexts {
  std::vector<std::string> texts;
  std::int64_t bytes = 0;     ///< of all texts
  std::int64_t rejected = 0;  ///< lines that are no document: left out, the first few logged with file and line
};
/// The first documents up to max_bytes, whole ones, at least one; 0: all. Error if the file holds none.
EvaluationTexts read_evaluation_texts(const fs::path& file, std::int64_t max_bytes);

/// How well a model predicts texts (docs/formats/results.md says exactly what is summed).
struct Likelihood {
  double nats = 0;          ///< -log p of all tokens of all texts
  std::int64_t tokens = 0;  ///< scored: all but the start tokens
  std::int64_t bytes = 0;   ///< of the texts as they stand in the file
  double bits_per_byte() const;
  double nats_per_token() const;
};
Likelihood measure_likelihood(const LanguageModel& model, const std::vector<std::string>& texts, const EvaluateConfig& config);

/// The evaluate stage: bits per byte on corpus/{subset}/test.jsonl.zst of the models in train/initial and train/final, and of xz
/// -9e on the same bytes: out/results.json.
StageResult evaluate(const EvaluateConfig& config, const fs::path& corpus_folder, const fs::path& train_folder,
                     const fs::path& out);

}  // namespace corollary
