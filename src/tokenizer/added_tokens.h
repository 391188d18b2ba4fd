#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace corollary {

/// Finds the added tokens of a tokenizer.json in text: the leftmost first, the longest of those that begin at one place.
class AddedTokens {
 public:
  /// Those with is_normalized == normalized, in the spelling that `normalized` text has them.
  AddedTokens(const Vocabulary& vocabulary, bool normalized);

  struct Part {
    std::string_view text;
    std::int32_t id = -1;  ///< of an added token; -1: ordinary text
  };
  /// The parts of `text` in order; special tokens count as ordinary text unless `match_special`.
  std::vector<Part> split(std::string_view text, bool match_special) const;
  bool can_match(bool match_special) const { return !tokens_.empty() && (match_special || !all_special_); }

 private:
  struct Token {
    std::string pattern;
    AddedToken about;
  };
  const Token* match(std::string_view rest, bool match_special) const;
  std::vector<Token> tokens_;                             // longest first
  std::array<std::vector<std::size_t>, 256> by_first_{};  // into tokens_
  bool all_special_ = true;
};

/// The normalizer of Llama's tokenizer.json: spaces to U+2581, one more before a text that is not empty if the prefix is `always`.
std::string normalize_early(const Vocabulary& vocabulary, std::string_view text);

}  // namespace corollary
