#pragma once
#include <string>
#include <string_view>

namespace corollary {

/// Text under construction: words separated by single blanks, blocks by newlines, each line led by the current indentation. Blanks
/// and newlines are owed until a character follows, so none stand at the end, and the larger debt wins.
class TextWriter {
 public:
  /// one_line: blocks are separated by blanks.
  explicit TextWriter(bool one_line) : is_one_line_(one_line) {}

  void words(std::string_view text);  ///< runs of white space are one blank
  void blank() { has_blank_ = true; }
  /// At least `lines` newlines before what follows: 1 a new line, 2 a new paragraph.
  void block(int lines);
  /// What follows stands `lines` newlines below (0: behind a blank), whatever blocks open before its first character.
  void glue(int lines);
  void unglue() { is_glued_ = false; }
  void formula(std::string_view text);   ///< one word, kept apart from a formula right before it
  void verbatim(std::string_view text);  ///< as it is, with its blanks and newlines
  void indent(int by) { indentation_ += by; }
  const std::string& text() const { return out_; }

 private:
  void begin();  ///< settles what is owed before a character

  std::string out_;
  bool is_one_line_, has_blank_ = false, is_line_start_ = true, is_glued_ = false;
  int newlines_ = 0, indentation_ = 0;
};

}  // namespace corollary
