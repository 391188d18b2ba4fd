#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "corpus/text.h"

namespace corollary {

inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// Lines "Name: value" as WARC and HTTP have them, ended by "\r\n" or "\n"; a line that begins with a blank continues the one
/// before. A view: valid as long as the bytes it was made of. Lines without a colon are passed over.
struct HeaderBlock {
  std::string_view text;

  /// Calls visit(name, value) for each field in order until it returns true. Values are trimmed; of a folded one the inner line
  /// ends stay.
  void each(auto&& visit) const {
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = line_end(at);
      while (end < text.size() && (text[end] == ' ' || text[end] == '\t')) end = line_end(end);
      const std::string_view line = text.substr(at, end - at);
      at = end;
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      if (visit(trim(line.substr(0, colon)), trim(line.substr(colon + 1)))) return;
    }
  }

  /// The first field of that name, in any case.
  std::optional<std::string_view> find(std::string_view name) const {
    std::optional<std::string_view> found;
    each([&](std::string_view field, std::string_view value) {
      if (!equals_ignoring_case(field, name)) return false;
      found = value;
      return true;
    });
    return found;
  }

 private:
  /// Just after the line that holds byte `at`.
  std::size_t line_end(std::size_t at) const {
    const std::size_t newline = text.find('\n', at);
    return newline == std::string_view::npos ? text.size() : newline + 1;
  }
};

/// Just after the empty line that ends a header beginning at 0, npos if it is not there.
inline std::size_t header_end(std::string_view bytes) {
  for (std::size_t at = 0; (at = bytes.find('\n', at)) != std::string_view::npos;) {
    ++at;
    if (at < bytes.size() && bytes[at] == '\n') return at + 1;
    if (at + 1 < bytes.size() && bytes[at] == '\r' && bytes[at + 1] == '\n') return at + 2;
  }
  return std::string_view::npos;
}

}  // namespace corollary
