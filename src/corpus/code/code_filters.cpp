#include "corpus/code/code_filters.h"

#include <re2/re2.h>

#include <array>
#include <cstring>
#include <memory>

#include "corpus/code/language_evidence.h"
#include "corpus/code/word_finder.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kNone = std::string_view::npos;
constexpr std::int64_t kStandardMaxBytes = 1'048'575, kNoLimit = std::int64_t{1} << 40;
using Verdict = std::optional<Rejection>;
using Words = std::vector<std::string>;

/// What a language asks beyond the standard filter. Empty lists ask nothing.
struct CodeRule {
  std::string language;
  CodeFilterOptions options;
  std::int64_t max_bytes = kStandardMaxBytes;
  double max_density = 0.5;
  Words starts_drop;                                                      ///< drop if the text starts with one of these
  WordFinder keep_any;                                                    ///< keep only if the text has one of these
  WordFinder drop_any;                                                    ///< drop if the text has one of these
  const char* drop_reason = "not_the_language";                           ///< of drop_any
  Verdict (*more)(const Candidate&, const CodeFilterOptions&) = nullptr;  ///< what no list can say
};

Rejection at_byte(const char* reason, std::size_t offset) { return {reason, static_cast<std::int64_t>(offset), {}}; }

bool has(std::string_view text, std::string_view word) {
  return ::memmem(text.data(), text.size(), word.data(), word.size()) != nullptr;
}

Verdict judge(const CodeRule& rule, const Candidate& candidate) {
  const std::string_view text = candidate.text;
  // Upstream divides by zero at a blank file of the Stack and keeps one from GitHub, where it needs no word.
  const bool keeps_blank = rule.options.as_published && (rule.language == "matlab" || rule.language == "jupyter-notebook");
  if (!keeps_blank && trim(text).empty()) return Rejection{"blank"};
  if (static_cast<std::int64_t>(text.size()) > rule.max_bytes)
    return at_byte("too_large", static_cast<std::size_t>(rule.max_bytes));
  if (rule.max_density < 1 && digit_density(text) > rule.max_density) return Rejection{"numerical_density"};
  for (const std::string& start : rule.starts_drop)
    if (text.starts_with(start)) return Rejection{"not_the_language", 0, "starts with " + start};
  if (const auto hit = rule.drop_any.first(text)) {
    Rejection rejection = at_byte(rule.drop_reason, hit->offset);
    rejection.detail = "has " + rule.drop_any.words()[hit->word];
    return rejection;
  }
  if (rule.more != nullptr)
    if (auto rejection = rule.more(candidate, rule.options)) return rejection;
  if (!rule.keep_any.words().empty() && !rule.keep_any.first(text)) return Rejection{"no_required_word"};
  if (!rule.options.as_published)
    if (auto rejection = wrong_language(rule.language, candidate.path, text)) return rejection;
  if (rule.language == "tex" && rule.options.is_english && !rule.options.is_english(text)) return Rejection{"not_english"};
  return std::nullopt;
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_ascii_space(text[at])) ++at;
  return at;
}

/// Requirement, blanks, '{', blanks, Identifier: requirement files that share R's extension.
Verdict r_more(const Candidate& candidate, const CodeFilterOptions&) {
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

Verdict haskell_more(const Candidate& candidate, const CodeFilterOptions&) {
  constexpr std::array<std::string_view, 5> kModules = {"Numeric.LinearAlgebra", "Numeric.SpecFunctions", "Numeric.Vector",
                                                        "Statistics", "Data.Complex"};
  constexpr std::string_view kImport = "import", kQualified = "qualified";
  const std::string_view text = candidate.text;
  const auto is_module = [&](std::size_t at) {
    for (const auto name : kModules)
      if (text.substr(at).starts_with(name)) return true;
    return false;
  };
  for (std::size_t at = text.find(kImport); at != kNone; at = text.find(kImport, at + 1)) {
    std::size_t module = skip_blanks(text, at + kImport.size());
    if (module == at + kImport.size()) continue;
    if (is_module(module)) return std::nullopt;
    if (!text.substr(module).starts_with(kQualified)) continue;
    const std::size_t name = skip_blanks(text, module + kQualified.size());
    if (name > module + kQualified.size() && is_module(name)) return std::nullopt;
  }
  return Rejection{"no_required_import"};
}

Verdict python_more(const Candidate& candidate, const CodeFilterOptions&) {
  const std::size_t first = skip_blanks(candidate.text, 0);
  if (first < candidate.text.size() && candidate.text[first] == '{') return at_byte("not_the_language", first);
  return std::nullopt;
}

std::int64_t count_of(std::string_view text, std::string_view word) {
  std::int64_t n = 0;
  for (std::size_t at = text.find(word); at != kNone; at = text.find(word, at + word.size())) ++n;
  return n;
}

/// The list of upstream's rule that is not called: a word between two characters that are none of a word's.
bool has_julia_word(std::string_view text) {
  static const re2::RE2 words(
      "[^\\pL\\pN_](?:LinearAlgebra|DifferentialEquations|Symbolics|Distributions|DataFrames|DynamicalSystems|Turing|Gen|JuMP|sqrt|"
      "abs|"
      "zeros|ones|sin|cos|tan|log|exp|integrate|likelihood|Matrix|\u03c0|pi|rand|grad)[^\\pL\\pN_]");
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), words);
}

