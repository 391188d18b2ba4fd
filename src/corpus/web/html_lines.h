#pragma once
#include <string>
#include <string_view>

namespace corollary {

/// The last look at an extracted text, line by line (recipe 9.2, "Line rules"). Lines in code fences and lines with a formula are
/// never boilerplate.
struct LineRules {
  /// A line's score is the sum of the word counts of the boilerplate phrases in it ("all rights reserved", "log in", "share on
  /// facebook", ...), as whole words, upper case or lower. It is boilerplate if score / words > ratio or score > absolute.
  double ratio = 0.18;
  int absolute = 10;
  /// If fewer lines follow a boilerplate line and it stands in the second half, all of them go but formulas and code; else only the
  /// line itself.
  int end = 15;
  bool removes_boilerplate = true;
  /// A heading stays only if a line of more than 16 characters, with a formula, or in a list or code follows before the next
  /// heading of its rank or a higher one.
  bool removes_empty_headings = true;
  bool removes_cjk_lines = false;  ///< lines that start with U+4E00..U+9FFF: on for an English corpus
};

std::string apply_line_rules(std::string_view text, const LineRules& rules);

/// The score of a line, and its words.
struct LineScore {
  int score = 0, words = 0;
};
LineScore boilerplate_score(std::string_view line);

}  // namespace corollary
