#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/checkpoint_folder.h"
#include "tokenizer/tokenizer.h"

namespace corollary {

/// A model and the tokenizer that belongs to it, in memory and ready to use.
struct LanguageModel {
  LoadedModel model;
  Tokenizer tokenizer;

  const LlamaConfig& config() const { return model.config; }
  /// Begins every text: the tokenizer's BOS, else the model's; -1 if neither has one.
  std::int32_t start_token() const;
  std::vector<std::int32_t> encode_with_start(std::string_view text) const;
};

/// Reads a Hugging Face folder and its tokenizer (or another one, a file or a folder, if given). Error if the tokenizer knows more
/// ids than the model has rows.
///   precision  "stored": bf16 if config.json says bfloat16, else f32;   "fp32";   "bf16";
///              "auto": bf16 where the processor multiplies it (AVX512-BF16), else f32
LanguageModel load_language_model(const fs::path& folder, const std::string& precision = "stored", const fs::path& tokenizer = {});

/// SHA-256 of the files of a model folder that decide what it computes: for manifests.
Json model_folder_digests(const fs::path& folder);

}  // namespace corollary