/// Large files only if they are tests that hold few numbers; no limit otherwise.
Verdict julia_more(const Candidate& candidate, const CodeFilterOptions& options) {
  const std::string_view text = candidate.text;
  if (std::string_view("%{[").find(text.front()) != kNone) return Rejection{"not_the_language"};
  if (text.size() >= 100'000) {
    const double lines = static_cast<double>(count_of(text, "\n") + 1), tests = static_cast<double>(count_of(text, "@test"));
    if (tests / lines < 0.1) return Rejection{"too_large", 100'000};
    if (digit_density(text) > 0.5) return Rejection{"numerical_density"};
  }
  if (options.julia_strict && !has_julia_word(text)) return Rejection{"no_required_word"};
  return std::nullopt;
}

/// Files whose path is not known pass.
Verdict tex_more(const Candidate& candidate, const CodeFilterOptions&) {
  if (!candidate.path.empty() && !candidate.path.ends_with(".tex")) return Rejection{"not_the_language", 0, "extension"};
  if (has(candidate.path, "latex/")) return Rejection{"excluded_path"};
  return std::nullopt;
}

Verdict isabelle_more(const Candidate& candidate, const CodeFilterOptions&) {
  if (candidate.repo.starts_with("mirror-afp-2")) return Rejection{"excluded_repository"};  // yearly copies of one archive
  return std::nullopt;
}

/// The repositories of the benchmarks, and the copies a build leaves.
Verdict lean_more(const Candidate& candidate, const CodeFilterOptions&) {
  if (candidate.repo == "ProofNet" || candidate.repo == "miniF2F") return Rejection{"excluded_repository"};
  if (has(candidate.path, "_target/deps/")) return Rejection{"excluded_path"};
  return std::nullopt;
}

Verdict coq_more(const Candidate& candidate, const CodeFilterOptions&) {
  const std::size_t at = candidate.text.find("This file was automatically generated");
  if (at != kNone) return at_byte("generated", at);
  return std::nullopt;
}

/// C: a line with " main(" that ends in '{'. Upstream's expression is not told of lines, so it sees but the last.
Verdict matlab_more(const Candidate& candidate, const CodeFilterOptions& options) {
  constexpr std::string_view kMain = " main(";
  std::string_view text = candidate.text;
  if (options.as_published && text.ends_with('\n')) text.remove_suffix(1);
  std::size_t at = options.as_published ? text.find(kMain, std::min(text.rfind('\n') + 1, text.size())) : text.find(kMain);
  while (at != kNone) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (!options.as_published)  // the newline of other systems, and blanks nobody sees
      while (!line.empty() && is_ascii_space(line.back())) line.remove_suffix(1);
    if (line.ends_with('{')) return at_byte("not_the_language", at);
    at = text.find(kMain, end);
  }
  return std::nullopt;
}

Verdict notebook_more(const Candidate& candidate, const CodeFilterOptions& options) {
  // Upstream asks the file, before conversion: convert_notebook() does that, and nothing is asked here.
  if (options.as_published || has_notebook_mathematics(candidate.text)) return std::nullopt;
  return Rejection{"no_required_word"};
}

constexpr std::array<std::string_view, 17> kPythonPackages = {"numpy",  "scipy",       "sympy",    "sage",   "numba", "numexpr",
                                                              "theano", "statsmodels", "networkx", "mpmath", "pymc3", "astropy",
                                                              "cupy",   "pycuda",      "cvxpy",    "pyomo",  "jax"};

Words python_words() {
  Words words;
  for (const auto package : kPythonPackages) {
    words.push_back("import " + std::string(package));
    words.push_back("from " + std::string(package));
  }
  return words;
}

