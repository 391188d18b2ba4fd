#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "corpus/filters.h"

namespace corollary {

/// What may differ from one build of AlgebraicStack to another.
struct CodeFilterOptions {
  /// Upstream's scripts to the letter, slips included (docs/formats/algebraic_stack.md lists them). false: as they were meant, and
  /// files that say of themselves that they are of another language go too.
  bool as_published = false;
  /// Julia: also ask for a word of numerical work. Upstream defines this rule and does not call it.
  bool julia_strict = false;
  /// TeX: whether a text is in English; it is called last, on texts that passed all else. Empty: not asked.
  std::function<bool(std::string_view)> is_english = {};
};

/// AlgebraicStack's filter for a language of code: "agda", "c", "coq", "cpp", "fortran", "gap", "haskell", "idris", "isabelle",
/// "julia", "jupyter-notebook", "lean", "maple", "matlab", "python", "r", "tex"; for every other name the standard filter. Sizes
/// are bytes of UTF-8, densities shares of characters.
Filter code_filter(const std::string& language, const CodeFilterOptions& options = {});

/// Python: the imports that made the filter keep a file, in the order of the rule, joined by commas: upstream's field "reason".
std::string python_imports(std::string_view text);

/// Notebooks: whether the text (of the file or of what was made of it) has an equation environment or imports SymPy, in any case.
bool has_notebook_mathematics(std::string_view text);

/// ASCII digits divided by characters that are not white space, white space being Unicode's as Python's split() knows it; 0 for
/// blank text.
double digit_density(std::string_view text);

}  // namespace corollary
