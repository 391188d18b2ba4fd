#include <cstdint>
#include <string>
#include <vector>

#include "corpus/papers/latex.h"
#include "corpus/papers/redpajama.h"

std::vector<std::string> fuzz_seeds() {
  return {
      "\\documentclass{a}\\newcommand{\\R}{\\mathbb{R}}\\def\\x{\\R y}% c\n\\begin{document}\n\\section{A} $\\x\\in\\R$ \\verb|%|\n"
      "\\begin{verbatim}\n%\n\\end{verbatim}\n\\bibliography{b}\n\\end{document}\n",
      "\\chapter{B}\n\\bprog\n%1 = 2\n@eprog\n<<a>>=\n1 %% "
      "2\n@\n\\DeclareMathOperator*{\\tr}{tr}\\tr\n\\begin{comment}x\\end{comment}\\bye",
      "\\newcommand{\\n}[2][d]{\\|#2\\|_{#1}}\\def\\p<#1,#2>{(#1;#2)}\\let\\q=\\p\\newif\\ifx\\title{T \\n{x}}\\begin{document}\n"
      "\\section{A} \\n[a]{b} \\p<1,2> \\q<{3},4>\\ifx a\\else b\\fi \\iffalse c\\fi \\xtrue\\n\\n\\n{z}\n\\ensuremath{\\n{y}} "
      "$\\ensuremath{z}$",
      "\\NewDocumentCommand{\\g}{s O{x} "
      "m}{\\IfBooleanTF{#1}{G}{g}_{#2}(#3)}\\DeclarePairedDelimiter{\\a}{|}{|}\\newenvironment{e}{\\begin{f}}{\\end{f}}"
      "\\makeatletter\\def\\x@y#1{\\edef\\z{#1}\\z}\\section{A}\\g*[1]{2}\\a*{3}\\a[\\big]{4}\\begin{e}5\\end{e}\\x@y{6}"
      "\\textcolor{r}{7}\\long\\def\\b{}"};
}

/// Within the bounds stated, for a file and for one that includes itself; and RedPajama's way.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string tex(reinterpret_cast<const char*>(data), size);
  if (corollary::clean_latex(tex).size() > 4 * size + (1 << 16)) __builtin_trap();
  if (corollary::clean_latex(tex, {.keep_title = false, .keep_appendix = true}).size() > 4 * size + (1 << 16)) __builtin_trap();
  const std::string included = "\\input{a}\\def\\x#1{#1#1}\\x{\\input{b}}";
  const corollary::LatexFiles files = {{"a.tex", tex}, {"b.tex", included}, {"c.tex", "\\input{b}" + tex}};
  if (corollary::clean_latex(files, "c.tex").text.size() > 4 * (2 * size + included.size() + 9) + (1 << 16)) __builtin_trap();
  (void)corollary::redpajama_clean({{"paper.tex", tex}});
  (void)corollary::tex_program_density(tex);
  return 0;
}
