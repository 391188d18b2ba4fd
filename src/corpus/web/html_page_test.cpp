// What of a page is its text: small pages of the kinds there are.
#include <gtest/gtest.h>

#include <string>

#include "corpus/text.h"
#include "corpus/web/html_lines.h"
#include "corpus/web/html_table.h"
#include "corpus/web/html_text.h"

namespace corollary {
namespace {

std::string text_of(const std::string& body) { return html_to_text("<html><body>" + body + "</body></html>").text; }
const std::string kProse = "Every finite group of prime order is cyclic, and so it is abelian as well. ";
std::string prose(int n) {
  std::string out;
  while (n-- > 0) out += kProse;
  return std::string(trim(out));
}

TEST(HtmlPage, BoxesAroundTheTextGo) {
  const std::string text = prose(6);
  EXPECT_EQ(text_of("<div class='breadcrumbs'>Home</div><div id='cookie-consent'>We use <a href=p>cookies</a></div><p>" + text +
                    "</p><div class='social-share'><a href=f>Facebook</a></div><div class='siteFooter'>(c)</div><ul><li><a "
                    "href=1>First</a><li>"
                    "<a href=2>Second</a></ul>"),
            text + "\n");
}

TEST(HtmlPage, AWordInAClassNameDoesNotTakeThePageAway) {
  EXPECT_EQ(text_of("<div class='with-sidebar'><p>" + prose(5) + "</p></div>"), prose(5) + "\n");
}

TEST(HtmlPage, QuestionAnswersAndComments) {
  EXPECT_EQ(text_of("<div id='question-header'><h1>Is it abelian?</h1></div><div id='mainbar'><div class='js-vote-count'>12</div>"
                    "<div class='s-prose js-post-body'><p>" +
                    prose(3) +
                    "</p></div><div class='post-signature'>asked by me</div>"
                    "<ul class='comments-list'><li><span class='comment-copy'>Think of Lagrange's theorem.</span> "
                    "<a class='comment-user' href=u>Ann</a></li></ul><h2>1 Answer</h2><div class='answer'><p>" +
                    prose(3) + "</p></div></div>"),
            prose(3) + "\n\n- Think of Lagrange's theorem.\n\n## 1 Answer\n\n" + prose(3) + "\n");
}

TEST(HtmlPage, PostsInAListAreNoItemsAndQuotationsGoOnce) {
  EXPECT_EQ(
      text_of(
          "<ol class='posts'><li><h2>On orders of groups</h2><div>The first post says this.</div></li><li><h2>Again on orders</h2>"
          "<blockquote class='quote'>The first post says this.</blockquote><div>And so do I, at more length.</div></li></ol>"),
      "## On orders of groups\n\nThe first post says this.\n\n## Again on orders\n\nAnd so do I, at more length.\n");
}

TEST(HtmlPage, WikipediaEndsAtExternalLinks) {
  EXPECT_EQ(text_of("<div id='mw-content-text'><p>" + prose(5) + "</p><h2>Notes<span class='mw-editsection'>[edit]</span></h2><p>" +
                    prose(1) + "</p><h2><span id='External_links'>External links</span></h2><p>" + prose(2) + "</p></div>"),
            prose(5) + "\n\n## Notes\n\n" + prose(1) + "\n");
}

TEST(HtmlPage, CodeHasItsLanguage) {
  EXPECT_EQ(text_of("<div class='highlight-python3 notranslate'><pre><span class='lineno'>1</span>x = 1\n    y</pre></div>"),
            "```python3\nx = 1\n    y\n```\n");
  EXPECT_EQ(text_of("<pre><code class='language-rust'>fn f()</code></pre>"), "```rust\nfn f()\n```\n");
}

TEST(HtmlPage, SpansOfTables) {
  TableGrid grid;
  grid.begin_row(), grid.add_cell("a", "2", ""), grid.add_cell("b", "", "2"), grid.add_cell("", "", "");
  grid.begin_row(), grid.add_cell("c", "", ""), grid.add_cell("d", "", ""), grid.add_cell("", "999999999999", "");
  EXPECT_EQ(grid.lines(), (std::vector<std::string>{"a |  | b", "c | d | "}));
}

TEST(HtmlLines, BoilerplateHeadingsAndNumbers) {
  const LineRules rules;
  EXPECT_EQ(apply_line_rules(
                "# Title of it\n\n## Empty\n\n## Full\n\nA line that is long enough.\n\nShare this on Facebook\n\n12\n", rules),
            "# Title of it\n\n## Full\n\nA line that is long enough.\n");
  EXPECT_EQ(boilerplate_score("All rights reserved").score, 3);
  EXPECT_EQ(boilerplate_score("The ads of crossroads").score, 0) << "whole words only";
  EXPECT_EQ(apply_line_rules("log in $x$\n\n```\nlog in\n```\n", rules), "log in $x$\n\n```\nlog in\n```\n")
      << "never math or code";
  LineRules cjk;
  cjk.removes_cjk_lines = true;
  EXPECT_EQ(apply_line_rules("\u7fa4\u8bba\nGroups are sets.\n", cjk), "Groups are sets.\n");
}

TEST(HtmlCharset, HeaderMetaAndLabels) {
  EXPECT_EQ(html_to_utf8("<p>\xc4\xe3", "gb2312"), "<p>\u4f60");
  EXPECT_EQ(html_to_utf8("<p>\x83\x41", "Shift_JIS"), "<p>\u30a2");
  EXPECT_EQ(html_to_utf8("<p>\xb0\xa1", "euc-kr"), "<p>\uac00");
  EXPECT_EQ(html_to_utf8("<p>\xc1", "koi8-r"), "<p>\u0430");
  EXPECT_EQ(html_to_utf8("<meta charset=utf-16><p>\u00e9"), "<meta charset=utf-16><p>\u00e9");
  EXPECT_EQ(html_to_utf8("<p>caf\u00e9", "iso-8859-1"), "<p>caf\u00e9") << "what is UTF-8 is UTF-8";
  EXPECT_EQ(html_to_utf8("\xEF\xBB\xBF<p>x", "koi8-r"), "<p>x");
  EXPECT_EQ(html_to_utf8("<p>caf\xe9", "no-such-charset"), "<p>caf\uFFFD");
  EXPECT_EQ(charset_of_content_type("text/html; Charset=\"UTF-8\""), "utf-8");
}

}  // namespace
}  // namespace corollary
