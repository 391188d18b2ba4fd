#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace corollary {

/// The strings that say that a page has mathematics (recipe/data.md 9.1, rule 1).
constexpr std::array<std::string_view, 10> kMathMarkers = {"MathJax",   "mathjax",  "<math",   "math-container", "katex.min.css",
                                                           "latex.php", "codecogs", "tex.cgi", "class=\"tex\"",  "class='tex'"};

/// The 84 commands of rule 2, without the backslash, which each has.
constexpr std::array<std::string_view, 84> kMathCommands = {
    "end",    "begin", "ref",    "frac",  "label",    "bf",       "right", "left",  "rm",         "alpha",      "mu",
    "def",    "it",    "pi",     "sigma", "sum",      "lambda",   "beta",  "nu",    "partial",    "int",        "delta",
    "rho",    "phi",   "gamma",  "omega", "over",     "nonumber", "bar",   "sqrt",  "theta",      "tau",        "em",
    "rangle", "hat",   "tilde",  "cal",   "hline",    "item",     "psi",   "vec",   "langle",     "epsilon",    "eta",
    "cdot",   "in",    "xi",     "infty", "quad",     "mathcal",  "times", "emph",  "mathbf",     "prime",      "be",
    "mathrm", "ee",    "vspace", "pm",    "chi",      "ell",      "text",  "qquad", "noindent",   "to",         "varphi",
    "hspace", "leq",   "cos",    "eqref", "overline", "sin",      "kappa", "hbox",  "rightarrow", "varepsilon", "textit",
    "dagger", "big",   "otimes", "equiv", "zeta",     "dot",      "ln"};

enum class MathMark : std::uint8_t {
  marker,    ///< one of kMathMarkers; which says which
  command,   ///< a backslash and one of kMathCommands
  backslash  ///< a backslash and two lower-case letters that begin none of them
};
struct MathHit {
  std::int64_t offset;  ///< of the backslash, or of the marker
  MathMark mark;
  int which;
};

/// Finds the next hit at or behind `from`; offset -1 if there is none. A command is found by substring: \\includes holds "\\in".
/// Goes over the bytes with vector instructions, the best that the machine has, and looks closer where four letters are right.
MathHit find_math_mark(std::string_view bytes, std::int64_t from);

}  // namespace corollary
