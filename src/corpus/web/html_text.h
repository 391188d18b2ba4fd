#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace corollary {

/// The readable text of a web page, mathematics kept as LaTeX between $ (inline) and $$ (display).
struct HtmlText {
  std::string title;            ///< of the head; may be empty
  std::string text;             ///< '#' headings, "- " lists, ``` code blocks, " | " tables; tidy_lines()
  std::int64_t text_bytes = 0;  ///< of visible text that was kept
  std::int64_t link_bytes = 0;  ///< of those, inside links
  std::int64_t formulas = 0;    ///< taken from MathML, scripts, images, and delimiters \( \[ $$
  bool was_cut = false;         ///< nested beyond what any honest page is: the rest was dropped (HtmlTree)
};

/// Takes the part a page marks as its main one if it marks one, else the body; drops scripts, navigation, headers, footers,
/// sidebars and permalink marks by the standard's elements, ARIA roles and the class names of the usual generators. Time is linear
/// in the page but for the bounds of HtmlTree. The same bytes give the same text. Never throws on a page's account.
HtmlText html_to_text(std::string_view html);

/// The charset a page names: byte order mark, else <meta> in its first 2048 bytes; "" if none.
std::string html_charset(std::string_view html);

}  // namespace corollary
