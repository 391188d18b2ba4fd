#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "corpus/document.h"

namespace corollary {

/// Whether a page may hold mathematics, before it is parsed (recipe/data.md 9.1).
struct PrefilterConfig {
  double min_math_score = 0.8;         ///< rule 3 asks for more
  std::int64_t min_score_chars = 500;  ///< and for text of more characters
  /// Rule 3 only where a backslash and two lower-case letters stand in the page, as the published code has it; else for every page
  /// that the other rules do not pass, as the paper says.
  bool as_published = false;
};

struct PrefilterVerdict {
  std::string_view rule;               ///< "marker", "command" or "math_score"; "" if rejected
  std::string_view mark;               ///< the marker, or the command without its backslash
  std::int64_t offset = 0;             ///< of the mark in the page (of a command found by `text_of`: in the text)
  std::optional<Rejection> rejection;  ///< "no_math"
};

/// The readable text of a page, UTF-8.
using TextOfPage = std::function<std::string(std::string_view html)>;
/// The classifier's probability that a text is mathematical.
using MathScore = std::function<double(std::string_view text)>;

/// Rule 1: a marker anywhere. Rule 2: a backslash before two lower-case letters anywhere, and one of the 84 commands in the text.
/// Rule 3: the classifier, if there is one. With `text_of` rule 2 asks its text, as upstream does, which costs an extraction for
/// every page with such a backslash. Without, a command counts where it stands outside tags, comments, scripts and styles of the
/// raw bytes: commands in menus and footers count too, those spelt with entities (&#92;frac) or torn by tags do not; rule 3 then
/// judges page_text(). The bytes may be in any encoding that agrees with ASCII on ASCII; UTF-16 is known by its byte order mark and
/// converted first.
PrefilterVerdict prefilter_page(std::string_view html, const PrefilterConfig& config = {}, const TextOfPage& text_of = {},
                                const MathScore& score_of = {});

/// What stands outside tags, comments, scripts and styles, tags becoming blanks; entities are left as they are.
std::string page_text(std::string_view html);

}  // namespace corollary
