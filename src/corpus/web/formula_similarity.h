#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace corollary {

/// How well an extracted text keeps a page's formulas, after the formula measure of WebMainBench (1 - edit distance of the
/// formulas, mean over pages that have some):
///   both texts' formulas in the order of the page, each normalised (normalized_formula), joined by "\n" into A and B;
///   similarity = 1 - levenshtein(A, B) / max(|A|, |B|), in bytes; 1 if both are empty.
/// A formula missed, invented, moved or altered costs its length.

/// The formulas of a text as html_to_text() writes it, in order, without delimiters: $..$, $$..$$ (not "\$", nothing in code), and
/// environments \begin{align} and its kind that stand for themselves.
std::vector<std::string> formulas_in(std::string_view text);

/// For a truth that holds paragraphs and displays only: the text without headings, list items ("- ", "1. " and what is indented
/// below) and table rows (" | "), but for the displays ($$) in them.
std::string without_lists_and_tables(std::string_view text);

/// One list of a page's formulas, in order, of two that are each in order: each formula stands where `text`, the truth's prose, has
/// it in its delimiters; one that is not there (of a list or table) behind the one before it.
std::vector<std::string> in_page_order(std::string_view text, const std::vector<std::string>& displays,
                                       const std::vector<std::string>& inlines);

/// A formula without what does not change its look, or only its size: white space, "\displaystyle", "\label{..}", \left and \right,
/// \begin{equation} around all of it, braces around one sign or command or around all of it; one spelling for signs that have
/// several (\le, \leq, the character). Two converters of MathML agree in little but this.
std::string normalized_formula(std::string_view latex);
/// Without white space only: the strict measure beside it.
std::string plain_formula(std::string_view latex);

/// Normalised and joined by newlines.
std::string joined_formulas(const std::vector<std::string>& formulas,
                            std::string (*normalize)(std::string_view) = normalized_formula);

/// Levenshtein distance in bytes (Myers' bit-parallel algorithm in Hyyrö's block form): |a| * |b| / 64 steps.
std::int64_t edit_distance(std::string_view a, std::string_view b);
/// 1 - distance / longer length; 1 for two empty texts.
double edit_similarity(std::string_view a, std::string_view b);

/// Of `expected`, how many stand in `found` too, both normalised: the longest common subsequence, so order counts.
std::int64_t formulas_in_common(const std::vector<std::string>& expected, const std::vector<std::string>& found);

/// F1 of words (runs of letters, digits and non-ASCII characters, lower case), as multisets; formulas and marks left out on both
/// sides. 1 for two texts without words.
struct WordScore {
  double precision = 0, recall = 0, f1 = 0;
};
WordScore word_score(std::string_view expected, std::string_view found);

}  // namespace corollary
