#include "tokenizer/word_cuts.h"

#include "tokenizer/utf8.h"

namespace corollary {

WordCuts::WordCuts(const Vocabulary& vocabulary, const MergeRules& rules) : table_(1 << 16, 1) {
  for (int left = 0; left < 256; ++left)
    for (int right = 0x80; right < 0xC0; ++right)
      table_[pair(static_cast<char>(left), static_cast<char>(right))] = 0;  // inside a character
  rules.for_each_border([&](std::string_view left, std::string_view right) { forbid(left, right); });
  for (const Piece& piece : vocabulary.pieces) {
    if (piece.type != PieceType::user_defined) continue;
    const std::string_view text = piece.text;
    for (std::size_t at = 1; at < text.size(); ++at)
      if (!is_utf8_continuation(text[at])) forbid(text.substr(0, at), text.substr(at));
  }
}

/// No cut between `left` and `right`, in any spelling the raw text can have for them.
void WordCuts::forbid(std::string_view left, std::string_view right) {
  std::string lasts(1, left.back()), firsts(1, right.front());
  if (left.ends_with(kSpaceSymbol)) lasts += ' ';
  if (right.starts_with(kSpaceSymbol)) firsts += ' ';
  if (left.ends_with(kReplacementCharacter))
    for (int byte = 0x80; byte < 0x100; ++byte) lasts += static_cast<char>(byte);
  if (right.starts_with(kReplacementCharacter))
    for (int byte = 0x80; byte < 0x100; ++byte) firsts += static_cast<char>(byte);
  for (const char last : lasts)
    for (const char first : firsts) table_[pair(last, first)] = 0;
}

}  // namespace corollary
