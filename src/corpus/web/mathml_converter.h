#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/web/latex_writer.h"
#include "corpus/web/mathml.h"

namespace corollary::mathml {

/// What was written, as far as a script or a brace around it needs to know.
enum class Piece : std::uint8_t {
  kNothing,
  kToken,     ///< one character or control word: x^\alpha
  kAtom,      ///< needs no braces as a base: 12, \mathbf{x}, (a+b)
  kScripted,  ///< has a script already
  kRow,       ///< several pieces
};

struct Delimiters {
  char32_t open = 0, close = 0;  ///< 0: none
};

/// Converts one formula; the parts are in mathml.cpp (dispatch, rows), mathml_tokens.cpp, mathml_scripts.cpp, mathml_table.cpp and
/// mathml_content.cpp. Element names are without their prefix here.
class Converter {
 public:
  explicit Converter(const MathmlOptions& options) : options_(options), out_(options.max_bytes) {}

  Piece element(HtmlNode node);
  /// The children of `parent` from `first` on, one after the other.
  Piece row(HtmlNode first, bool is_whole_cell = false);
  bool was_cut() const { return was_cut_ || out_.is_full(); }
  std::string finish() { return out_.finish(); }

 private:
  // mathml.cpp
  Piece dispatch(HtmlNode node, std::string_view name);
  Piece fraction(HtmlNode node);
  Piece root(HtmlNode node, bool has_index);
  Piece enclosed(HtmlNode node);
  Piece fenced(HtmlNode node);
  Piece styled(HtmlNode node);
  Piece wrapped(std::string_view command, HtmlNode first);  // command ends in "{"
  void group(HtmlNode node);                                // "{...}"
  bool spend();                                             // one node of the budget

  // mathml_tokens.cpp
  Piece token(HtmlNode node, std::string_view name);
  Piece identifier(std::string_view text, MathFont font, HtmlNode node);
  Piece number(std::string_view text, MathFont font);
  Piece operator_sign(std::string_view text, MathFont font, HtmlNode node);
  Piece text(std::string_view text, MathFont font);
  Piece characters(std::string_view text, MathFont font);
  Piece character(char32_t c, MathFont font);
  Piece space(HtmlNode node);
  void delimiter(char32_t c);

  // mathml_scripts.cpp
  Piece scripts(HtmlNode base, HtmlNode below, HtmlNode above);
  Piece base(HtmlNode node);
  void script(char sign, HtmlNode node);
  Piece under_over(HtmlNode base, HtmlNode below, HtmlNode above);
  Piece accented(HtmlNode base, HtmlNode mark, bool is_above);
  Piece multiscripts(HtmlNode node);

  // mathml_table.cpp
  Piece table(HtmlNode node, Delimiters fences);
  void table_rows(HtmlNode node);

  // mathml_content.cpp
  bool is_content(std::string_view name) const;
  Piece content(HtmlNode node, std::string_view name);
  Piece apply(HtmlNode node);
  void operand(HtmlNode node, int precedence);
  void infix(HtmlNode first, std::string_view sign, int precedence);

  MathmlOptions options_;
  LatexWriter out_;
  std::size_t nodes_ = 0;
  std::int64_t tall_ = 0;  // fractions, tables and operators with limits so far: delimiters around one grow
  int depth_ = 0;
  MathFont font_ = MathFont::kDefault;
  bool was_cut_ = false, is_script_ = false, wants_star_ = false;
};

/// Without "mml:" and the like.
std::string_view local_name(HtmlNode node);
/// The first child or following sibling that counts: an element, or text that is not blank. Where an HTML parser has put what
/// follows <mml:mspace/> inside it, having no such thing as an empty prefixed element, that follows.
HtmlNode first_part(HtmlNode parent);
HtmlNode next_part(HtmlNode node);
/// Itself, or the only part of an mrow, mstyle or the like, sixteen deep at most.
HtmlNode unwrapped(HtmlNode node);
/// Characters of a token element, white space trimmed and collapsed. keep_edges: a single blank at either end stays, which the
/// standard drops but authors of <mtext>if </mtext> mean; several, or a newline, are a pretty printer's.
std::string token_text(HtmlNode node, bool keep_edges = false);
/// The one character of an <mo> (or <mi>, <mtext>) that has one, perhaps wrapped; 0 otherwise.
char32_t sole_character(HtmlNode node);
bool is_table(HtmlNode node);
/// Decodes the character at `at` and moves behind it; U+FFFD and one byte for what is none.
char32_t next_character(std::string_view text, std::size_t& at);

}  // namespace corollary::mathml
