#pragma once
#include <string_view>

#include "corpus/web/html_tree.h"

namespace corollary {

/// Whether an element and all below it is no part of what a page says: scripts and controls, navigation, headers without a heading,
/// footers, sidebars, tables of contents, permalink marks, formulas a script has drawn beside their source, and what a style hides.
/// By element, ARIA role, id and class, the last two as Sphinx, MediaWiki, GAPDoc, Texinfo, MathJax and KaTeX name them.
bool is_boilerplate(HtmlNode node);

}  // namespace corollary
