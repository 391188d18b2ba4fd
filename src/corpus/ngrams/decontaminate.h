#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/document.h"

namespace corollary {

struct DecontaminateConfig {
  std::vector<std::string> tests;  ///< JSON Lines files of test items; none: the step is left out
  std::vector<std::string> fields = {"problem", "solution", "question", "answer", "input", "output"};  ///< of them, what is text
  std::vector<std::int64_t> ngrams = {13, 30};  ///< a common n-gram of any of these lengths is a hit; words as WordRule::normalised
  double min_coverage = 0;                      ///< of a test text's words that one document's hits must cover before it counts
  std::string action = "drop";                  ///< "drop" the document, "cut" the hit with its surroundings, or "report" only
  std::int64_t margin_bytes = 200;              ///< cut on each side of a hit, to the next white space
  static void each(auto& config, auto&& visit) {
    visit("tests", config.tests);
    visit("fields", config.fields);
    visit("ngrams", config.ngrams);
    visit("min_coverage", config.min_coverage);
    visit("action", config.action);
    visit("margin_bytes", config.margin_bytes);
  }
};

/// A test text of which a document holds n-grams.
struct Contamination {
  std::string test;                    ///< file, line and field
  std::int64_t n = 0;                  ///< the longest of the lengths looked for that matched
  double coverage = 0;                 ///< of the test text's words
  std::int64_t offset = 0, bytes = 0;  ///< in the document: from the first to the last matching word
  std::string ngram;                   ///< the first match, as compared
};

/// Compares documents with test sets. Immutable: any thread may judge. Memory: NgramIndex's.
class Decontaminator {
 public:
  /// Reads the test files. Error naming what is wrong with them or the configuration.
  explicit Decontaminator(const DecontaminateConfig& config);
  ~Decontaminator();
  struct Verdict {
    std::vector<Contamination> found;  ///< by test text, in order of their first match
    std::optional<std::string> text;   ///< what is left of the document after a cut; nothing: it is dropped, unless found is empty
  };
  Verdict judge(std::string_view text) const;
  std::size_t size() const;  ///< n-grams

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace corollary
