#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "corpus/text.h"

/// The small steps of reading TeX: names, groups, blanks. All work on bytes of UTF-8 and never look beyond the text.
namespace corollary::latex {

constexpr std::size_t kNone = std::string_view::npos;

/// Which bytes end a run of plain text.
using ByteSet = std::array<bool, 256>;
ByteSet byte_set(std::string_view bytes);
/// The first place at or after `at` with one of them; text.size() if none.
inline std::size_t find_byte(std::string_view text, std::size_t at, const ByteSet& set) {
  while (at < text.size() && !set[static_cast<unsigned char>(text[at])]) ++at;
  return at;
}

/// Letters, and '@' between \makeatletter and \makeatother.
inline bool is_name_char(char c, bool at_letter) { return is_ascii_letter(c) || (c == '@' && at_letter); }
inline std::size_t name_end(std::string_view text, std::size_t at, bool at_letter = false) {
  while (at < text.size() && is_name_char(text[at], at_letter)) ++at;
  return at;
}
/// Place of the next newline, or the end of the text.
inline std::size_t line_end(std::string_view text, std::size_t at) { return std::min(text.find('\n', at), text.size()); }
/// Behind blanks, newlines and comments.
std::size_t skip_blanks(std::string_view text, std::size_t at);
/// The place behind the group whose '{' is at `at`, escapes and comments respected; nothing if it does not close within `limit`
/// bytes.
std::optional<std::size_t> group_end(std::string_view text, std::size_t at, std::size_t limit);
/// The same for '[' ... ']', braces inside respected.
std::optional<std::size_t> bracket_end(std::string_view text, std::size_t at, std::size_t limit);
/// Whether the text ends with a control word (\alpha), so that a letter written behind it would lengthen its name.
bool ends_with_control_word(std::string_view text);

/// A macro's value: comments gone with the blanks that TeX skips after them, runs of blanks one blank (or an empty line), none at
/// the ends.
std::string tidy_value(std::string_view value);

/// Behind the arguments a command takes, by one letter each: s a star, o [..], m {..} or a token, c a control sequence in braces or
/// not. Nothing if they are not there.
std::optional<std::size_t> skip_arguments(std::string_view text, std::size_t at, std::string_view signature, bool at_letter);

}  // namespace corollary::latex
