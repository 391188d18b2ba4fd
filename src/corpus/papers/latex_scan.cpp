#include "corpus/papers/latex_scan.h"

#include <algorithm>

namespace corollary::latex {

ByteSet byte_set(std::string_view bytes) {
  ByteSet set{};
  for (const char c : bytes) set[static_cast<unsigned char>(c)] = true;
  return set;
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    if (is_ascii_space(text[at]))
      ++at;
    else if (text[at] == '%')
      at = line_end(text, at);
    else
      break;
  }
  return at;
}

std::optional<std::size_t> group_end(std::string_view text, std::size_t at, std::size_t limit) {
  static const ByteSet kMarks = byte_set("\\{}%");
  text = text.substr(0, limit < text.size() - at ? at + limit : text.size());
  std::size_t depth = 0;
  for (std::size_t i = at; (i = find_byte(text, i, kMarks)) < text.size();) {
    if (text[i] == '\\') {
      i += 2;
    } else if (text[i] == '%') {
      i = line_end(text, i);
    } else {
      if (text[i] == '{')
        ++depth;
      else if (--depth == 0)
        return i + 1;
      ++i;
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> bracket_end(std::string_view text, std::size_t at, std::size_t limit) {
  static const ByteSet kMarks = byte_set("\\{}%]");
  text = text.substr(0, limit < text.size() - at ? at + limit : text.size());
  std::size_t depth = 0;
  for (std::size_t i = at + 1; (i = find_byte(text, i, kMarks)) < text.size();) {
    if (text[i] == '\\') {
      i += 2;
    } else if (text[i] == '%') {
      i = line_end(text, i);
    } else {
      if (text[i] == ']' && depth == 0) return i + 1;
      if (text[i] == '{') ++depth;
      if (text[i] == '}' && depth-- == 0) return std::nullopt;
      ++i;
    }
  }
  return std::nullopt;
}

bool ends_with_control_word(std::string_view text) {
  constexpr std::size_t kLongestName = 64;
  std::size_t at = text.size();
  while (at > 0 && text.size() - at < kLongestName && is_ascii_letter(text[at - 1])) --at;
  if (at == text.size() || at == 0 || text[at - 1] != '\\') return false;
  bool is_command = false;  // "\\alpha" after "\\" is a line break and a word
  for (; at > 0 && text[at - 1] == '\\'; --at) is_command = !is_command;
  return is_command;
}

std::string tidy_value(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (std::size_t at = 0; at < value.size();) {
    if (value[at] == '\\') {
      out.append(value, at, 2);
      at += 2;
    } else if (value[at] == '%') {
      at = line_end(value, at) + 1;
      while (at < value.size() && (value[at] == ' ' || value[at] == '\t')) ++at;
    } else if (is_ascii_space(value[at])) {
      int newlines = 0;
      for (; at < value.size() && is_ascii_space(value[at]); ++at) newlines += value[at] == '\n';
      if (!out.empty()) out += newlines > 1 ? "\n\n" : " ";
    } else {
      out += value[at++];
    }
  }
  while (!out.empty() && is_ascii_space(out.back()) && !(out.size() > 1 && out[out.size() - 2] == '\\')) out.pop_back();
  return out;
}

std::optional<std::size_t> skip_arguments(std::string_view text, std::size_t at, std::string_view signature, bool at_letter) {
  constexpr std::size_t kLongest = 1 << 16;
  for (const char kind : signature) {
    const std::size_t begin = skip_blanks(text, at);
    const char c = begin < text.size() ? text[begin] : '\0';
    if (kind == 's') {
      if (c == '*') at = begin + 1;
    } else if (kind == 'o') {
      if (c != '[') continue;
      const auto end = bracket_end(text, begin, kLongest);
      if (!end) return std::nullopt;
      at = *end;
    } else if (c == '{') {
      const auto end = group_end(text, begin, kLongest);
      if (!end) return std::nullopt;
      at = *end;
    } else if (c == '\\' && begin + 1 < text.size()) {
      at = std::max(name_end(text, begin + 1, at_letter), begin + 2);
    } else {
      return std::nullopt;
    }
  }
  return at;
}

}  // namespace corollary::latex
