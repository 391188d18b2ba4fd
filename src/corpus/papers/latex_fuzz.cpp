#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "corpus/papers/latex.h"

std::vector<std::string> fuzz_seeds() {
  return {
      "\\documentclass{a}\\newcommand{\\R}{\\mathbb{R}}\\def\\x{\\R y}% c\n\\begin{document}\n\\section{A} $\\x\\in\\R$ \\verb|%|\n"
      "\\begin{verbatim}\n%\n\\end{verbatim}\n\\bibliography{b}\n\\end{document}\n",
      "\\chapter{B}\n\\bprog\n%1 = 2\n@eprog\n<<a>>=\n1 %% "
      "2\n@\n\\DeclareMathOperator*{\\tr}{tr}\\tr\n\\begin{comment}x\\end{comment}\\bye"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string cleaned = corollary::clean_latex({reinterpret_cast<const char*>(data), size});
    if (cleaned.size() > 4 * size + (1 << 16) + 2) __builtin_trap();
    (void)corollary::tex_program_density(cleaned);
  } catch (const corollary::Error&) {
  }
  return 0;
}
