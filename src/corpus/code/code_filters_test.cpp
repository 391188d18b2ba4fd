#include "corpus/code/code_filters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/compress.h"
#include "corpus/code/language_evidence.h"
#include "corpus/code/word_finder.h"

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
  EXPECT_DOUBLE_EQ(digit_density("1 2\n3 a"), 0.75);
  EXPECT_DOUBLE_EQ(digit_density("1\u2203"), 0.5);
  EXPECT_DOUBLE_EQ(digit_density(""), 0);
  EXPECT_DOUBLE_EQ(digit_density(" \u3000\u00a0\u2028\x1f"), 0);
  for (const char* blank :
       {"\u0085", "\u00a0", "\u1680", "\u2000", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\x1c"})
    EXPECT_DOUBLE_EQ(digit_density(std::string("a1") + blank), 0.5) << blank;
  for (const char* none : {"\u200b", "\ufeff", "\u0084", "\u2027", "\x1b"})
    EXPECT_DOUBLE_EQ(digit_density(std::string("a1") + none), 1.0 / 3) << none;
  std::string across;  // a wide blank on every border of the blocks the count is made of
  for (int i = 0; i < 300; ++i) across += "1\u2003";
  EXPECT_DOUBLE_EQ(digit_density(across), 1);
  EXPECT_DOUBLE_EQ(digit_density(std::string(300, '7')), 1) << "counters of a byte do not wrap";
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
  EXPECT_EQ(verdict("isabelle", "theory A begin lemma x: True", "A.thy", "afp"), "");
  EXPECT_EQ(verdict("isabelle", "definition x"), "no_required_word");
  EXPECT_EQ(verdict("isabelle", "lemma x: True", "A.thy", "mirror-afp-2019"), "excluded_repository");
  EXPECT_EQ(verdict("isabelle", "theory A begin lemma x: True", "A.thy", "mirror-afp-devel"), "");
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

/// As upstream's scripts decide, faults included.
std::string published(const std::string& language, const std::string& text, const std::string& path = "") {
  const auto rejection = code_filter(language, {.as_published = true})({text, path, ""});
  return rejection ? rejection->reason : "";
}

TEST(CodeFilters, AsPublished) {
  EXPECT_EQ(published("c", "#include <fftw3.h>"), "no_required_word") << "a missing comma joins it to the next";
  EXPECT_EQ(published("c", "#include <rfftw.h>"), "no_required_word");
  EXPECT_EQ(published("c", "#include <fftw3.h>#include <rfftw.h>"), "");
  EXPECT_EQ(published("matlab", "int main(void) {\n  return 0;\n}\n"), "") << "$ is the end of the text";
  EXPECT_EQ(published("matlab", "x\nint main(void) {"), "not_the_language");
  EXPECT_EQ(published("matlab", "x\nint main(void) {\n"), "not_the_language");
  EXPECT_EQ(published("matlab", "x\nint main(void) {\n\n"), "");
  EXPECT_EQ(published("matlab", " \n"), "") << "a blank file of GitHub's has density 0";
  EXPECT_EQ(published("isabelle", "lemma x"), "") << "nobody asks whether it is a theory";
  EXPECT_EQ(published("r", "#!/bin/sh\nls"), "");
  EXPECT_EQ(published("jupyter-notebook", "import pandas"), "") << "asked before conversion";
}

TEST(CodeFilters, JuliaStrict) {
  const auto strict = [](const std::string& text) {
    const auto rejection = code_filter("julia", {.julia_strict = true})({text, "", ""});
    return rejection ? rejection->reason : "";
  };
  EXPECT_EQ(strict("y = sin(x)"), "");
  EXPECT_EQ(strict("y = 2\u03c0 "), "no_required_word") << "the digit is of a word";
  EXPECT_EQ(strict("y = \u03c0 "), "");
  EXPECT_EQ(strict("y = asin(x)"), "no_required_word");
  EXPECT_EQ(strict("y = \u00e4sin(x)"), "no_required_word") << "letters are Unicode's";
  EXPECT_EQ(strict("sin(x)"), "no_required_word") << "a character must come before";
}

TEST(CodeFilters, TexAsksForTheLanguageLast) {
  int asked = 0;
  const auto filter = code_filter(
      "tex", {.is_english = [&](std::string_view text) { return ++asked, text.find("the") != std::string_view::npos; }});
  EXPECT_EQ(filter({"plain \\bye", "a.tex", ""})->reason, "no_required_word");
  EXPECT_EQ(asked, 0);
  EXPECT_FALSE(filter({"\\section{A} the", "a.tex", ""}));
  EXPECT_EQ(filter({"\\section{A} der", "a.tex", ""})->reason, "not_english");
  EXPECT_EQ(asked, 2);
}

TEST(CodeFilters, PythonImports) {
  EXPECT_EQ(python_imports("from sympy import S\nimport numpy"), "import numpy,from sympy");
  EXPECT_EQ(python_imports("import os"), "");
}

TEST(CodeFilters, NotebookMathematicsAcrossPieces) {
  for (const std::size_t before : {0, 16'370, 16'380, 16'384, 32'760})
    EXPECT_TRUE(has_notebook_mathematics(std::string(before, 'x') + "Import SymPy")) << before;
  EXPECT_FALSE(has_notebook_mathematics(std::string(40'000, 'x')));
}

TEST(CodeFilters, SayWhereAndWhat) {
  const auto rejection = code_filter("matlab")({"x = 1;\n#include", "", ""});
  ASSERT_TRUE(rejection.has_value());
  EXPECT_EQ(rejection->offset, 7);
  EXPECT_EQ(rejection->detail, "has #include");
}

TEST(CodeFilters, FilesOfAnotherLanguage) {
  const auto says = [](const std::string& language, const std::string& text, const std::string& path = "") {
    const auto rejection = wrong_language(language, path, text);
    return rejection ? rejection->detail : "";
  };
  EXPECT_EQ(says("matlab", "#!/usr/bin/env -S octave -q\nx=1"), "");
  EXPECT_EQ(says("matlab", "#!/bin/bash\nls"), "the first line says shell");
  EXPECT_EQ(says("python", "#!/usr/bin/env python3.11\n"), "");
  EXPECT_EQ(says("python", "#!/usr/local/bin/sage -python\n"), "");
  EXPECT_EQ(says("r", "#!/usr/bin/env Rscript\n"), "");
  EXPECT_EQ(says("julia", "#!/usr/bin/shutter\n"), "") << "not sh";
  EXPECT_EQ(says("coq", "(* -*- mode: coq; coq-prog-args: (\"-emacs\") -*- *)"), "");
  EXPECT_EQ(says("coq", "// -*- Verilog -*-\n"), "the mode line says verilog");
  EXPECT_EQ(says("c", "/* -*- Mode: C++; tab-width: 2 -*- */"), "") << "headers";
  EXPECT_EQ(says("matlab", "x = 1;\n% vim: set ft=octave :"), "");
  EXPECT_EQ(says("matlab", "x\n// vim: set filetype=objc :"), "the mode line says objective-c");
  EXPECT_EQ(says("maple", "[{\"a\": 1}]"), "JSON");
  EXPECT_EQ(says("agda", "{-# OPTIONS --safe #-}"), "");
  EXPECT_EQ(says("gap", "[ \"a\", \"b\" ];"), "");
  EXPECT_EQ(says("gap", "\xEF\xBB\xBF <?xml version=\"1.0\"?>"), "XML");
  EXPECT_EQ(says("matlab", "%\n:- module foo.\n"), "Mercury");
  EXPECT_EQ(says("matlab", "(* ::Package:: *)\nf[x_] := x"), "Mathematica");
  EXPECT_EQ(says("gap", "grammar Expr;\n", "a.g"), "ANTLR");
  EXPECT_EQ(says("gap", "grammar of this group\n", "a.g"), "");
  EXPECT_EQ(says("gap", "extends Node\nfunc _ready():\n", "a.gd"), "GDScript");
  EXPECT_EQ(says("gap", "; part\nG28\nG1 X1\nG1 X2\nM104 S0\nG1 Y3\nG1 Y4\n", "a.g"), "G-code");
  EXPECT_EQ(says("fortran", ": square dup * ;\n: cube dup square * ;\n", "a.f"), "Forth");
  EXPECT_EQ(says("fortran", "      program x\n      end\n", "a.f"), "");
  EXPECT_EQ(says("isabelle", "lemma of mine"), "no theory");
  EXPECT_EQ(says("prolog", "use strict;\n"), "Perl");
  EXPECT_EQ(says("somelisp", "#!/bin/sh\n"), "") << "of what is not ours nothing is known";
}

TEST(CodeFilters, WordFinderAgreesWithFind) {
  std::mt19937 random(7);
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "abc \n"[random() % 5];
  std::vector<std::string> words = {"", "a"};
  for (int i = 0; i < 400; ++i) {  // pieces of the text and near misses, of all classes of length, some twice
    std::string word = text.substr(random() % 2900, 1 + random() % 40);
    if (i % 3 == 0) word.back() = "abcx"[random() % 4];
    words.push_back(word);
    if (i % 50 == 0) words.push_back(word);
  }
  const WordFinder finder(words);
  std::set<std::pair<std::size_t, std::string>> expected, got;
  for (const std::string& word : words)
    if (!word.empty())
      for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) expected.insert({at, word});
  const auto hits = finder.all(text);
  for (const auto& hit : hits) EXPECT_TRUE(got.insert({hit.offset, words[hit.word]}).second);
  EXPECT_EQ(got, expected);
  for (std::size_t from = 0; from < text.size(); from += 97) {
    const auto first = finder.first(text, from);
    const auto at =
        std::lower_bound(hits.begin(), hits.end(), from, [](const auto& hit, std::size_t offset) { return hit.offset < offset; });
    ASSERT_EQ(first.has_value(), at != hits.end());
    if (!first) continue;
    EXPECT_EQ(std::pair(first->offset, words[first->word]), std::pair(at->offset, words[at->word]));
  }
  EXPECT_EQ(finder.all(text, 10).size(), 10U);
  EXPECT_FALSE(WordFinder({"x"}).first(""));
  EXPECT_FALSE(WordFinder().first("x"));
}

/// Counted by a program of another language that follows upstream's scripts, over the same files.
TEST(CodeFilters, RealFilesAsUpstreamDecides) {
  const fs::path data = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/corpus/source";
  if (!fs::exists(data)) GTEST_SKIP() << "no shared data";
  struct Expected {
    const char* language;
    int kept, dropped;
  };
  constexpr Expected kExpected[] = {{"agda", 178, 0},      {"c", 19, 111},       {"coq", 42, 9},     {"cpp", 69, 28},
                                    {"fortran", 152, 0},   {"gap", 63, 0},       {"haskell", 24, 7}, {"idris", 127, 0},
                                    {"isabelle", 161, 27}, {"julia", 52, 0},     {"lean", 309, 65},  {"maple", 94, 2},
                                    {"matlab", 581, 1},    {"python", 129, 327}, {"r", 23, 1},       {"tex", 29, 4}};
  for (const auto& expected : kExpected) {
    const Filter exact = code_filter(expected.language, {.as_published = true}), ours = code_filter(expected.language),
                 strict = code_filter("julia", {.as_published = true, .julia_strict = true});
    int kept = 0, dropped = 0, kept_strictly = 0;
    LineReader lines(data / (std::string(expected.language) + ".jsonl.zst"));
    while (const auto line = lines.next()) {
      const Document document = document_from_line(*line, expected.language);
      const std::string repo = document.meta.value("repo", ""), path = document.meta.value("path", "");
      const Candidate candidate{document.text, path, std::string_view(repo).substr(repo.rfind('/') + 1)};
      const auto verdict = exact(candidate), our_verdict = ours(candidate);
      ++(verdict ? dropped : kept);
      kept_strictly += !strict(candidate);
      EXPECT_FALSE(document.meta.contains("note") && !our_verdict) << path << " is to be dropped: " << document.meta["note"];
      if (verdict) {
        if (our_verdict || std::string(expected.language) == "c") continue;
        ADD_FAILURE() << path << " is dropped upstream alone: " << verdict->detail;
      } else if (our_verdict) {
        ADD_FAILURE() << path << " is dropped by us alone: " << our_verdict->detail;
      }
    }
    EXPECT_EQ(kept, expected.kept) << expected.language;
    EXPECT_EQ(dropped, expected.dropped) << expected.language;
    EXPECT_TRUE(std::string(expected.language) != "julia" || kept_strictly == 43) << kept_strictly;
  }
}

}  // namespace
}  // namespace corollary
