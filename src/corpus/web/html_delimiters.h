#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/web/html_math.h"

namespace corollary {

/// Which marks in a page's text hold formulas: the usual ones and those its MathJax (tex2jax and asciimath2jax objects of version
/// 2, tex objects of version 3) or KaTeX (delimiters of auto-render) configuration names.
struct MathDelimiters {
  struct Pair {
    std::string open, close;
    bool is_display = false, is_asciimath = false;
  };
  std::vector<Pair> pairs;                   ///< longest opening first
  std::string openers = "\\$[<";             ///< the characters formulas may open with
  bool has_renderer = false;                 ///< the page names MathJax or KaTeX
  bool is_on = false;                        ///< has_renderer, or LaTeX commands stand in the text
  bool are_dollars_configured = false;       ///< else "$" holds a formula only where what it holds looks like one
  std::vector<std::string> ignored_classes;  ///< elements whose text the renderer leaves alone
};
MathDelimiters find_math_delimiters(std::string_view page);
/// A list of JavaScript, as it stands behind "inlineMath:"; pairs as JavaScript reads the strings.
std::vector<MathDelimiters::Pair> parse_delimiter_list(std::string_view script, bool is_display);

/// Whether one of the commands stands in `text` by which recipe 9.1 tells LaTeX.
bool has_latex_command(std::string_view text);

struct MathPiece {
  std::string_view text;  ///< of a formula what is between the delimiters
  bool is_formula = false, is_display = false, is_escaped_dollar = false;
  MathSource source = MathSource::Delimiters;
};
/// `text` in pieces, in order. Work is bounded by a constant times the text's length: a search for a closing mark that fails is not
/// made again at each opening one.
void split_math(std::string_view text, const MathDelimiters& delimiters, const std::function<void(const MathPiece&)>& emit);

}  // namespace corollary
