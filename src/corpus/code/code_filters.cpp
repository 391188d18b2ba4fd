#include "corpus/code/code_filters.h"

#include <array>

#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kNone = std::string_view::npos;
constexpr std::int64_t kStandardMaxBytes = 1'048'575;
using Verdict = std::optional<Rejection>;
using Strings = std::vector<std::string_view>;

/// What a language asks beyond the standard filter. Empty lists ask nothing.
struct CodeRule {
  std::int64_t max_bytes = kStandardMaxBytes;
  double max_density = 0.5;
  Strings starts_drop;                          ///< drop if the text starts with one of these
  Strings keep_any;                             ///< keep only if the text has one of these
  Strings drop_any;                             ///< drop if the text has one of these
  Verdict (*more)(const Candidate&) = nullptr;  ///< what no list can say
};

Rejection at_byte(const char* reason, std::size_t offset) { return {reason, static_cast<std::int64_t>(offset), {}}; }

Verdict judge(const CodeRule& rule, const Candidate& candidate) {
  const std::string_view text = candidate.text;
  if (trim(text).empty()) return Rejection{"blank"};
  if (static_cast<std::int64_t>(text.size()) > rule.max_bytes)
    return at_byte("too_large", static_cast<std::size_t>(rule.max_bytes));
  if (rule.max_density < 1 && numerical_density(text) > rule.max_density) return Rejection{"numerical_density"};
  for (const auto start : rule.starts_drop)
    if (text.starts_with(start)) return Rejection{"not_the_language", 0, "starts with " + std::string(start)};
  for (const auto word : rule.drop_any)
    if (const std::size_t at = text.find(word); at != kNone) {
      Rejection rejection = at_byte("not_the_language", at);
      rejection.detail = "has " + std::string(word);
      return rejection;
    }
  if (rule.more != nullptr)
    if (auto rejection = rule.more(candidate)) return rejection;
  for (const auto word : rule.keep_any)
    if (text.find(word) != kNone) return std::nullopt;
  return rule.keep_any.empty() ? Verdict() : Rejection{"no_required_word"};
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_ascii_space(text[at])) ++at;
  return at;
}

/// Requirement, blanks, '{', blanks, Identifier: requirement files that share R's extension.
Verdict r_more(const Candidate& candidate) {
  constexpr std::string_view kWord = "Requirement";
  const std::string_view text = candidate.text;
  for (std::size_t at = text.find(kWord); at != kNone; at = text.find(kWord, at + 1)) {
    const std::size_t brace = skip_blanks(text, at + kWord.size());
    if (brace == at + kWord.size() || brace >= text.size() || text[brace] != '{') continue;
    const std::size_t next = skip_blanks(text, brace + 1);
    if (next > brace + 1 && text.substr(next).starts_with("Identifier")) return at_byte("not_the_language", at);
  }
  return std::nullopt;
}

Verdict haskell_more(const Candidate& candidate) {
  constexpr std::array<std::string_view, 5> kModules = {"Numeric.LinearAlgebra", "Numeric.SpecFunctions", "Numeric.Vector",
                                                        "Statistics", "Data.Complex"};
  constexpr std::string_view kImport = "import", kQualified = "qualified";
  const std::string_view text = candidate.text;
  for (std::size_t at = text.find(kImport); at != kNone; at = text.find(kImport, at + 1)) {
    std::size_t module = skip_blanks(text, at + kImport.size());
    if (module == at + kImport.size()) continue;
    if (text.substr(module).starts_with(kQualified)) module = skip_blanks(text, module + kQualified.size());
    for (const auto name : kModules)
      if (text.substr(module).starts_with(name)) return std::nullopt;
  }
  return Rejection{"no_required_import"};
}

Verdict python_more(const Candidate& candidate) {
  const std::size_t first = skip_blanks(candidate.text, 0);
  if (first < candidate.text.size() && candidate.text[first] == '{') return at_byte("not_the_language", first);
  return std::nullopt;
}

std::int64_t count_of(std::string_view text, std::string_view word) {
  std::int64_t n = 0;
  for (std::size_t at = text.find(word); at != kNone; at = text.find(word, at + word.size())) ++n;
  return n;
}

