#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace corollary {

/// The text form which OpenWebMath's classifiers judge, after cc_net's normaliser (arXiv:1911.00359; shared rules 9.3): lower case;
/// accents off (canonical decomposition without its non-spacing marks); every decimal digit is "0"; typographic punctuation in ASCII;
/// $..$ and $$..$$ are " [EQUATION] ", code in backticks " [CODE] "; "<s>" and "</s>" go; control characters go, but newlines and
/// tabs become a space, where cc_net (which works line by line) never meets them. Blanks at both ends go.
///
/// A formula ends in the paragraph it begins in (no empty line inside) and "\$" neither opens nor closes one; a dollar or backtick
/// without partner stays. Invalid UTF-8 becomes U+FFFD. Accents are taken off Latin, Greek, Cyrillic and Vietnamese letters, kana and
/// Hangul as Unicode 15 decomposes them; marks of other scripts are removed where they are of category Mn.
struct Normalisation {
  bool marks_formulas = true;  ///< false: formulas and code are left out altogether, as MathScore and language id want it
};
std::string normalise(std::string_view text, const Normalisation& how = {});
/// Appends to `out` instead.
void normalise(std::string_view text, const Normalisation& how, std::string& out);

/// The text without its formulas and code, otherwise as it is: what language is judged on. Appends to `out`.
void without_formulas(std::string_view text, std::string& out);

}  // namespace corollary
