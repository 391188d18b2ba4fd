#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corpus/web/html_tree.h"

namespace corollary {

/// How a page wrote a formula: the sources of recipe 9.2, and a few more that pages use.
enum class MathSource : std::uint8_t {
  Delimiters,      ///< \( \[ $ $$ [tex] ... in text, or as the page configures them
  Environment,     ///< \begin{equation}, \begin{align} in text
  TexError,        ///< class texerror
  ClassImage,      ///< <img class="tex" alt=...> and its kin
  Codecogs,        ///< codecogs.com/...?LATEX
  WordPressImage,  ///< latex.php
  CodecogsCache,   ///< /images/math/codecogs, alt
  CgiImage,        ///< mimetex.cgi, mathtex.cgi, tex.cgi, Google's chart?cht=tx
  Ck12Image,       ///< class x-ck12
  WikipediaImage,  ///< mwe-math-fallback-image, where there is no <math> beside it
  MathContainer,   ///< Stack Exchange; the delimiters inside are the page's
  WpKatex,         ///< class wp-katex-eq
  Script,          ///< <script type="math/tex">
  AsciiMath,       ///< <script type="math/asciimath">, or between backticks where the page says so
  DataTex,         ///< an attribute: class tex with data-expr, ztext-math with data-tex, ...
  Katex,           ///< the annotation inside class katex
  Annotation,      ///< <math> with a TeX annotation
  AltText,         ///< <math alttext>
  MathMl,          ///< <math> with neither: converted
  MathjaxElement,  ///< <mathjax>
  ClassMath,       ///< class math of Sphinx and pandoc
  kCount
};
constexpr std::size_t kMathSources = static_cast<std::size_t>(MathSource::kCount);
std::string_view math_source_name(MathSource source);
using MathCounts = std::array<std::int64_t, kMathSources>;

/// LaTeX found in an element that is itself a formula.
struct HtmlFormula {
  std::string latex;  ///< as the page has it, without delimiters; empty: a formula, but nothing to be had from it
  bool is_display = false;
  MathSource source = MathSource::Delimiters;
};

/// The formula that `node` is, all of it; nullopt if it is none. Given its class attribute, which the caller has at hand.
std::optional<HtmlFormula> formula_of(HtmlNode node, std::string_view classes);

/// What goes into a text: blanks collapsed, comments gone (they end at a line's end, and lines are joined), "$", zero-width
/// characters, \textcolor[model]{spec} and delimiters around the whole gone, Wikipedia's {\displaystyle ...} unwrapped,
/// \begin{equation} ... \end{equation} around the whole gone (then it is display), \begingroup and \endgroup alone nothing.
/// Returns "" for nothing; else "$..$", "$$..$$", or an environment that stands for itself as it is (align, gather, ...: in $$ it
/// would be an error). `is_block` tells what stands on lines of its own.
std::string delimited(std::string_view latex, bool is_display, bool& is_block);

/// TeX comments, which end at a line's end, removed.
std::string without_comments(std::string_view latex);

/// Environments that are displays by themselves: equation, align, gather, multline, eqnarray, ... with or without "*".
bool is_display_environment(std::string_view name);

}  // namespace corollary
