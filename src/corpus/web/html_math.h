#pragma once
#include <string>
#include <string_view>

#include "corpus/web/html_tree.h"

namespace corollary {

/// LaTeX found in an element that is itself a formula.
struct HtmlFormula {
  std::string latex;  ///< without delimiters; empty: a formula, but nothing to be had from it
  bool is_display = false;
};

/// Whether `node` is a formula, and which: <math> (annotation, else alttext, else its text), <script type="math/tex">, and images
/// of formulas (alt, or the address of the usual renderers).
bool is_formula(HtmlNode node);
HtmlFormula read_formula(HtmlNode node);

/// TeX comments, which end at a line's end, removed: once blanks are collapsed they would swallow what follows.
std::string without_comments(std::string_view latex);

/// "$latex$" or "$$latex$$" with comments dropped, blanks collapsed and enclosing delimiters removed; "" for nothing.
std::string delimited(const HtmlFormula& formula);

/// Rewrites the delimiters \( \) to $ and \[ \] to $$ in a page's text, counting formulas (also $$ pairs). A doubled backslash, as
/// in a line break \\[2pt], is none.
std::string with_dollar_delimiters(std::string_view text, std::int64_t& formulas);

}  // namespace corollary
