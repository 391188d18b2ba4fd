// Every way in which a page writes a formula, and what is none.
#include <gtest/gtest.h>

#include <string>

#include "corpus/web/html_delimiters.h"
#include "corpus/web/html_text.h"

namespace corollary {
namespace {

std::string text_of(const std::string& body) { return html_to_text("<html><body>" + body + "</body></html>").text; }
const std::string kMathjax = "<script src='MathJax.js'></script>";

struct Case {
  const char *html, *text;
  MathSource source;
};

TEST(HtmlMath, EverySource) {
  const Case cases[] = {
      {"<script src='MathJax.js'></script><p>\\(a_1\\)", "$a_1$", MathSource::Delimiters},
      {"<p>\\begin{equation}a=b\\end{equation}", "$$a=b$$", MathSource::Environment},
      {"<p>\\begin{align*}a&=b\\\\c&=d\\end{align*}", "\\begin{align*}a&=b\\\\c&=d\\end{align*}", MathSource::Environment},
      {"<span class='texerror'>Error: {\\frac{a}{b}} at 3</span>", "$\\frac{a}{b}$", MathSource::TexError},
      {"<img class='latex' alt='a^2'>", "$a^2$", MathSource::ClassImage},
      {"<img class='latexdisplay' alt='a^2'>", "$$a^2$$", MathSource::ClassImage},
      {"<img src='https://latex.codecogs.com/svg.latex?\\inline&space;\\dpi{120}&space;a%5E2&plus;b'>", "$a^2+b$",
       MathSource::Codecogs},
      {"<img src='https://s0.wp.com/latex.php?latex=%5Ckappa&bg=ffffff' alt='\\kappa'>", "$\\kappa$", MathSource::WordPressImage},
      {"<img src='https://s0.wp.com/latex.php?latex=%5Ckappa+x&bg=ffffff'>", "$\\kappa x$", MathSource::WordPressImage},
      {"<img src='/images/math/codecogs/ab.png' alt='x_1'>", "$x_1$", MathSource::CodecogsCache},
      {"<img src='/cgi-bin/mimetex.cgi?x%5E3'>", "$x^3$", MathSource::CgiImage},
      {"<img src='//chart.googleapis.com/chart?cht=tx&chl=x%5E4'>", "$x^4$", MathSource::CgiImage},
      {"<img class='x-ck12-math' alt='no'><img class='x-ck12' alt='x%5E5'>", "$x^5$", MathSource::Ck12Image},
      {"<img class='mwe-math-fallback-image-inline' alt='{\\displaystyle x}'>", "$x$", MathSource::WikipediaImage},
      {"<span class='math-container'>$$a$$</span>", "$$a$$", MathSource::MathContainer},
      {"<span class='wp-katex-eq' data-display='true'>a</span>", "$$a$$", MathSource::WpKatex},
      {"<p><script type='math/tex; mode=display'>q</script>", "$$q$$", MathSource::Script},
      {"<p><script type='math/asciimath'>a/b</script>", "$\\frac{a}{b}$", MathSource::AsciiMath},
      {"<span class='tex' data-expr='x^6'>drawn</span>", "$x^6$", MathSource::DataTex},
      {"<span class='katex'><math><semantics><mi>x</mi><annotation encoding='application/x-tex'>x_7</annotation></semantics></math>"
       "<span class='katex-html'>x7</span></span>",
       "$x_7$", MathSource::Katex},
      {"<math><semantics><mi>x</mi><annotation encoding='application/x-tex'>x_8</annotation></semantics></math>", "$x_8$",
       MathSource::Annotation},
      {"<math alttext='x_9'><mi>x</mi></math>", "$x_9$", MathSource::AltText},
      {"<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>", "$\\frac{a}{b}$", MathSource::MathMl},
      {"<mml:math><mml:mi>a</mml:mi></mml:math>", "$a$", MathSource::MathMl},
      {"<p>&lt;math&gt;a+b&lt;/math&gt;", "$a+b$", MathSource::Delimiters},
      {"<p>[tex]a+b[/tex]", "$$a+b$$", MathSource::Delimiters},
      {"<p>[itex]a+b[/itex]", "$a+b$", MathSource::Delimiters},
      {"<mathjax>#a/b#</mathjax>", "$\\frac{a}{b}$", MathSource::MathjaxElement},
      {"<span class='math'>\\(z\\)</span>", "$z$", MathSource::ClassMath},
  };
  for (const Case& at : cases) {
    const HtmlText page = html_to_text(at.html);
    EXPECT_EQ(page.text, std::string(at.text) + "\n") << at.html;
    EXPECT_EQ(page.formulas, 1) << at.html;
    EXPECT_EQ(page.formulas_by_source[static_cast<std::size_t>(at.source)], 1) << at.html;
  }
}

TEST(HtmlMath, DrawnFormulasAreTakenOnce) {
  EXPECT_EQ(text_of("<span class='MathJax_Preview'>x</span><span class='MathJax'>x</span><script type='math/tex'>x</script>"),
            "$x$\n");
  EXPECT_EQ(text_of("<span class='MathJax' data-mathml='&lt;math>&lt;mi>y&lt;/mi>&lt;/math>'>y</span>"), "$y$\n");
  EXPECT_EQ(text_of("<span class='mwe-math-element'><span style='display: none' class='mwe-math-mathml-inline'><math "
                    "alttext='z'></math></span>"
                    "<img class='mwe-math-fallback-image-inline' alt='z'></span>"),
            "$z$\n");
}

TEST(HtmlMath, DollarsAreFormulasWhereThePageOrTheTextSaysSo) {
  EXPECT_EQ(text_of("<p>from $5 to $6"), "from \\$5 to \\$6\n");
  EXPECT_EQ(text_of(kMathjax + "<p>from $5 to $6 and $x_1$, $n$"), "from \\$5 to \\$6 and $x_1$, $n$\n");
  EXPECT_EQ(text_of("<script>MathJax={tex:{inlineMath:[['$','$']]}}</script><p>so $5 to$ it is, \\$6 too"),
            "so $5 to$ it is, \\$6 too\n");
  EXPECT_EQ(text_of("<p>`$PATH`, <code>$HOME</code>"), "`\\$PATH`, `$HOME`\n");
}

TEST(HtmlMath, ConfiguredDelimiters) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  const auto pairs = [](std::string_view script) {
    Pairs out;
    for (const auto& pair : parse_delimiter_list(script, false)) out.emplace_back(pair.open, pair.close);
    return out;
  };
  EXPECT_EQ(pairs(R"([['$','$'], ['\\(','\\)']])"), (Pairs{{"$", "$"}, {"\\(", "\\)"}}));
  EXPECT_EQ(pairs(R"([{left: "$$", right: "$$", display: true}, {"left": "@", "right": "@"}])"), (Pairs{{"$$", "$$"}, {"@", "@"}}));
  EXPECT_EQ(pairs("[['$"), Pairs{});
  EXPECT_EQ(text_of("<script>MathJax.Hub.Config({tex2jax:{inlineMath:[['@@','@@']],ignoreClass:'no|never'}})</script>"
                    "<p>a @@x@@ <span class='never'>@@y@@</span>"),
            "a $x$ @@y@@\n");
}

TEST(HtmlMath, FormulasOverLineBreaksAndBraces) {
  EXPECT_EQ(text_of(kMathjax + "<p>$$a<br>+b$$ and \\(\\text{if \\(x\\)}\\)"), "$$a +b$$\n\nand $\\text{if \\(x\\)}$\n");
  EXPECT_EQ(text_of(kMathjax + "<p>\\(a % gone\n+ b\\)"), "$a + b$\n");
  EXPECT_EQ(text_of(kMathjax + "<p>\\[\\textcolor[rgb]{1,0,0}{x}\\]"), "$${x}$$\n");
}

}  // namespace
}  // namespace corollary
