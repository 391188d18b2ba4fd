#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "corpus/document.h"

namespace corollary {

struct NotebookOptions {
  /// Byte for byte what AlgebraicStack's script makes of the file with nbformat and nbconvert: notebooks that break the format's
  /// schema are dropped, outputs prefer HTML, images and scripts are deleted from code too, blank lines pile up, and the keywords
  /// are looked for in the file before conversion (code_filter then asks nothing more).
  bool as_published = false;
};

struct NotebookText {
  std::string markdown;                ///< "" if rejected
  std::optional<Rejection> rejection;  ///< not_a_notebook, malformed_json, invalid_utf8, unsupported_version, too_large;
                                       ///< as_published also invalid_notebook, no_required_word
  std::string language;                ///< of the code, as the notebook spells it; "" if it does not say
  std::int64_t cells = 0;
  std::int64_t cleared_cells = 0;  ///< whose outputs went, because one was an image or an error
};

/// A Jupyter notebook (format 2, 3 or 4) as Markdown: text cells as they are, code in fences, outputs as indented blocks (LaTeX and
/// Markdown outputs as they are). All outputs of a cell go if one is an image or an error; so do images, <video>, <script> and
/// <iframe> in text, attachments, and terminal colours. Of several forms of an output LaTeX, Markdown and plain text come first;
/// HTML, where there is nothing else, loses its tags. Thread-safe; time and memory are linear in the bytes.
NotebookText convert_notebook(std::string_view bytes, const NotebookOptions& options = {});

/// convert_notebook's text; nullopt if it was rejected.
std::optional<std::string> notebook_to_markdown(std::string_view bytes);

}  // namespace corollary
