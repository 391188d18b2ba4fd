#include "corpus/filters.h"

#include <algorithm>
#include <array>

#include "corpus/code/code_filters.h"
#include "corpus/papers/latex.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kMinWebBytes = 100, kMinPaperBytes = 500;  // the first is OpenWebMath's
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 24;

std::optional<Rejection> judge_web(const Candidate& candidate) {
  if (candidate.text.size() < kMinWebBytes) return Rejection{"too_short"};
  if (candidate.text.size() > kMaxTextBytes) return Rejection{"too_large"};
  if (!looks_english(candidate.text)) return Rejection{"not_english"};
  return std::nullopt;
}

std::optional<Rejection> judge_paper(const Candidate& candidate) {
  if (candidate.text.size() < kMinPaperBytes) return Rejection{"too_short"};
  if (candidate.text.size() > kMaxTextBytes) return Rejection{"too_large"};
  if (tex_program_density(candidate.text) > 0.02) return Rejection{"tex_program"};
  if (!looks_english(candidate.text)) return Rejection{"not_english"};
  return std::nullopt;
}

}  // namespace

Filter filter_for(const std::string& subset, const std::string& language, const CorpusConfig&) {
  if (subset == "web") return judge_web;
  if (subset == "papers") return judge_paper;
  return code_filter(language);
}

double numerical_density(std::string_view text) {
  std::int64_t digits = 0, characters = 0;
  for (const char c : text) {
    digits += is_ascii_digit(c);
    characters += !is_ascii_space(c) && (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // a continuation byte starts no character
  }
  return static_cast<double>(digits) / static_cast<double>(std::max<std::int64_t>(characters, 1));
}

bool looks_english(std::string_view text) {
  constexpr std::array<std::string_view, 12> kWords = {"the", "of",   "and",  "is",   "to", "in",
                                                       "for", "that", "with", "this", "be", "are"};
  constexpr std::int64_t kEnough = 200;
  std::int64_t words = 0, english = 0;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && (is_ascii_letter(text[end]) || static_cast<unsigned char>(text[end]) >= 0x80)) ++end;
    if (end == at) {
      ++at;
      continue;
    }
    const bool is_command = at > 0 && text[at - 1] == '\\';  // of TeX
    if (end - at <= 20 && !is_command) {
      ++words;
      const std::string word = ascii_lower(text.substr(at, end - at));
      english += std::find(kWords.begin(), kWords.end(), word) != kWords.end();
    }
    at = end;
  }
  return words < kEnough || 100 * english >= 3 * words;
}

}  // namespace corollary
