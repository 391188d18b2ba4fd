#include "corpus/language/web_classify.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/digest.h"
#include "base/error.h"
#include "corpus/language/language_guess.h"
#include "corpus/language/normalise.h"
#include "corpus/text.h"
#include "corpus/web/math_marks.h"

namespace corollary {
namespace {

constexpr std::int64_t kEnoughWords = 200;  // of which some should be function words of the language it is in
constexpr double kSurelyAnother = 0.6;       // of a guess: below it the wanted one came close, as in lists and manuals
constexpr int kPieces = 8;

bool is_blank(char c) { return is_ascii_space(c); }

}  // namespace

bool contains_popular_latex(std::string_view text) {
  for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.empty() || !is_ascii_letter(rest[0])) continue;
    for (const std::string_view command : kMathCommands)
      if (rest.starts_with(command)) return true;
  }
  return false;
}

bool contains_formula(std::string_view text) {
  if (text.find('$') == std::string_view::npos) return false;
  return normalise(text).find("[EQUATION]") != std::string::npos;
}

std::string_view sample_text(std::string_view text, std::int64_t max_bytes, std::string& scratch) {
  const auto limit = static_cast<std::size_t>(max_bytes);
  if (max_bytes <= 0 || text.size() <= limit) return text;
  scratch.clear();
  const auto piece = [&](std::size_t begin, std::size_t size) {
    std::size_t end = std::min(begin + size, text.size());
    // Whole words, unless there is no blank nearby.
    for (int i = 0; i < 64 && begin > 0 && begin < end && !is_blank(text[begin - 1]); ++i) ++begin;
    for (int i = 0; i < 64 && end < text.size() && end > begin && !is_blank(text[end]); ++i) --end;
    scratch.append(text, begin, end - begin) += '\n';
  };
  const std::size_t head = limit / 2, each = (limit - head) / kPieces, rest = text.size() - head;
  piece(0, head);
  for (std::size_t i = 0; i < kPieces; ++i) piece(head + i * (rest / kPieces) + (rest / kPieces - each) / 2, each);
  return scratch;
}

std::string math_score_features(std::string_view text) {
  const std::string plain = normalise(text, {.marks_formulas = false});
  std::string out;
  out.reserve(plain.size());
  for (std::size_t at = 0; at < plain.size();) {
    if (plain[at] == '\\' && at + 1 < plain.size() && is_ascii_letter(plain[at + 1])) {
      for (++at; at < plain.size() && is_ascii_letter(plain[at]); ++at) {
      }
      out += ' ';
    } else {
      out += plain[at++];
    }
  }
  return out;
}

WebClassifier::WebClassifier(const WebClassifierConfig& config) : config_(config) {
  if (!config.language_model.empty()) language_.emplace(fs::path(config.language_model));
  if (!config.math_model.empty()) {
    math_.emplace(fs::path(config.math_model));
    const std::vector<std::string> labels = math_->labels();
    check(std::ranges::find(labels, config.math_label) != labels.end(), "the model ", config.math_model, " has no label ", config.math_label,
          ": say with math_label which of its labels means mathematics; its first is ", labels.front());
  }
  if (!config.perplexity_model.empty()) perplexity_.emplace(fs::path(config.perplexity_model));
}

bool WebClassifier::set_language(std::string_view text, WebScores& scores) const {
  // Formulas and code go first: a sample may begin inside of one and would take the words between two for the inside.
  std::string all_prose, scratch;
  without_formulas(text, all_prose);
  const std::string_view prose = sample_text(all_prose, config_.judged_bytes, scratch);
  if (language_) {
    const LabelScore best = language_->best(prose);
    scores.language = best.label.empty() ? "und" : best.label;
    scores.language_probability = best.probability;
    return scores.language == config_.language && scores.language_probability >= config_.min_language_probability;
  }
  const LanguageGuess guess = guess_language(prose);
  scores.language = guess.language, scores.language_probability = guess.probability;
  // Formulas and names alone are in no language; but a long text without a known function word is not in the one wanted.
  if (guess.language == "und") return guess.words < kEnoughWords;
  return guess.language == config_.language || (guess.second == config_.language && guess.probability < kSurelyAnother);
}

void WebClassifier::set_math_score(std::string_view text, WebScores& scores) const {
  if (!math_) return;
  std::string scratch;
  const std::string features = math_score_features(text);
  scores.math_score = math_->probability(sample_text(features, config_.judged_bytes, scratch), config_.math_label);
}

void WebClassifier::set_perplexity(std::string_view text, WebScores& scores) const {
  if (!perplexity_) return;
  std::string scratch;
  const std::string normalised = normalise(text);
  scores.perplexity = perplexity_->score(sample_text(normalised, config_.judged_bytes, scratch)).perplexity();
}

std::optional<Rejection> WebClassifier::judge_language(std::string_view text, WebScores* scores) const {
  WebScores own;
  WebScores& out = scores ? *scores : own;
  if (set_language(text, out)) return {};
  return Rejection{"not_english", 0, fmt::format("{} {:.2f}", out.language, out.language_probability)};
}

std::optional<Rejection> WebClassifier::judge(std::string_view text, std::optional<bool> has_math, WebScores* scores) const {
  WebScores own;
  WebScores& out = scores ? *scores : own;
  if (auto rejection = judge_language(text, &out)) return rejection;
  set_math_score(text, out);
  if (math_) {
    const bool is_math = has_math ? *has_math : contains_formula(text);
    const double least = is_math ? config_.min_math_score : config_.min_math_score_without_math;
    if (*out.math_score < least) return Rejection{"low_math_score", 0, fmt::format("{:.3f} < {:.3g}", *out.math_score, least)};
  }
  if (perplexity_) {
    set_perplexity(text, out);
    if (*out.perplexity > config_.max_perplexity) return Rejection{"high_perplexity", 0, fmt::format("{:.0f}", *out.perplexity)};
  }
  return {};
}

WebScores WebClassifier::score(std::string_view text) const {
  WebScores out;
  set_language(text, out);
  set_math_score(text, out);
  set_perplexity(text, out);
  return out;
}

Json WebClassifier::model_digests() const {
  Json out = Json::object();
  for (const std::string& path : {config_.language_model, config_.math_model, config_.perplexity_model})
    if (!path.empty()) out[path] = sha256_file(path);
  return out;
}

}  // namespace corollary
