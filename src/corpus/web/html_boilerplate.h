#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "corpus/web/html_tree.h"

namespace corollary {

/// What stands below each node of a page: bytes that are not blank, of text that would be shown.
class PageFacts {
 public:
  struct Facts {
    std::uint32_t text_bytes = 0, link_bytes = 0, links = 0, children = 0;  ///< children: elements directly below
    bool has_heading = false;
    bool has_block = false;    ///< a table, list, <pre>, quotation or heading: a table with that is layout
    bool has_code = false;     ///< <code> or <tt>
    bool has_term = false;     ///< a <dt> directly below
    bool has_formula = false;  ///< or what looks like LaTeX
    bool has_latex = false;    ///< a LaTeX command in its text (has_latex_command)
  };
  explicit PageFacts(const HtmlTree& tree);
  const Facts& operator[](HtmlNode node) const { return facts_[node.index()]; }
  std::int64_t links = 0;  ///< <a> in all of the page

 private:
  Facts gather(HtmlNode node, bool in_link, int depth);
  std::vector<Facts> facts_;
};

/// Whether an element and all below it is no part of what a page says, by itself: scripts and controls, navigation, headers without
/// a heading, footers, tables of contents, permalink marks, what a style hides. By element, ARIA role, id and class; the names are
/// those of Sphinx, MediaWiki, GAPDoc, Texinfo, WordPress, Stack Exchange, phpBB, vBulletin, XenForo, Discourse, LibreTexts and the
/// like, and the words that pages put into such names (recipe 9.2: breadcrumbs, menus, login, votes, share buttons, newsletters,
/// ...): those count only for elements that do not hold a large part of the page. `page_bytes`: text outside links of all that is
/// extracted.
bool is_boilerplate(HtmlNode node, std::string_view classes, const PageFacts& facts, std::uint32_t page_bytes);

/// A list, box or paragraph of links: at least two elements directly below, more than 80 % of the text in links (recipe 9.2);
/// but not one with a formula, or with code: a manual's cross references.
bool is_link_cluster(HtmlNode node, const PageFacts& facts);

}  // namespace corollary
