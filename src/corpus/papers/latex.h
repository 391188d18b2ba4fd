#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace corollary {

/// How papers are cleaned. docs/formats/papers.md has the rules.
struct LatexOptions {
  bool keep_title = true;      ///< \title{..} stands before the text
  bool keep_appendix = false;  ///< the text goes on behind \appendix; a bibliography before it is cut out
  static void each(auto& options, auto&& visit) {
    visit("keep_title", options.keep_title);
    visit("keep_appendix", options.keep_appendix);
  }
};

/// The files of a paper by their path inside it ("sections/intro.tex"), UTF-8 with "\n" lines.
using LatexFiles = std::map<std::string, std::string, std::less<>>;

struct CleanLatex {
  std::string text;                   ///< empty: nothing is left
  std::string title;                  ///< of \title, on one line; empty if there is none
  std::vector<std::string> missing;   ///< files named by \input and its kin that are not there or lie outside (at most 100 listed)
  std::vector<std::string> repeated;  ///< files that include themselves; cut there (at most 100 listed)
};

/// The text of a LaTeX, plain TeX or Sweave file, cleaned as RedPajama cleans arXiv, with that script's faults corrected:
///   comments go, but not what stands before them, and not in verbatim text; \iffalse ... \fi and the like go;
///   all before the first sectioning command or abstract goes; a file without any keeps what follows \maketitle or
///   \begin{document}, or all of it; all from \appendix or the bibliography on goes, and what follows \end{document} or \bye;
///   definitions go, and uses of macros become their values, arguments put in, unless the value is a program (\expandafter, boxes,
///   counters): the definition in force at the place of use counts.
/// `tex` is UTF-8 with "\n" lines. Linear time; the result is at most 4 times as long plus 64 KiB. Never throws. Thread-safe.
std::string clean_latex(std::string_view tex, const LatexOptions& options = {});

/// The same for a paper of several files, \input and its kin resolved in place. `main` is the path of the file to start at, which
/// must be one of `files`. Bounds as above with the sum of all files.
CleanLatex clean_latex(const LatexFiles& files, std::string_view main, const LatexOptions& options = {});

/// Share of bytes that belong to TeX's own programming (\def, \expandafter, \csname, ...): near 0 for prose, above 0.02 for a macro
/// file.
double tex_program_density(std::string_view tex);

}  // namespace corollary
