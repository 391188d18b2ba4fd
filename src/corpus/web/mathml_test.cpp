#include "corpus/web/mathml.h"

#include <gtest/gtest.h>

#include <ctime>

namespace corollary {
namespace {

/// Of the inside of a <math>, or of a whole one.
std::string latex(const std::string& inside, const MathmlOptions& options = {}) {
  const HtmlTree tree(inside.starts_with("<math") || inside.starts_with("<mml:math") ? inside : "<math>" + inside + "</math>");
  return mathml_to_latex(
      find_first(tree.root(), [](HtmlNode node) { return node.name() == "math" || node.name().ends_with(":math"); }), options);
}

TEST(Mathml, TokensAndSpacing) {
  EXPECT_EQ(latex("<mi>x</mi><mo>=</mo><mn>3.14</mn>"), "x=3.14");
  EXPECT_EQ(latex("<mi>&alpha;</mi><mi>x</mi><mo>&InvisibleTimes;</mo><mi>&beta;</mi><mn>2</mn>"), "\\alpha x\\beta2");
  EXPECT_EQ(latex("<mi>sin</mi><mo>&ApplyFunction;</mo><mi>x</mi>"), "\\sin x");
  EXPECT_EQ(latex("<mi>Var</mi><mo>&ApplyFunction;</mo><mi>x</mi><mi>foo</mi>"), "\\operatorname{Var}x\\mathrm{foo}");
  EXPECT_EQ(latex("<mi mathvariant=normal>d</mi><mi mathvariant='double-struck'>R</mi><mi mathvariant=bold>a</mi><mi "
                  "mathvariant=bold>b</mi>"),
            "\\mathrm{d}\\mathbb{R}\\mathbf{ab}");
  EXPECT_EQ(latex("<mi>&#x1D538;</mi><mi>&#x1D738;</mi><mi>&#x1D6C2;</mi><mi>&#x2112;</mi><mn>&#x1D7CF;</mn>"),
            "\\mathbb{A}\\boldsymbol{\\gamma}\\boldsymbol{\\alpha}\\mathcal{L}\\mathbf{1}");
  EXPECT_EQ(latex("<mtext>50% of $_x </mtext>"), "\\text{50\\% of \\$\\_x }");
  EXPECT_EQ(latex("<mi>a</mi><mtext>\n  if\n  so </mtext>"), "a\\text{if so }");
  EXPECT_EQ(
      latex("<mi>a</mi><mspace width='1em'/><mi>b</mi><mspace width='0.167em'/><mi>c</mi><mspace width='-0.167em'/><mi>d</mi>"),
      "a\\quad b\\,c\\!d");
  EXPECT_EQ(latex("<mo>{</mo><mi>x</mi><mo>|</mo><mi>x</mi><mo>&gt;</mo><mn>0</mn><mo>}</mo>"), "\\{x|x>0\\}");
  EXPECT_EQ(latex("<mi>x</mi><mo>&NotEqual;</mo><mi>y</mi><mo>&#x2208;&#x338;</mo><mi>Z</mi>"), "x\\neq y\\notin Z");
  EXPECT_EQ(latex("<math> \\frac{1}{2} </math>"), "\\frac{1}{2}");
}

TEST(Mathml, ScriptsTakeBracesOnlyWhereNeeded) {
  EXPECT_EQ(latex("<msup><mi>x</mi><mn>2</mn></msup>"), "x^2");
  EXPECT_EQ(latex("<msup><mi>x</mi><mn>12</mn></msup>"), "x^{12}");
  EXPECT_EQ(latex("<msubsup><mi>x</mi><mi>&alpha;</mi><mrow><mi>n</mi><mo>+</mo><mn>1</mn></mrow></msubsup><mi>y</mi>"),
            "x_\\alpha^{n+1}y");
  EXPECT_EQ(latex("<msup><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></msup>"), "{a+b}^2");
  EXPECT_EQ(latex("<msup><mrow><mo>(</mo><mi>a</mi><mo>+</mo><mi>b</mi><mo>)</mo></mrow><mn>2</mn></msup>"), "(a+b)^2");
  EXPECT_EQ(latex("<msup><msup><mi>x</mi><mn>2</mn></msup><mn>3</mn></msup>"), "{x^2}^3");
  EXPECT_EQ(latex("<msup><mi>f</mi><mo>&prime;</mo></msup><msubsup><mi>f</mi><mi>n</mi><mo>&#x2033;</mo></msubsup>"), "f'f_n''");
  EXPECT_EQ(latex("<msub><mi mathvariant=bold>x</mi><mi>i</mi></msub>"), "\\mathbf{x}_i");
  EXPECT_EQ(latex("<mmultiscripts><mi>R</mi><mi>a</mi><none/><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>"), "{}_6^{14}R_a");
  EXPECT_EQ(latex("<msup><mrow/><mn>2</mn></msup>"), "{}^2");
}

TEST(Mathml, AboveAndBelow) {
  EXPECT_EQ(latex("<munderover><mo>&sum;</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><mi>i</mi>"),
            "\\sum_{i=1}^ni");
  EXPECT_EQ(latex("<munder><mo movablelimits=true>lim</mo><mrow><mi>x</mi><mo>&rarr;</mo><mn>0</mn></mrow></munder>"),
            "\\lim_{x\\to0}");
  EXPECT_EQ(latex("<munder><mrow><mi>lim</mi><mo>&ApplyFunction;</mo></mrow><mi>n</mi></munder>"), "\\lim_n");
  EXPECT_EQ(latex("<munder><mi>argmax</mi><mi>x</mi></munder>"), "\\operatorname*{argmax}_x");
  EXPECT_EQ(latex("<munderover><mo>&int;</mo><mn>0</mn><mn>1</mn></munderover>"), "\\int\\limits_0^1");
  EXPECT_EQ(latex("<mover><mi>x</mi><mo stretchy=false>^</mo></mover><mover><mi>AB</mi><mo>&#xAF;</mo></mover><mover "
                  "accent=true><mi>v</mi><mo>&rarr;</mo></mover>"),
            "\\hat{x}\\overline{\\mathrm{AB}}\\vec{v}");
  EXPECT_EQ(latex("<munder><munder><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mo>&#x23DF;</mo></munder><mi>n</mi></munder>"),
            "\\underbrace{a+b}_n");
  EXPECT_EQ(latex("<mover><mo>=</mo><mtext>def</mtext></mover>"), "\\overset{\\text{def}}{=}");
  EXPECT_EQ(latex("<mover><mo>&rarr;</mo><mi>f</mi></mover>"), "\\xrightarrow{f}");
}

TEST(Mathml, FractionsRootsAndFences) {
  const std::string half = "<mfrac><mn>1</mn><mn>2</mn></mfrac>";
  EXPECT_EQ(latex(half), "\\frac{1}{2}");
  EXPECT_EQ(latex("<mo>(</mo>" + half + "<mo>)</mo>"), "\\left(\\frac{1}{2}\\right)");
  EXPECT_EQ(latex("<mo stretchy=false>(</mo>" + half + "<mo stretchy=false>)</mo>"), "(\\frac{1}{2})");
  EXPECT_EQ(latex("<mo>[</mo><mi>x</mi><mo>)</mo>"), "[x)");
  EXPECT_EQ(latex("<mrow><mo>|</mo>" + half + "<mo>|</mo></mrow>"), "\\left|\\frac{1}{2}\\right|");
  EXPECT_EQ(latex("<mo>(</mo><mo>(</mo>" + half + "<mo>)</mo><mi>x</mi><mo>)</mo>"), "\\left(\\left(\\frac{1}{2}\\right)x\\right)");
  EXPECT_EQ(latex("<mo>(</mo>" + half + "<msup><mo>)</mo><mn>2</mn></msup>"), "\\left(\\frac{1}{2}\\right)^2");
  EXPECT_EQ(latex("<mo>(</mo><mfrac linethickness=0><mi>n</mi><mi>k</mi></mfrac><mo>)</mo>"), "\\binom{n}{k}");
  EXPECT_EQ(
      latex("<mfenced><mi>a</mi><mi>b</mi></mfenced><mfenced open='[' close=']' separators=';'><mi>a</mi>" + half + "</mfenced>"),
      "(a,b)\\left[a;\\frac{1}{2}\\right]");
  EXPECT_EQ(latex("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt><mroot><mi>x</mi><mn>3</mn></mroot>"), "\\sqrt{x+1}\\sqrt[3]{x}");
  EXPECT_EQ(latex("<menclose notation='updiagonalstrike'><mi>x</mi></menclose><mphantom><mi>y</mi></mphantom>"),
            "\\cancel{x}\\phantom{y}");
}

TEST(Mathml, Tables) {
  const auto table = [](const std::string& attributes) {
    return "<mtable " + attributes +
           "><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr><mtr><mtd><mi>c</mi></mtd><mtd><mi>d</mi></mtd></mtr></mtable>";
  };
  const std::string cells = "a&b\\\\c&d";
  EXPECT_EQ(latex("<mo>(</mo>" + table("") + "<mo>)</mo>"), "\\begin{pmatrix}" + cells + "\\end{pmatrix}");
  EXPECT_EQ(latex("<mrow><mo>[</mo><mrow>" + table("") + "</mrow><mo>]</mo></mrow>"),
            "\\begin{bmatrix}" + cells + "\\end{bmatrix}");
  EXPECT_EQ(latex("<mo>|</mo>" + table("") + "<mo>|</mo>"), "\\begin{vmatrix}" + cells + "\\end{vmatrix}");
  EXPECT_EQ(latex("<mi>f</mi><mo>=</mo><mrow><mo>{</mo>" + table("columnalign='left left'") + "<mo></mo></mrow>"),
            "f=\\begin{cases}" + cells + "\\end{cases}");
  EXPECT_EQ(latex("<mfenced open='{' close=''>" + table("") + "</mfenced>"), "\\begin{cases}" + cells + "\\end{cases}");
  EXPECT_EQ(latex(table("columnalign='right left'")), "\\begin{aligned}" + cells + "\\end{aligned}");
  EXPECT_EQ(latex(table("")), "\\begin{matrix}" + cells + "\\end{matrix}");
  EXPECT_EQ(latex(table("columnlines='solid'")), "\\begin{array}{c|c}" + cells + "\\end{array}");
  EXPECT_EQ(latex("<mtable><mlabeledtr><mtd><mtext>(1)</mtext></mtd><mtd><mi>x</mi></mtd></mlabeledtr></mtable>"), "x\\tag{1}");
}

TEST(Mathml, PrefixesSemanticsAndContent) {
  EXPECT_EQ(latex("<mml:math><mml:mi>x</mml:mi><mml:mspace "
                  "width='1em'/><mml:msup><mml:mi>y</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math>"),
            "x\\quad y^2");
  const std::string annotated =
      "<semantics><mfrac><mi>a</mi><mi>b</mi></mfrac><annotation encoding='application/x-tex'>a/b</annotation></semantics>";
  EXPECT_EQ(latex(annotated), "a/b");
  MathmlOptions options;
  options.use_annotation = false;
  EXPECT_EQ(latex(annotated, options), "\\frac{a}{b}");
  EXPECT_EQ(latex("<apply><eq/><apply><power/><ci>x</ci><cn>2</cn></apply><apply><plus/><ci>a</ci><apply><times/><cn>2</cn><ci>b</"
                  "ci></apply></apply></apply>"),
            "x^2=a+2b");
  EXPECT_EQ(latex("<apply><times/><apply><plus/><ci>a</ci><ci>b</ci></apply><ci>c</ci></apply>"), "(a+b)c");
  EXPECT_EQ(latex("<mml:math><mml:apply><mml:int/><mml:bvar><mml:ci>x</mml:ci></mml:bvar><mml:lowlimit><mml:cn>0</mml:cn></"
                  "mml:lowlimit><mml:uplimit><mml:infinity/></mml:uplimit>"
                  "<mml:apply><mml:sin/><mml:ci>x</mml:ci></mml:apply></mml:apply></mml:math>"),
            "\\int_{0}^{\\infty}\\sin(x)\\,dx");
  EXPECT_EQ(latex("<apply><diff/><bvar><ci>x</ci></bvar><apply><ci>f</ci><ci>x</ci></apply></apply>"), "\\frac{df(x)}{dx}");
  EXPECT_EQ(latex("<apply><root/><apply><divide/><cn>1</cn><cn>2</cn></apply></apply>"), "\\sqrt{\\frac{1}{2}}");
}

TEST(Mathml, FaultsGiveWhatCanBeRead) {
  EXPECT_EQ(latex("<mfrac><mi>a</mi></mfrac>"), "\\frac{a}{}");
  EXPECT_EQ(latex("<mfrac></mfrac><msup></msup><mtable></mtable><mroot></mroot><mover></mover><mmultiscripts></mmultiscripts><mi></"
                  "mi><mi>x</mi>")
                .substr(0, 7),
            "\\begin{");
  EXPECT_EQ(latex("<msup><mi>x</mi></msup><msub><mi>y</mi><mrow/></msub>"), "xy");
  EXPECT_EQ(latex("<mo>(</mo><mi>x</mi><mo>]</mo><mo>)</mo><mo>)</mo>"), "(x]))");
  EXPECT_EQ(latex("<mi>x</mi><foo><mi>y</mi></foo>z"), "xyz");
  EXPECT_EQ(mathml_to_latex({}), "");
  EXPECT_EQ(latex("<mtd><mi>x</mi></mtd><mtr></mtr><mprescripts/><none/>"), "x");
}

TEST(Mathml, HostileFormulasEnd) {
  const auto repeated = [](std::string_view piece, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += piece;
    return all;
  };
  const std::clock_t start = std::clock();
  for (const std::string_view deep :
       {"<mrow>", "<msup><mi>x</mi>", "<msup>", "<mo>(</mo><mrow>", "<mover>", "<mtable><mtr><mtd>", "<mfenced>", "<mml:mspace>",
        "<apply><plus/>", "<mtext><b>", "<munder><mrow>", "<msub><msub>", "<mrow><mo>{</mo><mrow>"})
    (void)latex(repeated(deep, 100'000));
  EXPECT_EQ(latex(repeated("<mi>x</mi>", 300'000)), "");  // a million takes the HTML parser seconds, the converter 34 ms
  EXPECT_EQ(latex(repeated("<mi>x</mi>", 90'000)).size(), 90'000u);
  EXPECT_TRUE(latex("<mtext>" + std::string(3 << 20, 'x') + "</mtext>").empty());
  (void)latex(repeated("<mo>(</mo>", 90'000) + repeated("<mo>)</mo>", 90'000));
  (void)latex(repeated("<mo>|</mo>", 90'000));
  (void)latex("<mi" + repeated(" a=b", 100'000) + ">x</mi>");
  const std::string nested = repeated("<mrow><mo>(</mo><mfrac><mi>x</mi><mrow>", 90) + "y";
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(latex(nested).empty());
  EXPECT_LT(std::clock() - start, 60 * CLOCKS_PER_SEC);  // seconds of this process: 5 where it was written
}

}  // namespace
}  // namespace corollary
