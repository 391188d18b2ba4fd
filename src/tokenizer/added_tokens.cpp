#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "tokenizer/utf8.h"

namespace corollary {
namespace {

/// Bytes of the white space character (Unicode's White_Space) at the head of `text`, 0 if there is none.
std::size_t white_space_length(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r')) return 1;
  for (const std::string_view space :
       {"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"})
    if (text.starts_with(space)) return space.size();
  const bool is_wide_space = text.size() >= 3 && text.starts_with("\xe2\x80") && static_cast<unsigned char>(text[2]) <= 0x8A;
  return is_wide_space ? 3 : 0;  // U+2000 to U+200A
}

std::size_t leading_white_space(std::string_view text) {
  std::size_t length = 0;
  while (const std::size_t more = white_space_length(text.substr(length))) length += more;
  return length;
}

std::size_t trailing_white_space(std::string_view text) {
  std::size_t length = 0;
  for (bool found = true; found;) {
    found = false;
    for (std::size_t bytes = 1; bytes <= 3 && length + bytes <= text.size() && !found; ++bytes)
      if (white_space_length(text.substr(text.size() - length - bytes)) == bytes) length += bytes, found = true;
  }
  return length;
}

}  // namespace

std::string normalize_early(const Vocabulary& vocabulary, std::string_view text) {
  std::string out;
  if (vocabulary.prefix == Vocabulary::Prefix::always && !text.empty()) out = kSpaceSymbol;
  for (const char c : text) c == ' ' ? out += kSpaceSymbol : out += c;
  return out;
}

AddedTokens::AddedTokens(const Vocabulary& vocabulary, bool normalized) {
  for (const AddedToken& token : vocabulary.added_tokens) {
    if (token.is_normalized != normalized) continue;
    tokens_.push_back({normalized && vocabulary.normalizes_early ? normalize_early(vocabulary, token.text) : token.text, token});
    all_special_ = all_special_ && token.is_special;
  }
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const Token& a, const Token& b) { return a.pattern.size() > b.pattern.size(); });
  for (std::size_t i = 0; i < tokens_.size(); ++i) by_first_[static_cast<unsigned char>(tokens_[i].pattern[0])].push_back(i);
}

const AddedTokens::Token* AddedTokens::match(std::string_view rest, bool match_special) const {
  for (const std::size_t i : by_first_[static_cast<unsigned char>(rest[0])])
    if ((match_special || !tokens_[i].about.is_special) && rest.starts_with(tokens_[i].pattern)) return &tokens_[i];
  return nullptr;
}

std::vector<AddedTokens::Part> AddedTokens::split(std::string_view text, bool match_special) const {
  std::vector<Part> parts;
  std::size_t ordinary = 0;  // where the ordinary text under way begins
  for (std::size_t at = 0; at < text.size();) {
    const Token* token = match(text.substr(at), match_special);
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + token->pattern.size();
    if (token->about.strips_left) begin -= trailing_white_space(text.substr(ordinary, at - ordinary));
    if (token->about.strips_right) end += leading_white_space(text.substr(end));
    if (begin > ordinary) parts.push_back({text.substr(ordinary, begin - ordinary)});
    parts.push_back({text.substr(begin, end - begin), token->about.id});
    ordinary = at = end;
  }
  if (ordinary < text.size()) parts.push_back({text.substr(ordinary)});
  return parts;
}

}  // namespace corollary
