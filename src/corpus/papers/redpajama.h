#pragma once
#include <optional>
#include <string>
#include <vector>

#include "corpus/papers/paper_files.h"

namespace corollary {

struct RedPajamaText {
  std::string text;
  std::optional<Rejection> rejection;  ///< set: the paper is lost, as it was there
};

/// RedPajama's arXiv cleaning to the letter, for numbers that shall compare with the published set (data.md section 10): the files
/// ending in ".tex" in the archive's order, each cut and stripped by itself, joined by newlines. Its faults are kept:
///   a file without a heading becomes empty, and neither \paragraph nor \subparagraph counts alone (only together, in this order);
///   a comment takes the character before it along; a bare '%' at a line's end stays; verbatim text is not spared;
///   \input is not followed, \appendix needs no word's end; macros with arguments stay;
///   a macro's definition counts only if its line ends with it, its value goes to the end of the line, the last definition in any
///   file holds everywhere; one value with a character outside ASCII (or a control character) loses the paper, "macro_value";
///   one file that is not UTF-8 loses the paper, "invalid_utf8"; nothing left: "nothing_left".
RedPajamaText redpajama_clean(const std::vector<PaperFile>& files);

}  // namespace corollary
