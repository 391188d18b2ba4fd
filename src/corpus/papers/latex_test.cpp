#include "corpus/papers/latex.h"

#include <gtest/gtest.h>

#include <ctime>

namespace corollary {
namespace {

TEST(Latex, CommentsGoAndNothingElse) {
  EXPECT_EQ(clean_latex("\\section{A}\nhalf% note\n% whole line\n  % indented\nthe 5\\% rule\\\\% after a break\nend\n"),
            "\\section{A}\nhalf\nthe 5\\% rule\\\\\nend\n");
  EXPECT_EQ(clean_latex("a\n\\begin{comment}\nhidden\n\\end{comment}\nb\n"), "a\n\nb\n");
}

TEST(Latex, VerbatimTextIsLeftAlone) {
  const std::string text =
      "\\def\\x{y}\\section{A}\n\\begin{verbatim}\n% \\x \\begin{document} \\end{document}\n\\end{verbatim}\n\\verb|% \\x| z \\x\n";
  EXPECT_EQ(clean_latex(text),
            "\\section{A}\n\\begin{verbatim}\n% \\x \\begin{document} \\end{document}\n\\end{verbatim}\n\\verb|% \\x| z y\n");
  EXPECT_EQ(clean_latex("\\section{A}\n\\bprog\n? 1+1\n%1 = 2\n@eprog\n"), "\\section{A}\n\\bprog\n? 1+1\n%1 = 2\n@eprog\n");
  EXPECT_EQ(clean_latex("\\section{A}\n<<fit>>=\na %*% b\n@\nend % c\n"), "\\section{A}\n<<fit>>=\na %*% b\n@\nend\n");
}

TEST(Latex, StartsAtTheFirstSectionOrAbstract) {
  EXPECT_EQ(clean_latex("\\documentclass{a}\n\\begin{document}\n\\title{T}\\maketitle\n\\section{A}\nx\n\\end{document}\njunk\n"),
            "\\section{A}\nx\n");
  EXPECT_EQ(clean_latex("\\begin{document}\n\\maketitle\n\\begin{abstract}w\\end{abstract}\n\\section{A}\n"),
            "\\begin{abstract}w\\end{abstract}\n\\section{A}\n");
  EXPECT_EQ(clean_latex("\\begin{document}\n\\paragraph{P} x\n"), "\\paragraph{P} x\n");
}

TEST(Latex, WithoutSectionsItKeepsTheBody) {
  EXPECT_EQ(clean_latex("\\usepackage{x}\n\\begin{document}\nShort note.\n\\end{document}\n"), "Short note.\n");
  EXPECT_EQ(clean_latex("A fragment with $x$.\n\\bye\nrest\n"), "A fragment with $x$.\n");
}

TEST(Latex, EndsAtTheAppendixOrBibliography) {
  for (const char* end : {"\\appendix\n", "\\begin{thebibliography}{9}\n", "\\bibliography{refs}\n", "\\begin{references}\n",
                          "\\printbibliography\n"})
    EXPECT_EQ(clean_latex("\\section{A}\nx\n" + std::string(end) + "y\n"), "\\section{A}\nx\n") << end;
  EXPECT_EQ(clean_latex("\\section{A}\n\\bibliographystyle{plain}\nx\n"), "\\section{A}\n\\bibliographystyle{plain}\nx\n");
  EXPECT_EQ(clean_latex("\\appendix{B}{Title}\ntext\n"), "\\appendix{B}{Title}\ntext\n");
}

TEST(Latex, WritesOutMacrosWithoutArguments) {
  EXPECT_EQ(clean_latex("\\newcommand{\\R}{\\mathbb{R}}\n\\newcommand*\\eps{\\varepsilon}\n\\def\\be{\\begin{equation}}"
                        "\n\\DeclareMathOperator{\\tr}{tr}\n"
                        "\\section{A}\n$\\eps\\in\\R$, \\Re, \\be x, $\\tr A$, \\eps x\n"),
            "\\section{A}\n$\\varepsilon\\in\\mathbb{R}$, \\Re, \\begin{equation} x, $\\operatorname{tr} A$, \\varepsilon x\n");
  EXPECT_EQ(clean_latex("\\newcommand{\\f}[1]{f(#1)}\\section{A}\n\\f{x}\n"), "\\section{A}\n\\f{x}\n");
}

TEST(Latex, MacrosInMacrosAndCycles) {
  EXPECT_EQ(clean_latex("\\def\\a{\\b!}\\def\\b{c}\\section{A}\n\\a\n"), "\\section{A}\nc!\n");
  const std::string cycle = clean_latex("\\def\\a{\\b x}\\def\\b{\\a y}\\section{A}\n\\a\n");
  EXPECT_LT(cycle.size(), 4096U);
  // doubling at every step
  std::string bomb = "\\def\\a{xx}";
  for (char c = 'b'; c <= 'z'; ++c)
    bomb += std::string("\\def\\") + c + "{\\" + static_cast<char>(c - 1) + "\\" + static_cast<char>(c - 1) + "}";
  EXPECT_LT(clean_latex(bomb + "\\section{A}\n\\z\\z\\z\n").size(), 4 * bomb.size() + (1 << 16) + 100);
}

TEST(Latex, HostileTextIsLinear) {
  const auto repeat = [](const std::string& piece, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += piece;
    return out;
  };
  const std::clock_t start = std::clock();  // of the processor: the machine may be busy
  for (const char* piece : {"\\begin{verbatim}", "\\begin{comment}", "\\bprog", "\\verb|", "<<", "\n<<>>=", "\\def\\a{", "{", "\\",
                            "%", "\\begin{minted}\\end"})
    clean_latex(repeat(piece, 50'000));
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 20);
}

TEST(Latex, ProgramsAreToldFromProse) {
  EXPECT_LT(tex_program_density("Let $x\\in X$ be such that \\emph{every} $f(x)$ is \\textbf{even}. We define $y$."), 0.001);
  EXPECT_GT(tex_program_density("\\def\\a#1{\\expandafter\\let\\csname #1\\endcsname\\relax \\ifx\\b\\c\\else\\fi}"), 0.1);
}

}  // namespace
}  // namespace corollary
