#include "corpus/papers/latex.h"

#include <gtest/gtest.h>

#include <ctime>

namespace corollary {
namespace {

/// Of a body behind a heading, without both.
std::string body_of(const std::string& tex) {
  const std::string text = clean_latex(tex), heading = "\\section{A}\n";
  return text.starts_with(heading) ? text.substr(heading.size()) : text;
}
std::string repeat(const std::string& piece, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += piece;
  return out;
}

TEST(Latex, CommentsGoAndNothingElse) {
  EXPECT_EQ(clean_latex("\\section{A}\nhalf% note\n% whole line\n  % indented\nthe 5\\% rule\\\\% after a break\nend\n"),
            "\\section{A}\nhalf\nthe 5\\% rule\\\\\nend\n");
  EXPECT_EQ(clean_latex("a\n\\begin{comment}\nhidden\n\\end{comment}\nb\n"), "a\nb\n");
  EXPECT_EQ(clean_latex("a \\url{http://x.org/a%20b} c % d\n"), "a \\url{http://x.org/a%20b} c\n");
  EXPECT_EQ(clean_latex("\\newenvironment{hidden}{\\comment}{\\endcomment}a\n\\begin{hidden}\nx\n\\end{hidden}\nb\n"), "a\nb\n");
}

TEST(Latex, VerbatimTextIsLeftAlone) {
  const std::string text =
      "\\def\\x{y}\\section{A}\n\\begin{verbatim}\n% \\x \\begin{document} \\end{document}\n\\end{verbatim}\n\\verb|% \\x| z \\x\n";
  EXPECT_EQ(clean_latex(text),
            "\\section{A}\n\\begin{verbatim}\n% \\x \\begin{document} \\end{document}\n\\end{verbatim}\n\\verb|% \\x| z y\n");
  EXPECT_EQ(clean_latex("\\section{A}\n\\bprog\n? 1+1\n%1 = 2\n@eprog\n"), "\\section{A}\n\\bprog\n? 1+1\n%1 = 2\n@eprog\n");
  EXPECT_EQ(clean_latex("\\section{A}\n<<fit>>=\na %*% b\n@\nend % c\n"), "\\section{A}\n<<fit>>=\na %*% b\n@\nend\n");
  EXPECT_EQ(body_of("\\lstnewenvironment{code}{}{}\\section{A}\n\\begin{code}\n1 % 2\n\\end{code}\n\\lstinline|a%b| c\n"),
            "\\begin{code}\n1 % 2\n\\end{code}\n\\lstinline|a%b| c\n");
}

TEST(Latex, StartsAtTheFirstSectionOrAbstract) {
  EXPECT_EQ(clean_latex("\\documentclass{a}\n\\begin{document}\n\\author{T}\\maketitle\n\\section{A}\nx\n\\end{document}\njunk\n"),
            "\\section{A}\nx\n");
  EXPECT_EQ(clean_latex("\\begin{document}\n\\maketitle\n\\begin{abstract}w\\end{abstract}\n\\section{A}\n"),
            "\\begin{abstract}w\\end{abstract}\n\\section{A}\n");
  EXPECT_EQ(clean_latex("\\begin{document}\n\\paragraph{P} x\n"), "\\paragraph{P} x\n");
  EXPECT_EQ(clean_latex("\\titleformat{\\section}{\\large}{1}\n\\begin{document}\n\\maketitle\nx\n\\section{A}\n"),
            "\\section{A}\n");
  const std::string letter = repeat("A letter begins without a heading. ", 20);
  EXPECT_EQ(clean_latex("\\begin{document}\n\\author{N}\\maketitle\n" + letter + "\n\\section{A}\n").substr(0, 8), "A letter");
}

TEST(Latex, TitleStandsBeforeTheText) {
  const std::string tex =
      "\\title[Short]{On \\R\\thanks{Someone} \\\\ and more}\\def\\R{$R$}\n\\begin{document}\\maketitle\n\\section{A}\n";
  EXPECT_EQ(clean_latex("\\def\\R{$R$}" + tex), "\\title{On $R$ and more}\n\n\\section{A}\n");
  EXPECT_EQ(clean_latex(tex, {.keep_title = false}), "\\section{A}\n");
  EXPECT_EQ(clean_latex("\\abstract{Short.}\n\\begin{document}\\section{A}\n"),
            "\\begin{abstract}\nShort.\n\\end{abstract}\n\n\\section{A}\n");
}

TEST(Latex, WithoutSectionsItKeepsTheBody) {
  EXPECT_EQ(clean_latex("\\usepackage{x}\n\\begin{document}\nShort note.\n\\end{document}\n"), "Short note.\n");
  EXPECT_EQ(clean_latex("A fragment with $x$.\n\\bye\nrest\n"), "A fragment with $x$.\n");
  const std::string letter = "\\begin{document}\n" + repeat("word ", 600);
  EXPECT_EQ(clean_latex(letter + "\n\\bibliography{r}\n\\section{Supplement}\n").find("Supplement"), std::string::npos);
}

TEST(Latex, EndsAtTheAppendixOrBibliography) {
  for (const char* end : {"\\appendix\n", "\\begin{thebibliography}{9}\n", "\\bibliography{refs}\n", "\\begin{references}\n",
                          "\\printbibliography\n"})
    EXPECT_EQ(clean_latex("\\section{A}\nx\n" + std::string(end) + "y\n"), "\\section{A}\nx\n") << end;
  EXPECT_EQ(clean_latex("\\section{A}\n\\bibliographystyle{plain}\nx\n"), "\\section{A}\n\\bibliographystyle{plain}\nx\n");
  EXPECT_EQ(clean_latex("\\appendix{B}{Title}\ntext\n"), "\\appendix{B}{Title}\ntext\n");
  EXPECT_EQ(clean_latex(
                "\\section{A}\n\\begin{thebibliography}{9}\n\\bibitem{x} X\n\\end{thebibliography}\n\\appendix\n\\section{B}\ny\n",
                {.keep_appendix = true}),
            "\\section{A}\n\\appendix\n\\section{B}\ny\n");
}

TEST(Latex, WritesOutMacrosWithoutArguments) {
  EXPECT_EQ(clean_latex("\\newcommand{\\R}{\\mathbb{R}}\n\\newcommand*\\eps{\\varepsilon}\n\\def\\be{\\begin{equation}}"
                        "\n\\DeclareMathOperator{\\tr}{tr}\n"
                        "\\section{A}\n$\\eps\\in\\R$, \\Re, \\be x, $\\tr A$, \\eps x\n"),
            "\\section{A}\n$\\varepsilon\\in\\mathbb{R}$, \\Re, \\begin{equation} x, $\\operatorname{tr} A$, \\varepsilon x\n");
  EXPECT_EQ(body_of("\\newcommand{\\name}{Foo\\xspace}\\section{A}\n\\name{} and {\\name}\n"), "Foo and {Foo}\n");
  EXPECT_EQ(body_of("\\def\\Spec{\\mathop{\\mathrm{Spec}}\\nolimits}\\section{A}\n$\\Spec R$\n"), "$\\operatorname{Spec} R$\n");
}

TEST(Latex, WritesOutMacrosWithArguments) {
  EXPECT_EQ(body_of("\\newcommand{\\f}[1]{f(#1)}\\section{A}\n\\f{x} \\f y \\f\\alpha\n"), "f(x) f(y) f(\\alpha)\n");
  EXPECT_EQ(body_of("\\newcommand{\\n}[2][2]{\\|#2\\|_{#1}}\\section{A}\n$\\n{x}$ $\\n[p]{x}$\n"), "$\\|x\\|_{2}$ $\\|x\\|_{p}$\n");
  EXPECT_EQ(body_of("\\def\\p#1#2{(#1,#2)}\\section{A}\n\\p ab \\p{a}{\\p{b}{c}}\n"), "(a,b) (a,(b,c))\n");
  EXPECT_EQ(body_of("\\def\\pair<#1,#2>{(#1;#2)}\\section{A}\n\\pair<a,{b,c}> \\pair x\n"), "(a;b,c) \\pair x\n");
  EXPECT_EQ(body_of("\\newcommand{\\bars}[1]{\\bar #1}\\newcommand{\\c}[1]{\\cos#1}\\section{A}\n$\\bars{x}\\c{y}$\n"),
            "$\\bar x\\cos y$\n");
  EXPECT_EQ(body_of("\\DeclarePairedDelimiter{\\abs}{\\lvert}{\\rvert}\\section{A}\n\\abs{x} \\abs*{y} \\abs[\\big]{z}\n"),
            "\\lvert x \\rvert \\left\\lvert y \\right\\rvert \\bigl\\lvert z \\bigr\\rvert\n");
  EXPECT_EQ(body_of("\\NewDocumentCommand{\\g}{s O{x} m}{\\IfBooleanTF{#1}{G}{g}_{#2}(#3)}\\section{A}\n$\\g{1} \\g*[y]{2}$\n"),
            "$g_{x}(1) G_{y}(2)$\n");
  EXPECT_EQ(body_of("\\newcommand{\\n}[1]{\\|#1\\|}\\section{A}\n\\n{one% comment }\n two}\n"), "\\|one\n two\\|\n");
  // arguments that the value's end leaves to the text
  EXPECT_EQ(body_of("\\newcommand{\\t}[2]{|#2|_{#1}}\\def\\z{\\t0}\\section{A}\n$\\z{A}$\n"), "$|A|_{0}$\n");
}

TEST(Latex, DefinitionInForceAtThePlaceOfUseCounts) {
  EXPECT_EQ(body_of("\\newcommand{\\x}{1}\\section{A}\n\\x\n\\renewcommand{\\x}{2}\n\\x\n\\providecommand{\\x}{3}\n\\x\n"),
            "1\n2\n2\n");
  EXPECT_EQ(body_of("\\let\\oldphi\\phi\\renewcommand{\\phi}{\\varphi}\\section{A}\n$\\phi \\oldphi$\n"), "$\\varphi \\phi$\n");
  EXPECT_EQ(body_of("\\def\\a{1}\\let\\b=\\a\\def\\a{2}\\section{A}\n\\a\\b\n"), "21\n");
  EXPECT_EQ(body_of("\\def\\a{1}\\edef\\b{\\a}\\def\\c{\\a}\\def\\a{2}\\section{A}\n\\b\\c\n"), "12\n");
}

TEST(Latex, WhatTakesOneTokenKeepsItsArgumentTogether) {
  EXPECT_EQ(body_of("\\def\\R{\\mathbb{R}}\\def\\e{\\varepsilon}\\section{A}\n$x^\\R_\\e \\hat\\R \\in\\R$\n"),
            "$x^{\\mathbb{R}}_\\varepsilon \\hat{\\mathbb{R}} \\in\\mathbb{R}$\n");
}

TEST(Latex, EnsuremathKnowsWhereItStands) {
  EXPECT_EQ(body_of("\\newcommand{\\L}{\\ensuremath{\\Lambda}\\xspace}\\section{A}\nThe \\L model, $\\L x$, \\[ \\L \\text{ in "
                    "\\L} \\L \\]\n"),
            "The $\\Lambda$ model, $\\Lambda x$, \\[ \\Lambda \\text{ in $\\Lambda$} \\Lambda \\]\n");
  EXPECT_EQ(
      body_of("\\newcommand{\\L}{\\ensuremath{l}}\\section{A}\nlost $ sign\n\nthen \\L\n\\begin{align}\n\\L\n\\end{align}\n\\L\n"),
      "lost $ sign\n\nthen $l$\n\\begin{align}\nl\n\\end{align}\n$l$\n");
}

TEST(Latex, ConditionalsAreDecidedIfTheyCanBe) {
  EXPECT_EQ(body_of("\\section{A}\na\n\\iffalse\nb \\ifx\\a\\b c\\else d\\fi % \\fi\n\\fi\ne\n"), "a\ne\n");
  EXPECT_EQ(body_of("\\newif\\ifdraft\\section{A}\n\\ifdraft no\\else yes\\fi\n\\drafttrue\n\\ifdraft yes\\else no\\fi\n"),
            " yes\n yes\n");
  EXPECT_EQ(body_of("\\section{A}\n\\if0 hidden \\fi x \\if11 shown\\fi\n\\ifx\\a\\b c\\else d\\fi\n"),
            " x  shown\n\\ifx\\a\\b c\\else d\\fi\n");
  EXPECT_EQ(body_of("\\section{A}\n\\iffalse never closed\n"), " never closed\n");
}

TEST(Latex, ProgramsAndEnvironmentsKeepTheirNames) {
  EXPECT_EQ(body_of("\\def\\x#1{\\expandafter\\y#1}\\newcommand{\\h}{\\raisebox{1pt}{o}}\\section{A}\n\\x{a} \\h\n"),
            "\\x{a} \\h\n");
  EXPECT_EQ(body_of("\\newtheorem{thm}[section]{Theorem}\\newenvironment{sol}{\\begin{proof}[Solution]}{\\end{proof}}\\section{A}\n"
                    "\\begin{thm}x\\end{thm}\n\\begin{sol}y\\end{sol}\n"),
            "\\begin{thm}x\\end{thm}\n\\begin{proof}[Solution]y\\end{proof}\n");
  EXPECT_EQ(
      body_of("\\makeatletter\\def\\x@y{z}\\newcommand{\\x}{\\x@y}\\newcommand{\\w}{\\@w}\\makeatother\\section{A}\n\\x \\w\n"),
      "z \\w\n");
  EXPECT_EQ(body_of("\\section{A}\n\\newcommand{\\late}{1}\n\\setlength{\\parindent}{0pt}\nA \\textcolor{red}{B} \\late\n"),
            "A B 1\n");
}

TEST(Latex, ColourLeavesNoBlank) {
  EXPECT_EQ(body_of("\\newcommand{\\v}[1]{\\textbf{\\color{blue} #1}}\\section{A}\nA \\v{word}, {\\color{red} red}.\n"),
            "A \\textbf{word}, {red}.\n");
}

TEST(Latex, MacrosInMacrosAndCycles) {
  EXPECT_EQ(clean_latex("\\def\\a{\\b!}\\def\\b{c}\\section{A}\n\\a\n"), "\\section{A}\nc!\n");
  for (const char* cycle : {"\\def\\a{\\b x}\\def\\b{\\a y}\\section{A}\n\\a\n", "\\def\\a{\\a}\\section{A}\n\\a\n",
                            "\\def\\a#1{\\a{#1}}\\section{A}\n\\a{x}\n", "\\def\\a{\\a\\a}\\section{A}\n\\a\n",
                            "\\def\\a#1{\\a{\\a{#1}}}\\section{A}\n\\a{x}\n", "\\let\\a\\b\\let\\b\\a\\section{A}\n\\a\\b\n"})
    EXPECT_LT(clean_latex(cycle).size(), 1U << 17) << cycle;
  // doubling at every step
  std::string bomb = "\\def\\a{xx}", with_arguments = "\\def\\a#1{#1#1}";
  for (char c = 'b'; c <= 'z'; ++c) {
    const std::string previous = std::string("\\") + static_cast<char>(c - 1), name = std::string("\\") + c;
    bomb += "\\def" + name + "{" + previous + previous + "}";
    with_arguments += "\\def" + name + "#1{" + previous + "{#1}" + previous + "{#1}}";
  }
  EXPECT_LT(clean_latex(bomb + "\\section{A}\n\\z\\z\\z\n").size(), 4 * bomb.size() + (1 << 16));
  EXPECT_LT(clean_latex(with_arguments + "\\section{A}\n\\z{x}\\z{x}\n").size(), 4 * with_arguments.size() + (1 << 16));
}

TEST(Latex, FilesAreReadWhereTheyAreNamed) {
  const LatexFiles files = {
      {"main.tex",
       "\\input{macros}\\usepackage{own}\\begin{document}\\section{A}\n\\input{sec/one}\n\\include{Two}\n\\import{sec/}{three}\n"
       "\\input sec/one.tex \n\\InputIfFileExists{none}{}{otherwise}\n\\input{gone}\n\\input{../../etc/passwd}\n\\end{document}"},
      {"macros.tex", "\\newcommand{\\x}{X}"},
      {"own.sty", "\\ProvidesPackage{own}\\newcommand{\\y}{Y}"},
      {"sec/one.tex", "one \\x\\y\n"},
      {"two.tex", "\\documentclass[main]{subfiles}\\newcommand{\\z}{Z}\\begin{document}two \\z\\end{document}not\n"},
      {"sec/three.tex", "three\n\\input{four}\n"},
      {"sec/four.tex", "four \\input{sec/three}\n"}};
  const CleanLatex clean = clean_latex(files, "main.tex");
  EXPECT_EQ(clean.text, "\\section{A}\none XY\ntwo Zthree\nfour\n\none XY\notherwise\n");
  EXPECT_EQ(clean.missing, (std::vector<std::string>{"gone", "../../etc/passwd"}));
  EXPECT_EQ(clean.repeated, (std::vector<std::string>{"sec/three"}));
}

TEST(Latex, FilesThatIncludeThemselvesAndBombsOfInclusionEnd) {
  LatexFiles files = {{"a.tex", "\\section{A}\n\\input{b}\\input{b}x"}, {"b.tex", "\\input{a}\\input{b}y"}};
  EXPECT_EQ(clean_latex(files, "a.tex").repeated.size(), 4U);
  for (char c = 'a'; c < 'z'; ++c) {
    const std::string next = std::string("\\input{") + static_cast<char>(c + 1) + "}";
    files[std::string(1, c) + ".tex"] = "\\section{A}" + next + next + next;
  }
  files["z.tex"] = std::string(1000, 'z');
  std::size_t total = 0;
  for (const auto& [path, text] : files) total += text.size();
  EXPECT_LT(clean_latex(files, "a.tex").text.size(), 4 * total + (1 << 16));
}

TEST(Latex, HostileTextIsLinear) {
  const std::clock_t start = std::clock();  // of the processor: the machine may be busy
  for (const char* piece : {"\\begin{verbatim}",
                            "\\begin{comment}",
                            "\\bprog",
                            "\\verb|",
                            "<<",
                            "\n<<>>=",
                            "\\def\\a{",
                            "{",
                            "\\",
                            "%",
                            "\\begin{minted}\\end",
                            "\\iffalse",
                            "\\ifx",
                            "\\newcommand{\\a}[1]{",
                            "\\newenvironment{",
                            "$",
                            "\\ensuremath{",
                            "\\title{",
                            "\\section[",
                            "\\textcolor{",
                            "\\newif\\ifa \\ifa",
                            "\\else",
                            "\\fi",
                            "\\let\\a",
                            "[",
                            "\\("})
    clean_latex(repeat(piece, 50'000));
  for (const char* piece : {"\\x{", "\\x[", "\\x", "\\y ", "\\x{}\\y\\x", "\\y(", "\\x\\x{"})
    clean_latex("\\newcommand{\\x}[2][d]{[#1:#2]\\ensuremath{#2}}\\def\\y(#1){#1#1}\\section{A}\n" + repeat(piece, 50'000));
  clean_latex(repeat("{", 1'000'000) + repeat("}", 1'000'000));
  clean_latex("\\newcommand{\\x}[1]{<#1>}\\section{A}\n" + repeat("\\x{", 100'000) + repeat("}", 100'000));
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 20);
}

TEST(Latex, OneLongLineIsNoTrouble) {
  const std::clock_t start = std::clock();
  const std::string line = "\\def\\x{y}\\section{A}\n" + repeat("a \\x $b$ % c ", 8'000'000);  // 100 MB
  EXPECT_EQ(clean_latex(line).size(), std::string("\\section{A}\na y $b$\n").size());
  const std::string words = "\\def\\x{y}\\section{A}\n" + repeat("a \\x $b$ ", 2'000'000);
  EXPECT_GT(clean_latex(words).size(), 15'000'000U);
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 30);
}

TEST(Latex, ProgramsAreToldFromProse) {
  EXPECT_LT(tex_program_density("Let $x\\in X$ be such that \\emph{every} $f(x)$ is \\textbf{even}. We define $y$."), 0.001);
  EXPECT_GT(tex_program_density("\\def\\a#1{\\expandafter\\let\\csname #1\\endcsname\\relax \\ifx\\b\\c\\else\\fi}"), 0.1);
}

}  // namespace
}  // namespace corollary
