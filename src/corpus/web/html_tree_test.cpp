#include "corpus/web/html_tree.h"

#include <gtest/gtest.h>

#include <string>

namespace corollary {
namespace {

std::string outline(HtmlNode node) {
  std::string out;
  for (HtmlNode child = node.first_child(); child; child = child.next()) {
    if (child.is_text())
      out += "'" + std::string(child.text()) + "'";
    else if (child.is_element())
      out += std::string(child.name()) + "(" + outline(child) + ")";
  }
  return out;
}

TEST(HtmlTree, RepairsAsTheStandardSays) {
  const HtmlTree tree("<!DOCTYPE html><p>a<p>b &lt;&eacute;<table><td>c");
  EXPECT_EQ(outline(tree.root()), "head()body(p('a')p('b <\u00e9')table(tbody(tr(td('c')))))");
}

TEST(HtmlTree, AttributesAndAbsence) {
  const HtmlTree tree("<a HREF='x&amp;y' hidden>t</a>");
  const HtmlNode a = tree.root().first_child().next().first_child();
  EXPECT_EQ(a.name(), "a");
  EXPECT_EQ(a.attribute("href"), "x&y");
  EXPECT_EQ(a.attribute("hidden"), "");
  EXPECT_EQ(a.attribute("none"), "");
  EXPECT_EQ(a.parent().name(), "body");
  const HtmlNode nothing;
  EXPECT_FALSE(nothing.is_text() || nothing.is_element() || nothing.first_child());
  EXPECT_EQ(nothing.name(), "");
}

/// The parser reads in slices; where they fall must not show. A reference or tag at every offset around the slice's end.
TEST(HtmlTree, SlicesDoNotShow) {
  for (std::size_t before = 4070; before < 4110; ++before) {
    const HtmlTree tree("<p>" + std::string(before, 'x') + "&amp;<b title='a<b &#39;c&#39;'>y</b>&lt;z");
    const HtmlNode p = tree.root().first_child().next().first_child();
    EXPECT_EQ(p.first_child().text(), std::string(before, 'x') + "&");
    EXPECT_EQ(p.first_child().next().attribute("title"), "a<b 'c'");
    EXPECT_EQ(p.first_child().next().next().text(), "<z");
  }
}

}  // namespace
}  // namespace corollary
