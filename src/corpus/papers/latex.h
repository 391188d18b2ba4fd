#pragma once
#include <string>
#include <string_view>

namespace corollary {

/// The text of a LaTeX, plain TeX or Sweave file, cleaned as RedPajama cleans arXiv, with that script's faults corrected
/// (docs/formats/documents.md says how):
///   comments go, but not what stands before them, and not in verbatim text;
///   all before the first sectioning command or abstract goes; a file without any keeps what follows \begin{document}, or all of
///   it; all from \appendix or the bibliography on goes, and what follows \end{document} or \bye; macros without arguments are
///   written out where they are used (\newcommand, \def, \DeclareMathOperator and their kin).
/// `tex` is UTF-8 with "\n" lines. Linear time; the result is at most 4 times as long plus 64 KiB. Never throws.
std::string clean_latex(std::string_view tex);

/// Share of bytes that belong to TeX's own programming (\def, \expandafter, \csname, ...): near 0 for prose, above 0.02 for a macro
/// file.
double tex_program_density(std::string_view tex);

}  // namespace corollary
