#include "corpus/web/html_text.h"

#include <gtest/gtest.h>

#include <ctime>

namespace corollary {
namespace {

std::string text_of(const std::string& body) { return html_to_text("<html><body>" + body + "</body></html>").text; }

TEST(HtmlText, HeadingsParagraphsAndInlineMarkup) {
  EXPECT_EQ(text_of("<h1>Groups</h1><p>A <b>group</b>\n is <i>a set</i>.<p>Next<br>line<h2>Ring<em>s</em></h2>x is of that kind too"),
            "# Groups\n\nA group is a set.\n\nNext\nline\n\n## Rings\n\nx is of that kind too\n");
}

TEST(HtmlText, ListsNestAndEmptyItemsLeaveNothing) {
  EXPECT_EQ(text_of("<ul><li>a<li><p>b</p><ol><li>c<li>d</ol><li></ul>"), "- a\n- b\n\n  1. c\n  2. d\n");
}

TEST(HtmlText, CodeKeepsItsLinesInFences) {
  EXPECT_EQ(text_of("<p>Use <code>f(x)</code>:</p><pre>\n  a &lt; b\n\tc  \n\n</pre>end"),
            "Use `f(x)`:\n\n```\n  a < b\n\tc\n```\n\nend\n");
  EXPECT_EQ(text_of("<pre>x ``` y</pre>"), "````\nx ``` y\n````\n");
}

TEST(HtmlText, TablesAreGridsButLayoutTablesAreBlocks) {
  EXPECT_EQ(text_of("<table><tr><th>n<th>f(n)<tr><td>1<td><p>2</p><tr><td><td></table>"), "n | f(n)\n1 | 2\n");
  EXPECT_EQ(text_of("<table><tr><td><h1>T</h1></td><td><p>a</p><p>b as a whole sentence</p></td></tr></table>"), "# T\n\na\n\nb as a whole sentence\n");
}

TEST(HtmlText, DefinitionsStandBelowTheirTerms) {
  EXPECT_EQ(text_of("<dl><dt>n</dt><dd><p>a number</p><p>positive</p></dd><dt>m</dt><dd>another</dd></dl>"),
            "n\n    a number\n\n    positive\n\nm\n    another\n");
}

TEST(HtmlText, SphinxSignatureParametersAndPermalinks) {
  EXPECT_EQ(text_of("<dl class='py function'><dt class='sig sig-object py'><span>linalg.inv</span>(<em>a</em>)<a "
                    "class='headerlink'>\u00b6</a></dt>"
                    "<dd><p>Inverse.</p><dl class='field-list'><dt>Parameters</dt><dd><dl><dt><strong>a</strong><span "
                    "class='classifier'>array</span></dt>"
                    "<dd><p>Square.</p></dd></dl></dd></dl></dd></dl>"),
            "`linalg.inv(a)`\n\nInverse.\n\nParameters\na : array\n    Square.\n");
}

TEST(HtmlText, DropsWhatIsNotThePage) {
  EXPECT_EQ(
      text_of(
          "<nav>menu</nav><header><a>logo</a></header><div role='navigation'>n</div><aside>ad</aside><div style='display: "
          "none'>h</div>"
          "<script>var x</script><style>p{}</style><div class='sphinxsidebar x'>s</div><ul id='toc'><li>t</ul><button>b</button>"
          "<p>kept</p><footer>f</footer>"),
      "kept\n");
}

TEST(HtmlText, TakesTheMarkedMainPartUnlessItIsNearlyEmpty) {
  const std::string filler(300, 'x');
  EXPECT_EQ(text_of("<div>outside</div><main><p>" + filler + "</p></main>"), filler + "\n");
  EXPECT_EQ(text_of("<div>" + filler + "</div><main>x</main>"), filler + "\n\nx\n");
}

TEST(HtmlText, MathOfEveryKind) {
  const HtmlText page = html_to_text(
      "<script src=MathJax.js></script><p>a \\(x^2\\) b \\[y\n\\\\[2pt] z\\] c $$w$$"
      "<script type='math/tex'>p</script><script type='math/tex; mode=display'>q</script>"
      "<math display=block><semantics><mi>r</mi><annotation encoding='application/x-tex'>{\\displaystyle "
      "r_1}</annotation></semantics></math>"
      "<math alttext='s_2'><mi>s</mi></math><math><mi>t</mi><mo>+</mo><mn>1</mn></math>"
      "<img class=tex alt='$u$'><img src='http://latex.codecogs.com/gif.latex?v%5E2+w'><img src='photo.png' alt='me'>");
  EXPECT_EQ(page.text, "a $x^2$ b\n\n$$y \\\\[2pt] z$$\n\nc\n\n$$w$$\n\n$p$\n\n$$q$$\n\n$$r_1$$\n\n$s_2$ $t+1$ $u$ $v^2+w$\n");
  EXPECT_EQ(page.formulas, 10);
}

TEST(HtmlText, SphinxMathLosesItsTexComments) {
  EXPECT_EQ(text_of("<div class='math notranslate'>\\[a % old\n= b\\% \\]</div>"), "$$a = b\\%$$\n");
}

TEST(HtmlText, KatexAndMathjaxOutputIsNotDoubled) {
  EXPECT_EQ(text_of("<span class=katex><span class='katex-mathml'><math><semantics><mi>x</mi><annotation "
                    "encoding='application/x-tex'>x</annotation>"
                    "</semantics></math></span><span class='katex-html' aria-hidden=true>x</span></span>"),
            "$x$\n");
}

TEST(HtmlText, SuperscriptsAndFootnotes) {
  EXPECT_EQ(text_of("x<sup>2</sup> y<sub>10</sub> see <a class='footnote-reference brackets'>1</a>"), "x^2 y_{10} see [1]\n");
}

TEST(HtmlText, CharsetsByMarkMetaAndGuess) {
  EXPECT_EQ(html_charset("<meta charset=\"Latin1\">"), "latin1");
  EXPECT_EQ(html_charset("<meta http-equiv=x content='text/html; charset=windows-1251'>"), "windows-1251");
  EXPECT_EQ(html_charset("<p>charset</p>"), "");
  EXPECT_EQ(html_to_text("<meta charset=iso-8859-1><p>caf\xe9").text, "caf\u00e9\n");
  EXPECT_EQ(html_to_text("<p>caf\xe9").text, "caf\u00e9\n");
  EXPECT_EQ(html_to_text("<meta charset=utf-8><p>caf\xe9!").text, "caf\uFFFD!\n");
  EXPECT_EQ(html_to_text(std::string("\xFF\xFE<\0p\0>\0h\0i\0", 12)).text, "hi\n");
}

TEST(HtmlText, TitleAndLinks) {
  const HtmlText page = html_to_text("<title> A\n&amp; B </title><p>abc <a href=x>def</a>");
  EXPECT_EQ(page.title, "A & B");
  EXPECT_EQ(page.text_bytes, 6);
  EXPECT_EQ(page.link_bytes, 3);
}

TEST(HtmlText, NothingIsNothing) {
  for (const char* page : {"", "   ", "<", "<!--", "<html>", "\xff\xfe", "&#xD800;&#0;"})
    EXPECT_LE(html_to_text(page).text.size(), 16U) << page;
}

/// What would take minutes or the stack if depth, formatting elements or copies were not bounded.
TEST(HtmlText, HostilePagesAreBounded) {
  const auto repeat = [](const std::string& piece, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += piece;
    return out;
  };
  std::string attributes = "<p";
  for (int i = 0; i < 100'000; ++i) attributes += " a" + std::to_string(i) + "=1";
  std::string formatting;
  for (int i = 0; i < 100'000; ++i) formatting += "<b a=" + std::to_string(i) + ">";
  const std::clock_t start = std::clock();  // of the processor: the machine may be busy
  EXPECT_TRUE(html_to_text(repeat("<div>", 500'000)).was_cut);
  EXPECT_TRUE(html_to_text(repeat("<table><tr><td>", 200'000)).was_cut);
  EXPECT_TRUE(html_to_text(formatting + repeat("<p>x", 100'000)).was_cut);
  html_to_text(repeat("<ul><li>", 100) + std::string(1'000'000, 'x'));
  html_to_text(repeat("<sup>", 390) + std::string(1'000'000, 'x'));
  html_to_text(repeat("<p>", 300'000));
  html_to_text(repeat("&amp;", 300'000));
  html_to_text(repeat("<a><table>", 100'000));
  html_to_text(attributes + ">x");
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 30);
}

}  // namespace
}  // namespace corollary
