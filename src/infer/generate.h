#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/language_model.h"
#include "infer/sampling.h"

namespace corollary {

enum class Finish { end_of_text, max_new_tokens, context_full, stopped };
const char* name_of(Finish finish);  ///< "end_of_text", ...

struct Generation {
  std::string text;                  ///< of the new tokens, without the prompt
  std::vector<std::int32_t> tokens;  ///< new ones, the end token left out
  std::int64_t prompt_tokens = 0;    ///< the start token among them
  Finish finish = Finish::max_new_tokens;
};

/// Continues `prompt` (an empty one from the start token) until the end token, max_new_tokens, the end of the model's positions, or
/// Ctrl-C. `sample` tells completions of the same seed apart. on_text, if given, gets the text as it comes, cut between characters.
/// Error if the prompt is longer than the model's positions.
Generation generate(const LanguageModel& model, std::string_view prompt, std::int64_t max_new_tokens,
                    const SamplingConfig& sampling, std::uint64_t sample = 0,
                    const std::function<void(std::string_view)>& on_text = {});

}  // namespace corollary
