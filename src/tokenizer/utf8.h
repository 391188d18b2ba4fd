#pragma once
#include <cstddef>
#include <string_view>

namespace corollary {

inline constexpr std::string_view kSpaceSymbol = "\xe2\x96\x81";           ///< U+2581, what SentencePiece writes for a space
inline constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";  ///< U+FFFD, what stands for a malformed byte

inline bool is_utf8_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// Bytes of the character at the head of `text`, 1 to 4; 0 if it is malformed: a stray continuation byte, an overlong form, a
/// surrogate, a code point above U+10FFFF, a character cut short. `text` must not be empty.
inline int utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto trails = [&](std::size_t i) { return i < text.size() && is_utf8_continuation(text[i]); };
  const unsigned head = at(0);
  if (head < 0x80) return 1;
  if (head < 0xC2 || head > 0xF4 || !trails(1)) return 0;
  if (head < 0xE0) return 2;
  if (!trails(2)) return 0;
  if (head < 0xF0) return (head == 0xE0 && at(1) < 0xA0) || (head == 0xED && at(1) > 0x9F) ? 0 : 3;
  if (!trails(3)) return 0;
  return (head == 0xF0 && at(1) < 0x90) || (head == 0xF4 && at(1) > 0x8F) ? 0 : 4;
}

/// True if more bytes could still make a character of `text` (1 to 3 bytes that are not one yet).
inline bool is_utf8_prefix(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned head = at(0);
  const std::size_t need = head >= 0xF0 ? 4 : head >= 0xE0 ? 3 : 2;
  if (head < 0xC2 || head > 0xF4 || text.size() >= need) return false;
  for (std::size_t i = 1; i < text.size(); ++i)
    if (!is_utf8_continuation(text[i])) return false;
  if (text.size() == 1) return true;
  const unsigned second = at(1);
  return !((head == 0xE0 && second < 0xA0) || (head == 0xED && second > 0x9F) || (head == 0xF0 && second < 0x90) ||
           (head == 0xF4 && second > 0x8F));
}

inline bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const int length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(static_cast<std::size_t>(length));
  }
  return true;
}

}  // namespace corollary
