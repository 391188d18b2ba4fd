#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "corpus/document.h"
#include "corpus/language/classifier.h"
#include "corpus/language/ngram_model.h"

namespace corollary {

/// What a page must be to stay (OpenWebMath, arXiv:2310.06786, and its final filter). A model that is not given is not asked; without
/// a language model guess_language answers.
struct WebClassifierConfig {
  std::string language_model;    ///< fastText, e.g. lid.176.ftz; empty: function words and scripts
  std::string math_model;        ///< fastText, from `corollary corpus train-mathscore`
  std::string perplexity_model;  ///< n-gram model, from `corollary corpus train-lm`, ARPA or KenLM
  std::string language = "en";
  double min_language_probability = 0.5;
  std::string math_label = "positive";
  double min_math_score = 0.17;               ///< where the page has formulas; while crawling 0.15
  double min_math_score_without_math = 0.8;
  double max_perplexity = 15'000;             ///< while crawling 30,000
  /// Longer texts are judged by their beginning and evenly spread pieces, together so many bytes (sample_text). 0: always by the whole,
  /// as published; a third of the speed.
  std::int64_t judged_bytes = 4096;

  static void each(auto& config, auto&& visit) {
    visit("language_model", config.language_model);
    visit("math_model", config.math_model);
    visit("perplexity_model", config.perplexity_model);
    visit("language", config.language);
    visit("min_language_probability", config.min_language_probability);
    visit("math_label", config.math_label);
    visit("min_math_score", config.min_math_score);
    visit("min_math_score_without_math", config.min_math_score_without_math);
    visit("max_perplexity", config.max_perplexity);
    visit("judged_bytes", config.judged_bytes);
  }
};

struct WebScores {
  std::string language;  ///< "und": could not be told
  double language_probability = 0;
  std::optional<double> math_score, perplexity;  ///< not there: no such model, or a verdict came before
};

/// Scores and judges extracted pages. Thread-safe; a pure function of text and configuration.
class WebClassifier {
 public:
  /// Opens the models. Throws Error if one is not readable.
  explicit WebClassifier(const WebClassifierConfig& config);

  /// All scores. Formulas and code count for nothing in language and MathScore and as one word each in perplexity.
  WebScores score(std::string_view text) const;
  /// "not_english", "low_math_score" or "high_perplexity", the first that holds; nothing: keep. `has_math`: whether formulas were found;
  /// if not known, contains_formula(text). `scores`, if given, receives what was computed on the way.
  std::optional<Rejection> judge(std::string_view text, std::optional<bool> has_math = {}, WebScores* scores = nullptr) const;
  /// Only the first of these.
  std::optional<Rejection> judge_language(std::string_view text, WebScores* scores = nullptr) const;

  /// Name and SHA-256 of each model: for manifests.
  Json model_digests() const;

 private:
  /// Whether the language may be the one wanted.
  bool set_language(std::string_view text, WebScores& scores) const;
  void set_math_score(std::string_view text, WebScores& scores) const;
  void set_perplexity(std::string_view text, WebScores& scores) const;
  WebClassifierConfig config_;
  std::optional<TextClassifier> language_, math_;
  std::optional<NgramModel> perplexity_;
};

/// The text, or of a longer one about max_bytes: its first half of that, then eight pieces from evenly spread places, cut at blanks,
/// parted by newlines. `scratch` holds the copy. max_bytes 0: the text.
std::string_view sample_text(std::string_view text, std::int64_t max_bytes, std::string& scratch);

/// What MathScore sees of a page: normalised, one line, without formulas and TeX commands.
std::string math_score_features(std::string_view text);

/// Whether the text holds $..$ or $$..$$.
bool contains_formula(std::string_view text);

/// Whether the text holds one of the 84 LaTeX commands by which OpenWebMath tells mathematics; also as the beginning of a longer one.
bool contains_popular_latex(std::string_view text);

}  // namespace corollary
