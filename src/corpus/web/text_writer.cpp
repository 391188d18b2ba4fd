#include "corpus/web/text_writer.h"

#include <algorithm>

#include "corpus/text.h"

namespace corollary {

void TextWriter::words(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (is_ascii_space(text[at])) {
      has_blank_ = true;
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && !is_ascii_space(text[end])) ++end;
    begin();
    out_.append(text, at, end - at);
    at = end;
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
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) {
      begin();
      out_.append(text, at, end - at);
    }
    at = end + 1;
    if (end == text.size()) break;
    if (is_one_line_) {
      has_blank_ = true;
    } else {
      out_ += '\n';
      is_line_start_ = true;
    }
  }
}

void TextWriter::formula(std::string_view text) {
  // "$a$$b$" would read as a display.
  if (newlines_ == 0 && !out_.empty() && out_.back() == '$' && !text.empty() && text.front() == '$') has_blank_ = true;
  begin();
  out_ += text;
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
