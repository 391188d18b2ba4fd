#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace corollary {

/// Byte offset of the first place that is not UTF-8 (overlong forms, surrogates and values above U+10FFFF are not); nullopt if
/// none.
std::optional<std::int64_t> invalid_utf8_at(std::string_view bytes);
/// Each maximal invalid piece becomes one U+FFFD.
std::string replace_invalid_utf8(std::string_view bytes);
/// Appends a code point as UTF-8; values that are none become U+FFFD.
void append_utf8(std::string& out, std::uint32_t code_point);

/// Bytes of the named charset (any spelling the C library knows; "" and unknown names: UTF-8) as UTF-8, errors replaced by U+FFFD.
std::string to_utf8(std::string_view bytes, const std::string& charset);

/// "\r\n" and "\r" become "\n"; NUL bytes and a leading byte order mark go.
std::string normalize_newlines(std::string_view text);

/// No blanks at line ends, at most one empty line together, none at either end; one newline at the end unless empty.
std::string tidy_lines(std::string_view text);

inline bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
inline bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
std::string ascii_lower(std::string_view text);
std::string_view trim(std::string_view text);

}  // namespace corollary
