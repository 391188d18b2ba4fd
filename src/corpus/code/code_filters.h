#pragma once
#include <string>

#include "corpus/filters.h"

namespace corollary {

/// AlgebraicStack's filter for a language of code: "agda", "c", "coq", "cpp", "fortran", "gap", "haskell", "idris", "isabelle",
/// "julia", "jupyter-notebook", "lean", "maple", "matlab", "python", "r", "tex"; for every other name the standard filter.
Filter code_filter(const std::string& language);

}  // namespace corollary
