#include "corpus/web/text_writer.h"

#include <algorithm>

#include "corpus/text.h"

namespace corollary {

void TextWriter::words(std::string_view text) {
  for (const char c : text) {
    if (is_ascii_space(c)) {
      has_blank_ = true;
    } else {
      begin();
      out_ += c;
    }
  }
}

void TextWriter::block(int lines) {
  if (is_glued_) return;
  if (is_one_line_)
    has_blank_ = true;
  else
    newlines_ = std::max(newlines_, lines);
}

void TextWriter::glue(int lines) {
  newlines_ = is_one_line_ ? 0 : lines;
  has_blank_ = true;
  is_glued_ = true;
}

void TextWriter::verbatim(std::string_view text) {
  for (const char c : text) {
    if (c == '\n' && !is_one_line_) {
      out_ += '\n';
      is_line_start_ = true;
    } else {
      begin();
      out_ += c == '\n' ? ' ' : c;
    }
  }
}

void TextWriter::begin() {
  constexpr int kMaxIndentation = 24;
  if (newlines_ > 0 && !out_.empty()) {
    out_.append(static_cast<std::size_t>(newlines_), '\n');
    is_line_start_ = true;
  } else if (has_blank_ && !out_.empty() && !is_line_start_) {
    out_ += ' ';
  }
  newlines_ = 0;
  has_blank_ = false;
  is_glued_ = false;
  if (is_line_start_) out_.append(static_cast<std::size_t>(std::min(indentation_, kMaxIndentation)), ' ');
  is_line_start_ = false;
}

}  // namespace corollary
