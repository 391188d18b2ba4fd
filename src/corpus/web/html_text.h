#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "corpus/web/html_charset.h"
#include "corpus/web/html_lines.h"
#include "corpus/web/html_math.h"

namespace corollary {

struct HtmlOptions {
  std::string http_charset;         ///< of the Content-Type header; may be empty
  bool removes_boilerplate = true;  ///< false: everything the page shows (for measuring what is lost)
  LineRules lines;
};

/// The readable text of a web page, mathematics kept as LaTeX between $ (inline) and $$ (display): docs/formats/web_text.md.
struct HtmlText {
  std::string title;            ///< of the head; may be empty
  std::string text;             ///< '#' headings, "- " lists, ``` code blocks, " | " tables; tidy_lines()
  std::int64_t text_bytes = 0;  ///< of visible text that was kept
  std::int64_t link_bytes = 0;  ///< of those, inside links
  std::int64_t formulas = 0;    ///< that the text holds, of every source
  MathCounts formulas_by_source{};
  std::int64_t links = 0;  ///< <a> elements in the page (OpenWebMath skips pages with more than 3000)
  bool has_latex = false;  ///< a LaTeX command stands in the page's text (recipe 9.1)
  bool was_cut = false;    ///< nested beyond what any honest page is: the rest was dropped (HtmlTree)
};

/// Takes the part a page marks as its main one if it marks one, else the body; drops what is_boilerplate() and is_link_cluster()
/// name and what LineRules say. Time and memory are linear in the page but for the bounds of HtmlTree. The same bytes give the same
/// text. Never throws on a page's account.
HtmlText html_to_text(std::string_view html, const HtmlOptions& options = {});

}  // namespace corollary
