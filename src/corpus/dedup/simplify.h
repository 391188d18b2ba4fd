#pragma once
#include <string>
#include <string_view>

namespace corollary {

/// Text as near-duplicate search compares it, so that layout, punctuation, accents and numbers do not matter. These are the rules
/// of datatrove's simplify_text with its defaults, in its order:
///   1. lower case;  2. each run of white space becomes one blank;  3. its list of punctuation and control characters goes;
///   4. canonical decomposition (NFD) without non-spacing marks (Mn);  5. each run of decimal digits (Nd) becomes one "0".
/// Here blanks that meet because something between them went are one blank too, and none stands at either end, so what lies between
/// blanks is a word. Combining marks that stay (Mc) keep the order they come in. Bytes that are not UTF-8 count as U+FFFD.
/// `out` is replaced; its capacity is kept. At most 3 bytes come out for one that goes in.
void simplify_text(std::string_view text, std::string& out);

}  // namespace corollary
