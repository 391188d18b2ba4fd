#include "corpus/web/asciimath.h"

#include <gtest/gtest.h>

namespace corollary {
namespace {

std::string latex(std::string_view asciimath) { return asciimath_to_latex(asciimath).value_or("(none)"); }

TEST(Asciimath, ExamplesOfItsPage) {
  EXPECT_EQ(latex("sum_(i=1)^n i^3=((n(n+1))/2)^2"), "\\sum_{i=1}^ni^3=\\left(\\frac{n(n+1)}{2}\\right)^2");
  EXPECT_EQ(latex("x=(-b +- sqrt(b^2 - 4ac))/(2a)"), "x=\\frac{-b\\pm\\sqrt{b^2-4ac}}{2a}");
  EXPECT_EQ(latex("int_0^1 f(x)dx"), "\\int_0^1f(x)dx");
  EXPECT_EQ(latex("[[a,b],[c,d]]((n),(k))"), "\\begin{bmatrix}a&b\\\\c&d\\end{bmatrix}\\begin{pmatrix}n\\\\k\\end{pmatrix}");
  EXPECT_EQ(latex("x/x={(1,if x!=0),(text{undefined},if x=0):}"),
            "\\frac{x}{x}=\\begin{cases}1&\\text{if }x\\neq0\\\\\\text{undefined}&\\text{if }x=0\\end{cases}");
  EXPECT_EQ(latex("lim_(h->0)(f(x+h)-f(x))/h"), "\\lim_{h\\to0}\\frac{f(x+h)-f(x)}{h}");
  EXPECT_EQ(latex("hat(ab) bar(xy) ulA vec v dotx ddot y"), "\\hat{ab}\\overline{xy}\\underline{A}\\vec{v}\\dot{x}\\ddot{y}");
}

TEST(Asciimath, Pieces) {
  EXPECT_EQ(latex("alpha x"), "\\alpha x");
  EXPECT_EQ(latex("x^2+y_1"), "x^2+y_1");
  EXPECT_EQ(latex("x_(10)^alpha"), "x_{10}^\\alpha");
  EXPECT_EQ(latex("e^(x^2)"), "e^{x^2}");
  EXPECT_EQ(latex("a/b/c"), "\\frac{\\frac{a}{b}}{c}");
  EXPECT_EQ(latex("abs(x) floor(1/2) norm(v)"), "|x|\\left\\lfloor\\frac{1}{2}\\right\\rfloor\\|v\\|");
  EXPECT_EQ(latex("root(3)(x)"), "\\sqrt[3]{x}");
  EXPECT_EQ(latex("bbb R bb(x) cc\"A\""), "\\mathbb{R}\\mathbf{x}\\mathcal{\\text{A}}");
  EXPECT_EQ(latex("\"if 5% of $x\""), "\\text{if 5\\% of \\$x}");
  EXPECT_EQ(latex("|x|<=1"), "|x|\\leq1");
  EXPECT_EQ(latex("P(A|B)"), "P(A|B)");
  EXPECT_EQ(latex("[0,1)"), "[0,1)");
  EXPECT_EQ(latex("{(1,2),(3,4)}"), "\\{(1,2),(3,4)\\}");
  EXPECT_EQ(latex("AA x in RR"), "\\forall x\\in\\mathbb{R}");
  EXPECT_EQ(latex("a != 3.14"), "a\\neq3.14");
  EXPECT_EQ(latex("sin^-1(x)"), "\\sin^-1(x)");
  EXPECT_EQ(latex("\xCE\xB1+\xE2\x88\x9E"), "\\alpha+\\infty");
}

TEST(Asciimath, WhatIsNotAsciimath) {
  for (const char* text :
       {"", "  ", "(x", "x)", "\"x", "text(x", "sqrt", "frac(1)", "x^", "/2", "\\alpha", "\\frac{1}{2}", "a`b", "x/", "sqrt,2"})
    EXPECT_EQ(asciimath_to_latex(text), std::nullopt) << text;
  EXPECT_EQ(asciimath_to_latex("\xFF"), std::nullopt);
}

TEST(Asciimath, HostileFormulasEnd) {
  EXPECT_EQ(asciimath_to_latex(std::string(30000, '(') + std::string(30000, ')')), std::nullopt);
  EXPECT_EQ(asciimath_to_latex(std::string(100000, 'x')), std::nullopt);
  EXPECT_TRUE(asciimath_to_latex(std::string(60000, 'x')));
  EXPECT_TRUE(asciimath_to_latex(std::string(60000, '|')));
  std::string slashes = "1", roots, scripts = "x";
  for (int i = 0; i < 10000; ++i) slashes += "/1", roots += "sqrt ", scripts += "^x";
  EXPECT_EQ(asciimath_to_latex(slashes), std::nullopt);
  EXPECT_EQ(asciimath_to_latex(roots + "x"), std::nullopt);
  EXPECT_TRUE(asciimath_to_latex(scripts));
  std::string nested = "x";
  for (int i = 0; i < 50; ++i) nested = "(" + nested + ")";
  EXPECT_TRUE(asciimath_to_latex(nested));
}

}  // namespace
}  // namespace corollary
