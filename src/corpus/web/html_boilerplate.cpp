#include "corpus/web/html_boilerplate.h"

#include <string>
#include <unordered_set>

#include "corpus/text.h"

namespace corollary {
namespace {

using Words = std::unordered_set<std::string_view>;

/// Calls f with each blank-separated word until it says true; whether it did.
template <class F>
bool any_word(std::string_view list, F f) {
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find_first_of(" \t\n", at), list.size());
    if (end > at && f(list.substr(at, end - at))) return true;
    at = end + 1;
  }
  return false;
}

Words words_of(std::string_view list) {
  Words words;
  any_word(list, [&](std::string_view word) { return words.insert(word), false; });
  return words;
}

const Words kElements = words_of(
    "script style nav footer aside noscript template iframe object embed button select input option svg canvas audio video head "
    "dialog map");
const Words kRoles = words_of("navigation search banner contentinfo complementary button menu dialog");
const Words kIds = words_of(
    "sidebar navigation footer nav menu toc mw-navigation mw-head mw-panel catlinks siteSub jump-to-nav searchbox navbar "
    "navbar-main "
    "breadcrumbs comments");
const Words kClasses = words_of(
    "headerlink related sidebar sphinxsidebar bd-sidebar bd-sidebar-primary bd-sidebar-secondary bd-toc toc toctree-wrapper navbar "
    "navigation breadcrumb breadcrumbs footer prev-next-bottom prev-next-area prev-next-footer wy-nav-side wy-nav-top "
    "rst-footer-buttons "
    "rst-versions header-article viewcode-link viewcode-back copybtn edit-this-page sphinx-version theme-version linenos linenodiv "
    "noprint navbox mw-editsection mw-jump-link catlinks printfooter skip-link sr-only screen-reader-text "
    "chlinktop chlinkbot chlinkprevnexttop chlinkprevnextbot foot nav-panel "
    "MathJax MathJax_Preview MathJax_Display MathJax_SVG MathJax_CHTML mjx-chtml katex-html");

bool has_heading(HtmlNode node) {
  return bool(find_first(node, [](HtmlNode at) { return heading_level(at.name()) > 0; }));
}

/// Wikipedia hides the formulas it has images for.
bool is_hidden(HtmlNode node) {
  const std::string_view style = node.attribute("style");
  if (style.find("display") == std::string_view::npos) return false;
  std::string plain;
  for (const char c : style)
    if (!is_ascii_space(c)) plain += c;
  return plain.find("display:none") != std::string::npos && node.attribute("class").find("mwe-math") == std::string_view::npos;
}

}  // namespace

bool is_boilerplate(HtmlNode node) {
  const std::string_view name = node.name(), classes = node.attribute("class");
  if (kElements.contains(name)) return name != "aside" || !has_token(classes, "footnote");
  if (name == "header" && !has_heading(node)) return true;
  if (!classes.empty()) {
    if (any_word(classes, [](std::string_view word) { return kClasses.contains(word); })) return true;
    if (has_token(classes, "contents") && has_token(classes, "topic")) return true;
    if (has_token(classes, "header") && !has_heading(node)) return true;
  }
  return kRoles.contains(node.attribute("role")) || kIds.contains(node.attribute("id")) || is_hidden(node);
}

}  // namespace corollary
