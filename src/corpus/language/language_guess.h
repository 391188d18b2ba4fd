#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace corollary {

/// What can be said of a text's language without a model: by script, and for Latin and Cyrillic letters by the function words of 26 and
/// 5 languages. For real identification of 176 languages give a fastText model (TextClassifier); this is what works with nothing.
struct LanguageGuess {
  std::string language = "und";  ///< ISO 639-1, "und": too little to say
  double probability = 0;        ///< 0 to 1: this language's share of what speaks for it and for the next best one
  std::string second;            ///< the next best one, "" if scripts decided
  std::int64_t words = 0;        ///< that were looked at: runs of letters that are no TeX commands
};

/// A pure function; 0.2 GB/s. Texts of fewer than 3 recognised function words and no other script are "und".
LanguageGuess guess_language(std::string_view text);

/// The languages it knows.
std::vector<std::string> guessable_languages();

}  // namespace corollary
