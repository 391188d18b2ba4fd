#pragma once
#include <string>
#include <string_view>

#include "train/sft_config.h"

namespace corollary {

/// What stands around a query, in the two forms of Alpaca's layout: a sentence, "### Instruction:", perhaps "### Input:", "### Response:".
/// The response follows the last colon directly.
class PromptTemplate {
 public:
  PromptTemplate() = default;  ///< the built-in one
  /// Each text names {instruction}, the second {input} too. Error names what is missing.
  PromptTemplate(std::string without_input, std::string with_input);
  /// The files of the configuration, or the built-in text for each that is not given. A last newline of a file is no part of it.
  static PromptTemplate from_files(const SftConfig& config);

  /// `input` empty: the form without one.
  std::string prompt(std::string_view instruction, std::string_view input = {}) const;

 private:
  std::string without_input_ =
      "Below is a task. Write an answer that solves it completely.\n\n### Instruction:\n{instruction}\n\n### Response:";
  std::string with_input_ =
      "Below is a task, and the text it is about. Write an answer that solves it completely.\n\n"
      "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:";
};

/// A query in MetaMath's form: its first line is the instruction, the rest, if any, the input.
struct SplitQuery {
  std::string_view instruction, input;
};
SplitQuery split_query(std::string_view query);

}  // namespace corollary
