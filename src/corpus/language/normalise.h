#pragma once
#include <string>
#include <string_view>

namespace corollary {

/// The form of a text that OpenWebMath's classifiers judge, after cc_net's normaliser (arXiv:1911.00359): lower case; accents off
/// (canonical decomposition without its marks of category Mn, by utf8proc); every decimal digit is "0"; typographic punctuation in
/// ASCII; $..$ and $$..$$ are "[EQUATION]", code in backticks "[CODE]"; "<s>" and "</s>" go; control characters go, except that
/// newlines and tabs become a space (cc_net works line by line and never meets them). Blanks at both ends go.
///
/// A formula ends in the paragraph it begins in, "\$" neither opens nor closes one, and a dollar or backtick without partner stays.
/// Each byte of invalid UTF-8 becomes U+FFFD. Work is proportional to the text.
struct Normalisation {
  bool marks_formulas = true;  ///< false: formulas leave nothing, as MathScore wants it
};
std::string normalise(std::string_view text, const Normalisation& how = {});
/// Appends to `out` instead.
void normalise(std::string_view text, const Normalisation& how, std::string& out);

/// The text without formulas and code, otherwise as it is: what language is judged on. Appends to `out`.
void without_formulas(std::string_view text, std::string& out);

}  // namespace corollary
