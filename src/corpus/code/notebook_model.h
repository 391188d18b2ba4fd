#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corpus/document.h"

namespace corollary {

/// What a notebook holds, whatever version of the format it is written in: lines joined, version 3's names turned into version 4's.
struct NotebookOutput {
  enum class Kind { kStream, kResult, kDisplay, kOther };
  Kind kind = Kind::kOther;
  std::string name;                                        ///< of a stream
  std::string text;                                        ///< of a stream
  std::vector<std::pair<std::string, std::string>> texts;  ///< text/plain, text/latex, text/html, text/markdown: those there are
  std::vector<std::string> others;                         ///< media types of all other data
  bool has_data(std::string_view type) const;
};

struct NotebookCell {
  enum class Kind { kCode, kMarkdown, kRaw, kOther };
  Kind kind = Kind::kOther;
  std::string source;
  std::string language;              ///< of a code cell that says so itself: version 3, or "magics_language"
  bool has_magics_language = false;  ///< `language` is what "magics_language" says
  std::string raw_type;              ///< of a raw cell: its media type, lower case
  std::vector<NotebookOutput> outputs;
  bool has_png = false, has_exception = false;  ///< among the outputs: an image of type PNG; ename and traceback
  bool has_image_or_error = false;              ///< among the outputs: of any kind
};

struct Notebook {
  std::vector<NotebookCell> cells;
  std::optional<std::string> language;  ///< metadata.language_info.name
  std::string kernel_language;          ///< metadata.kernelspec.language
  /// The first thing that nbformat and nbconvert would refuse, "" if none. Cells, texts and fields that are not what they should be
  /// are left out of the above.
  std::string fault;
};

/// Reads bytes of JSON. With `strict` only what Python's reader takes; else raw control characters and a byte order mark pass too.
/// Values NaN and Infinity are null, lone surrogates U+FFFD. In the case of a rejection `notebook` is unspecified.
std::optional<Rejection> read_notebook(std::string_view bytes, bool strict, Notebook& notebook);

}  // namespace corollary