std::shared_ptr<const CodeRule> rule_of(const std::string& language, const CodeFilterOptions& options) {
  auto made = std::make_shared<CodeRule>();
  CodeRule& rule = *made;
  rule.language = language;
  rule.options = options;
  const auto keep = [&](Words words) { rule.keep_any = WordFinder(std::move(words)); };
  const auto drop = [&](Words words) { rule.drop_any = WordFinder(std::move(words)); };
  if (language == "r") {
    rule.starts_drop = {"<?xml", "{"};
    drop({"/* Resource fork"});
    rule.more = r_more;
  } else if (language == "maple") {
    rule.max_bytes = 100'000;
    rule.starts_drop = {"<?xml"};
  } else if (language == "haskell") {
    rule.more = haskell_more;
  } else if (language == "python") {
    rule.more = python_more;
    keep(python_words());
  } else if (language == "c") {
    Words words = {"#include <fftw.h>",    "#include <gsl",      "#include <cblas.h>", "#include <blas.h>",
                   "#include <lapacke.h>", "#include <nlopt.h>", "#include <petsc.h>"};
    if (options.as_published) {  // a comma is missing upstream
      words.emplace_back("#include <fftw3.h>#include <rfftw.h>");
    } else {
      words.emplace_back("#include <fftw3.h>");
      words.emplace_back("#include <rfftw.h>");
    }
    keep(std::move(words));
  } else if (language == "cpp") {
    rule.max_density = 0.1;
    keep({"#include <adept_arrays.h>", "#include <adept.h>", "#include <alglib", "#include <boost", "#include <armadillo",
          "#include <blitz", "#include <Eigen", "#include <deal.II", "#include <dlib", "#include <NTL", "#include <mtl"});
  } else if (language == "julia") {
    rule.max_bytes = kNoLimit;
    rule.max_density = 1;
    rule.more = julia_more;
  } else if (language == "tex") {
    rule.max_bytes = 10'000'000;
    drop({"gnuplot"});
    keep({"\\chapter{", "\\chapter*{", "\\section{", "\\section*{", "\\subsection{", "\\subsection*{", "\\subsubsection{",
          "\\subsubsection*{", "\\paragraph{", "\\subparagraph{"});
    rule.more = tex_more;
  } else if (language == "jupyter-notebook") {
    rule.max_bytes = kNoLimit;
    rule.max_density = 1;
    rule.more = notebook_more;
  } else if (language == "coq") {  // Verilog shares the extension
    keep({"Theorem", "Proof", "Qed", "Inductive", "Definition", "Fixpoint"});
    drop({"pragma", "endmodule", "posedge", "negedge", "wire"});
    rule.more = coq_more;
  } else if (language == "isabelle") {
    keep({"theorem ", "lemma "});
    rule.more = isabelle_more;
  } else if (language == "lean") {
    keep({"theorem ", "lemma ", "example "});
    rule.more = lean_more;
  } else if (language == "matlab") {  // Objective-C and C share the extension
    drop({"#import", "@interface", "@implementation", "@property", "#include"});
    rule.more = matlab_more;
  }
  return made;
}

}  // namespace

Filter code_filter(const std::string& language, const CodeFilterOptions& options) {
  return [rule = rule_of(language, options)](const Candidate& candidate) { return judge(*rule, candidate); };
}

std::string python_imports(std::string_view text) {
  std::string joined;
  for (const std::string& word : python_words()) {
    if (!has(text, word)) continue;
    if (!joined.empty()) joined += ',';
    joined += word;
  }
  return joined;
}

bool has_notebook_mathematics(std::string_view text) {
  // In pieces that stay in the cache: notebooks are long and mostly images. They overlap by more than a word.
  constexpr std::size_t kPiece = 1 << 14, kOverlap = 32;
  static const WordFinder words({"\\begin{equation}", "\\begin{align}", "import sympy", "from sympy"});
  std::array<char, kPiece + kOverlap> lower;
  for (std::size_t at = 0; at < text.size(); at += kPiece) {
    const std::string_view piece = text.substr(at, lower.size());
    for (std::size_t i = 0; i < piece.size(); ++i) {
      const char c = piece[i];
      lower[i] = static_cast<char>(c | ((c >= 'A' && c <= 'Z') ? 0x20 : 0));
    }
    if (words.first({lower.data(), piece.size()})) return true;
  }
  return false;
}

double digit_density(std::string_view text) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t size = text.size();
  std::int64_t digits = 0, characters = 0, wide_blanks = 0;
  // Blocks so short that a byte's worth of counter per lane suffices: the compiler makes sixteen comparisons at a time of the loop.
  constexpr std::size_t kBlock = 128;
  std::size_t at = 0;
  for (; at < size; at += kBlock) {
    const std::size_t n = std::min(kBlock, size - at);
    unsigned char digit = 0, character = 0, high = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const unsigned char c = bytes[at + i];
      const bool is_blank = c == ' ' || static_cast<unsigned char>(c - 9) <= 4 || static_cast<unsigned char>(c - 0x1C) <= 3;
      digit = static_cast<unsigned char>(digit + (static_cast<unsigned char>(c - '0') <= 9));
      character = static_cast<unsigned char>(character + (!is_blank && (c & 0xC0) != 0x80));
      high = static_cast<unsigned char>(high | c);
    }
    digits += digit;
    characters += character;
    if (high < 0x80) continue;
    for (std::size_t i = at; i < at + n; ++i) {  // U+0085 A0 1680 2000-200A 2028 2029 202F 205F 3000
      const unsigned char c = bytes[i], next = i + 1 < size ? bytes[i + 1] : 0, third = i + 2 < size ? bytes[i + 2] : 0;
      wide_blanks +=
          (c == 0xC2 && (next == 0x85 || next == 0xA0)) || (c == 0xE1 && next == 0x9A && third == 0x80) ||
          (c == 0xE2 && next == 0x80 && ((third >= 0x80 && third <= 0x8A) || third == 0xA8 || third == 0xA9 || third == 0xAF)) ||
          (c == 0xE2 && next == 0x81 && third == 0x9F) || (c == 0xE3 && next == 0x80 && third == 0x80);
    }
  }
  characters -= wide_blanks;
  return static_cast<double>(digits) / static_cast<double>(std::max<std::int64_t>(characters, 1));
}

}  // namespace corollary
