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

TEST(HtmlTree, TheHardPartsOfTheStandard) {
  const auto body = [](std::string_view page) { return outline(HtmlTree("<!DOCTYPE html>" + std::string(page)).body()); };
  EXPECT_EQ(body("<b>1<i>2</b>3</i>4"), "b('1'i('2'))i('3')'4'");                        // adoption agency
  EXPECT_EQ(body("<p>1<b>2<p>3"), "p('1'b('2'))p(b('3'))");                              // formatting elements again
  EXPECT_EQ(body("<table>x<tr><td>y</table>"), "'x'table(tbody(tr(td('y'))))");          // foster parenting
  EXPECT_EQ(body("<ul><li>a<li>b</ul><dl><dt>c<dd>d</dl>"), "ul(li('a')li('b'))dl(dt('c')dd('d'))");
  EXPECT_EQ(body("<svg><title>t</title><p>out"), "svg(title('t'))p('out')");             // HTML breaks out of SVG
  EXPECT_EQ(body("<math><mi>x</mi><mo/>y"), "math(mi('x')mo()'y')");
  EXPECT_EQ(body("<p><script><!--<script></script>--></script>z"), "p(script('<!--<script></script>-->')'z')");
  EXPECT_EQ(body("<textarea>\n<b>&amp;</textarea>&notit; &not; &#x80; &#0;"), "textarea('<b>&')'\u00acit; \u00ac \u20ac \uFFFD'");
  EXPECT_EQ(body("<select><option>a<option>b<div></select>c"), "select(option('a')option('b'))'c'");
}

TEST(HtmlTree, LongTexts) {
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