/// Large files only if they are tests that hold few numbers; no limit otherwise.
Verdict julia_more(const Candidate& candidate) {
  const std::string_view text = candidate.text;
  if (std::string_view("%{[").find(text.front()) != kNone) return Rejection{"not_the_language"};
  if (text.size() < 100'000) return std::nullopt;
  const double lines = static_cast<double>(count_of(text, "\n") + 1), tests = static_cast<double>(count_of(text, "@test"));
  if (tests / lines < 0.1) return Rejection{"too_large", 100'000};
  if (numerical_density(text) > 0.5) return Rejection{"numerical_density"};
  return std::nullopt;
}

Verdict tex_more(const Candidate& candidate) {
  if (!candidate.path.empty() && !candidate.path.ends_with(".tex")) return Rejection{"not_the_language", 0, "extension"};
  if (candidate.path.find("latex/") != kNone) return Rejection{"excluded_path"};
  return std::nullopt;
}

Verdict isabelle_more(const Candidate& candidate) {
  if (candidate.repo.starts_with("mirror-afp-2")) return Rejection{"excluded_repository"};  // yearly copies of one archive
  return std::nullopt;
}

/// The repositories of the benchmarks, and the copies a build leaves.
Verdict lean_more(const Candidate& candidate) {
  if (candidate.repo == "ProofNet" || candidate.repo == "miniF2F") return Rejection{"excluded_repository"};
  if (candidate.path.find("_target/deps/") != kNone) return Rejection{"excluded_path"};
  return std::nullopt;
}

/// A notice in the opening comment; further down the words may be prose.
Verdict coq_more(const Candidate& candidate) {
  const std::size_t at = candidate.text.substr(0, 512).find("automatically generated");
  if (at != kNone) return at_byte("generated", at);
  return std::nullopt;
}

/// C: a line with " main(" that ends in '{'.
Verdict matlab_more(const Candidate& candidate) {
  constexpr std::string_view kMain = " main(";
  const std::string_view text = candidate.text;
  for (std::size_t at = text.find(kMain); at != kNone; at = text.find(kMain, at + 1)) {
    const std::string_view line = text.substr(at, std::min(text.find('\n', at), text.size()) - at);
    if (line.ends_with('{')) return at_byte("not_the_language", at);
  }
  return std::nullopt;
}

Verdict notebook_more(const Candidate& candidate) {
  const std::string lower = ascii_lower(candidate.text);
  for (const char* word : {"\\begin{equation}", "\\begin{align}", "import sympy", "from sympy"})
    if (lower.find(word) != std::string::npos) return std::nullopt;
  return Rejection{"no_required_word"};
}

CodeRule rule_of(const std::string& language) {
  CodeRule rule;
  if (language == "r") {
    rule.starts_drop = {"<?xml", "{"};
    rule.drop_any = {"/* Resource fork"};
    rule.more = r_more;
  } else if (language == "maple") {
    rule.max_bytes = 100'000;
    rule.starts_drop = {"<?xml"};
  } else if (language == "haskell") {
    rule.more = haskell_more;
  } else if (language == "python") {
    rule.more = python_more;
    rule.keep_any = {"import numpy",  "from numpy",  "import scipy",       "from scipy",       "import sympy",    "from sympy",
                     "import sage",   "from sage",   "import numba",       "from numba",       "import numexpr",  "from numexpr",
                     "import theano", "from theano", "import statsmodels", "from statsmodels", "import networkx", "from networkx",
                     "import mpmath", "from mpmath", "import pymc3",       "from pymc3",       "import astropy",  "from astropy",
                     "import cupy",   "from cupy",   "import pycuda",      "from pycuda",      "import cvxpy",    "from cvxpy",
                     "import pyomo",  "from pyomo",  "import jax",         "from jax"};
  } else if (language == "c") {
    rule.keep_any = {"#include <fftw.h>", "#include <fftw3.h>",   "#include <rfftw.h>", "#include <gsl",     "#include <cblas.h>",
                     "#include <blas.h>", "#include <lapacke.h>", "#include <nlopt.h>", "#include <petsc.h>"};
  } else if (language == "cpp") {
    rule.max_density = 0.1;
    rule.keep_any = {"#include <adept_arrays.h>",
                     "#include <adept.h>",
                     "#include <alglib",
                     "#include <boost",
                     "#include <armadillo",
                     "#include <blitz",
                     "#include <Eigen",
                     "#include <deal.II",
                     "#include <dlib",
                     "#include <NTL",
                     "#include <mtl"};
  } else if (language == "julia") {
    rule.max_bytes = std::int64_t{1} << 40;
    rule.max_density = 1;
    rule.more = julia_more;
  } else if (language == "tex") {
    rule.max_bytes = 10'000'000;
    rule.drop_any = {"gnuplot"};
    rule.keep_any = {"\\chapter{",     "\\chapter*{",      "\\section{",        "\\section*{",  "\\subsection{",
                     "\\subsection*{", "\\subsubsection{", "\\subsubsection*{", "\\paragraph{", "\\subparagraph{"};
    rule.more = tex_more;
  } else if (language == "jupyter-notebook") {
    rule.max_bytes = std::int64_t{1} << 40;
    rule.max_density = 1;
    rule.more = notebook_more;
  } else if (language == "coq") {  // Verilog shares the extension
    rule.keep_any = {"Theorem", "Proof", "Qed", "Inductive", "Definition", "Fixpoint"};
    rule.drop_any = {"pragma", "endmodule", "posedge", "negedge", "wire"};
    rule.more = coq_more;
  } else if (language == "isabelle") {
    rule.keep_any = {"theorem ", "lemma "};
    rule.more = isabelle_more;
  } else if (language == "lean") {
    rule.keep_any = {"theorem ", "lemma ", "example "};
    rule.more = lean_more;
  } else if (language == "matlab") {  // Objective-C and C share the extension
    rule.drop_any = {"#import", "@interface", "@implementation", "@property", "#include"};
    rule.more = matlab_more;
  }
  return rule;
}

}  // namespace

Filter code_filter(const std::string& language) {
  return [rule = rule_of(language)](const Candidate& candidate) { return judge(rule, candidate); };
}

}  // namespace corollary
