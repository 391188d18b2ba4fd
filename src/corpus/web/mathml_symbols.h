#pragma once
#include <cstdint>
#include <string_view>

namespace corollary {

/// The tables of mathml.h: which LaTeX a Unicode character or a name stands for. Sources: the Unicode names of the blocks, LaTeX's
/// and amsmath's symbol lists, MathML Core's operator dictionary (appendix B).

/// The alphabets of MathML's mathvariant and of the block U+1D400.
enum class MathFont : std::uint8_t {
  kDefault,  ///< as the element has it: italic for one letter, upright for several
  kNormal,
  kItalic,
  kBold,
  kBoldItalic,
  kScript,
  kBoldScript,
  kFraktur,
  kBoldFraktur,
  kDoubleStruck,
  kSans,
  kSansBold,
  kSansItalic,
  kSansBoldItalic,
  kMonospace,
};

/// A mathvariant's value; kDefault if there is none of that name.
MathFont math_font(std::string_view mathvariant);
/// "\\mathbf{" and the like, empty for kDefault; bold fonts without a command of their own as "\\boldsymbol{\\mathcal{", closed by
/// as many braces as it opens.
std::string_view font_command(MathFont font);

/// A styled letter or digit (U+1D400 to U+1D7FF and the letterlike ones below U+2150) as the plain one and its alphabet; others as
/// they are, kDefault.
struct StyledLetter {
  char32_t letter;
  MathFont font;
};
StyledLetter plain_letter(char32_t code_point);

/// What one character is in mathematics: a control word or characters, "" for an invisible one. Has no value (data() is null) for
/// characters that stand for themselves, such as letters.
std::string_view math_symbol(char32_t code_point);

/// U+2211 and the like, which take limits; integrals are none here.
bool is_large_operator(char32_t code_point);
bool is_integral(char32_t code_point);

/// "\\sin" for "sin"; data() is null for names LaTeX has not.
std::string_view function_command(std::string_view name);
/// Whether what stands below the function goes under it in display: lim, max, gcd.
bool takes_limits(std::string_view name);

/// The command of a character above (below) another expression: "\\hat" and, stretched over it, "\\widehat"; null if there is none.
struct Accent {
  const char *narrow = nullptr, *wide = nullptr;
};
Accent accent_above(char32_t code_point);
Accent accent_below(char32_t code_point);
/// "\\xrightarrow" and the like, for an arrow with text above; null if amsmath has none.
const char* extensible_arrow(char32_t code_point);

/// The closing delimiter that belongs to an opening one; 0 for none. Bars are none, they open and close.
char32_t closing_delimiter(char32_t open);
bool is_closing_delimiter(char32_t code_point);
inline bool is_bar(char32_t c) { return c == '|' || c == 0x2016 || c == 0x2223 || c == 0x2225; }

}  // namespace corollary
