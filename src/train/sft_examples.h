#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "tokenizer/tokenizer.h"
#include "train/prompt_template.h"
#include "train/sft_config.h"

namespace corollary {

/// Queries and responses as token ids, in the order of the file: beginning-of-text if the tokenizer has it, prompt, response,
/// end-of-text. Prompt and response are encoded as one text, so no piece spans an artificial border.
class SftExamples {
 public:
  struct Example {
    std::int64_t begin = 0;   ///< in all tokens
    std::int64_t length = 0;  ///< ids, end-of-text included unless truncated
    std::int64_t prompt = 0;  ///< of these, how many are not learned: at least 1, fewer than length
  };

  /// Examples of more than max_length ids are cut to it or left out, as config.too_long says; those without a response, or whose prompt
  /// alone fills max_length, are left out. Error naming file and line if a line is no JSON object or lacks a field.
  SftExamples(const fs::path& file, const SftConfig& config, const Tokenizer& tokenizer, std::int64_t max_length);

  std::int64_t size() const { return static_cast<std::int64_t>(examples_.size()); }
  const Example& example(std::int64_t i) const { return examples_[static_cast<std::size_t>(i)]; }
  std::span<const std::int32_t> ids(std::int64_t i) const;
  /// {"read", "kept", "truncated", "rejected": {reason: n}, "tokens", "response_tokens"}
  const Json& counts() const { return counts_; }

 private:
  std::vector<std::int32_t> tokens_;
  std::vector<Example> examples_;
  Json counts_;
};

}  // namespace corollary
