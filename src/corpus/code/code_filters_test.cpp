#include "corpus/code/code_filters.h"

#include <gtest/gtest.h>

namespace corollary {
namespace {

/// "" for kept, else the reason.
std::string verdict(const std::string& language, const std::string& text, const std::string& path = "",
                    const std::string& repo = "") {
  const auto rejection = code_filter(language)({text, path, repo});
  return rejection ? rejection->reason : "";
}

TEST(CodeFilters, StandardFilter) {
  for (const char* language : {"agda", "idris", "fortran", "gap", "ocaml", "maxima"}) {
    EXPECT_EQ(verdict(language, "x = 12"), "") << language;
    EXPECT_EQ(verdict(language, " \n\t"), "blank") << language;
    EXPECT_EQ(verdict(language, "x123"), "numerical_density") << language;
    EXPECT_EQ(verdict(language, "ab12"), "") << "half is not more than half";
    EXPECT_EQ(verdict(language, std::string(1'048'575, 'x')), "") << language;
    EXPECT_EQ(verdict(language, std::string(1'048'576, 'x')), "too_large") << language;
  }
}

TEST(CodeFilters, NumericalDensityCountsCharacters) {
  EXPECT_DOUBLE_EQ(numerical_density("1 2\n3 a"), 0.75);
  EXPECT_DOUBLE_EQ(numerical_density("1\u2203"), 0.5);
  EXPECT_DOUBLE_EQ(numerical_density(""), 0);
}

TEST(CodeFilters, R) {
  EXPECT_EQ(verdict("r", "x <- 1\ny = f(x)"), "");
  EXPECT_EQ(verdict("r", "/* Resource fork */"), "not_the_language");
  EXPECT_EQ(verdict("r", "abc Requirement  {\n  Identifier"), "not_the_language");
  EXPECT_EQ(verdict("r", "# Requirement { of Identifier"), "");
  EXPECT_EQ(verdict("r", "<?xml version"), "not_the_language");
  EXPECT_EQ(verdict("r", "{\"cells\": []}"), "not_the_language");
}

TEST(CodeFilters, Maple) {
  EXPECT_EQ(verdict("maple", "with(LinearAlgebra):"), "");
  EXPECT_EQ(verdict("maple", "<?xml version"), "not_the_language");
  EXPECT_EQ(verdict("maple", std::string(100'001, 'x')), "too_large");
}

TEST(CodeFilters, Haskell) {
  EXPECT_EQ(verdict("haskell", "import qualified Numeric.LinearAlgebra.HMatrix as H"), "");
  EXPECT_EQ(verdict("haskell", "import   Data.Complex"), "");
  EXPECT_EQ(verdict("haskell", "import Data.List\n-- Data.Complex"), "no_required_import");
}

TEST(CodeFilters, Python) {
  EXPECT_EQ(verdict("python", "import os\nfrom sympy.core import S"), "");
  EXPECT_EQ(verdict("python", "import numpy as np"), "");
  EXPECT_EQ(verdict("python", "import os"), "no_required_word");
  EXPECT_EQ(verdict("python", "\n {\"a\": \"import numpy\"}"), "not_the_language");
}

TEST(CodeFilters, CAndCpp) {
  EXPECT_EQ(verdict("c", "#include <gsl/gsl_math.h>"), "");
  EXPECT_EQ(verdict("c", "#include <fftw3.h>"), "");
  EXPECT_EQ(verdict("c", "#include <rfftw.h>"), "");
  EXPECT_EQ(verdict("c", "#include <stdio.h>"), "no_required_word");
  EXPECT_EQ(verdict("cpp", "#include <Eigen/Dense>"), "");
  EXPECT_EQ(verdict("cpp", "#include <vector>"), "no_required_word");
  EXPECT_EQ(verdict("cpp", "#include <Eigen/Dense>\nint a[] = {1234567890};"), "numerical_density");
}

TEST(CodeFilters, Julia) {
  EXPECT_EQ(verdict("julia", "f(x) = 123456"), "") << "no density check below the limit";
  for (const char* start : {"%", "{", "["}) EXPECT_EQ(verdict("julia", start + std::string("x")), "not_the_language");
  EXPECT_EQ(verdict("julia", std::string(100'000, 'x')), "too_large");
  std::string tests;
  while (tests.size() < 100'000) tests += "@test f(a) == b\n";
  EXPECT_EQ(verdict("julia", tests), "");
}

TEST(CodeFilters, Tex) {
  EXPECT_EQ(verdict("tex", "\\subsection*{A}", "a/b.tex"), "");
  EXPECT_EQ(verdict("tex", "\\section {A}", "a/b.tex"), "no_required_word");
  EXPECT_EQ(verdict("tex", "\\section{A}", "a/b.sty"), "not_the_language");
  EXPECT_EQ(verdict("tex", "\\section{A}", "latex/b.tex"), "excluded_path");
  EXPECT_EQ(verdict("tex", "\\section{A} gnuplot", "b.tex"), "not_the_language");
}

TEST(CodeFilters, Notebooks) {
  EXPECT_EQ(verdict("jupyter-notebook", "$$\\begin{ALIGN}$$"), "");
  EXPECT_EQ(verdict("jupyter-notebook", "from SymPy import *"), "");
  EXPECT_EQ(verdict("jupyter-notebook", "import pandas"), "no_required_word");
}

TEST(CodeFilters, Coq) {
  EXPECT_EQ(verdict("coq", "Fixpoint f := 0."), "");
  EXPECT_EQ(verdict("coq", "module m(input wire clk); endmodule // Definition"), "not_the_language");
  EXPECT_EQ(verdict("coq", "Require Import Arith."), "no_required_word");
  EXPECT_EQ(verdict("coq", "(* This file was automatically generated. *) Definition x := 0."), "generated");
}

TEST(CodeFilters, Isabelle) {
  EXPECT_EQ(verdict("isabelle", "lemma x: True", "A.thy", "afp"), "");
  EXPECT_EQ(verdict("isabelle", "definition x"), "no_required_word");
  EXPECT_EQ(verdict("isabelle", "lemma x: True", "A.thy", "mirror-afp-2019"), "excluded_repository");
  EXPECT_EQ(verdict("isabelle", "lemma x: True", "A.thy", "mirror-afp-devel"), "");
}

TEST(CodeFilters, Lean) {
  EXPECT_EQ(verdict("lean", "example : true := trivial"), "");
  EXPECT_EQ(verdict("lean", "def x := 0"), "no_required_word");
  EXPECT_EQ(verdict("lean", "theorem x : true := trivial", "a.lean", "miniF2F"), "excluded_repository");
  EXPECT_EQ(verdict("lean", "theorem x : true := trivial", "p/_target/deps/m/a.lean"), "excluded_path");
}

TEST(CodeFilters, Matlab) {
  EXPECT_EQ(verdict("matlab", "function y = f(x)\n  y = x;\nend"), "");
  for (const char* word : {"#import <Foundation>", "@interface A", "@implementation A", "@property int x", "#include <stdio.h>"})
    EXPECT_EQ(verdict("matlab", word), "not_the_language") << word;
  EXPECT_EQ(verdict("matlab", "int main(void) {\n  return 0;\n}\n"), "not_the_language") << "the brace need not end the file";
  EXPECT_EQ(verdict("matlab", "% the main(x) of it\n"), "");
}

TEST(CodeFilters, SayWhereAndWhat) {
  const auto rejection = code_filter("matlab")({"x = 1;\n#include", "", ""});
  ASSERT_TRUE(rejection.has_value());
  EXPECT_EQ(rejection->offset, 7);
  EXPECT_EQ(rejection->detail, "has #include");
}

}  // namespace
}  // namespace corollary
