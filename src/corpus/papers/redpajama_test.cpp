#include "corpus/papers/redpajama.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <random>

#include "base/test_folder.h"
#include "corpus/papers/arxiv.h"

namespace corollary {
namespace {

std::string clean(std::vector<std::string> texts) {
  std::vector<PaperFile> files;
  for (std::string& text : texts) files.push_back({std::to_string(files.size()) + ".tex", std::move(text)});
  const RedPajamaText result = redpajama_clean(files);
  return result.rejection ? "(" + result.rejection->reason + ")" : result.text;
}

TEST(RedPajama, ItsFaultsAreKept) {
  EXPECT_EQ(clean({"x\\section{A}\nhalf % note\n% line\na%\n5\\% b\n"}), "\\section{A}\nhalf\na%\n5\\% b\n");  // " " and "%" eaten
  EXPECT_EQ(clean({"\\section{A}\nh\xC3\xA9% note\n"}), "\\section{A}\nh\n");  // a character, not a byte
  EXPECT_EQ(clean({"no heading"}), "(nothing_left)");
  EXPECT_EQ(clean({"no heading", "\\section{A}"}), "\n\\section{A}");
  EXPECT_EQ(clean({"\\paragraph{P} x"}), "(nothing_left)");
  EXPECT_EQ(clean({"\\subparagraph{P} x"}), "(nothing_left)");
  EXPECT_EQ(clean({"y \\paragraph{P}\\subparagraph{Q} x"}), "\\paragraph{P}\\subparagraph{Q} x");
  EXPECT_EQ(clean({"\\section{A}\n\\appendixname x"}), "\\section{A}\n");
  EXPECT_EQ(clean({"\\section{A}\\bibliography{r"}), "\\section{A}\\bibliography{r");
  EXPECT_EQ(
      clean({"\\newcommand{\\R}{\\mathbb{R}}\n\\newcommand{\\f}[1]{#1}\n\\def \\e {E}\n\\section{A} \\R, \\Rx \\e\\e \\f{x} \\R"}),
      "\\section{A} \\mathbb{R}, \\Rx E\\e \\f{x} \\R");  // the character behind a name is used up; at the end there is none
  EXPECT_EQ(clean({"\\newcommand{\\R}{a}%\n\\section{A} \\R "}), "\\section{A} \\R ");
  EXPECT_EQ(clean({"\\def\\e{caf\xC3\xA9}\n\\section{A}"}), "(macro_value)");
  EXPECT_EQ(clean({"\\section{A}", "\xFF"}), "(invalid_utf8)");
  EXPECT_EQ(clean({"\\section{A}\n\\input{b}"}), "\\section{A}\n\\input{b}");
}

TEST(RedPajama, AsPublishedPapersAreItsPapers) {
  ArxivConfig config;
  config.as_published = true;
  const ArxivPaper paper = arxiv_document("0704/0704.0001.gz", "\\title{T}\\section{A}\nx%y\n", config);
  EXPECT_EQ(paper.document.text, "\\section{A}\n\n");
  EXPECT_EQ(paper.document.meta["arxiv_id"], "0704.0001");
}

TEST(RedPajama, HostileTextIsLinear) {
  const std::clock_t start = std::clock();
  for (const char* piece : {"\\section", "\\section[", "\\section*[", "\\paragraph{", "\\paragraph[", "}\\subparagraph",
                            "\\bibliography{", "%", "a%", "\\newcommand{\\a}{", "\\def\\a{", "\\def\n", "\\def\\a"}) {
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += piece;
    clean({text});
    clean({"\\section{A}" + text});
  }
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 20);
}

/// Papers of pieces that the rules are about, judged by Python's own regular expressions.
TEST(RedPajama, AgreesWithPython) {
  if (std::system("python3 -c 'import re' 2>/dev/null") != 0) GTEST_SKIP() << "no python3";
  constexpr std::array<const char*, 46> kPieces = {"\\section{A}",
                                                   "\\section*{A}",
                                                   "\\section[b]{A}",
                                                   "\\section",
                                                   "\\chapter{C}",
                                                   "\\part*[p]{P}",
                                                   "\\paragraph{P}",
                                                   "\\subparagraph{Q}",
                                                   "\\subsection{S}",
                                                   "%",
                                                   "% note",
                                                   "\n%",
                                                   "\\%",
                                                   "\n",
                                                   "\n",
                                                   "\n",
                                                   "\n\n",
                                                   " ",
                                                   "x",
                                                   "é",
                                                   "{",
                                                   "}",
                                                   "[",
                                                   "]",
                                                   "}\n",
                                                   "\\appendix",
                                                   "\\begin{references}",
                                                   "\\bibliography{r}",
                                                   "\\bibliography{",
                                                   "\\begin{thebibliography}{9}",
                                                   "\\newcommand{\\a}{\\alpha}\n",
                                                   "\\newcommand*{\\b1}{x\ty}\n",
                                                   "\\def\\c{z}\n",
                                                   "\\def \\a {w}\n",
                                                   "\\newcommand{\\d}{é}\n",
                                                   "\\newcommand{\\a}[1]{#1}\n",
                                                   "\\a",
                                                   "\\b1",
                                                   "\\c",
                                                   "\\a ",
                                                   "\\c}",
                                                   "\\\\",
                                                   "\\newcommand{\\e}{\\a b}\n",
                                                   "\\e",
                                                   "\r\n",
                                                   "\\def\\a\n"};
  const TestFolder folder;
  std::mt19937 random(7);
  std::string command = std::string("python3 ") + COROLLARY_SOURCE_DIR + "/tests/python/redpajama_arxiv.py";
  std::vector<std::vector<std::string>> papers;
  for (int paper = 0; paper < 200; ++paper) {
    papers.emplace_back();
    const std::string name = std::to_string(paper);
    for (unsigned file = 0; file < 1 + random() % 2; ++file) {
      std::string text = random() % 4 != 0 ? "\\newcommand{\\a}{A}\n\\section{A}\n" : "";
      for (unsigned i = random() % 30; i > 0; --i) {
        const char* piece = kPieces[random() % kPieces.size()];
        if (std::string(piece).find("{é}") == std::string::npos || random() % 8 == 0) text += piece;
      }
      write_file(folder.path() / name / (std::to_string(file) + ".tex"), text);
      papers.back().push_back(text);
    }
    command += " " + (folder.path() / name).string();
  }
  const std::string out_path = (folder.path() / "out").string();
  ASSERT_EQ(std::system((command + " > " + out_path).c_str()), 0);
  const std::string out = read_file(out_path);
  std::size_t at = 0, lost = 0, kept = 0;
  for (const auto& texts : papers) {
    const std::size_t line = out.find('\n', at);
    ASSERT_NE(line, std::string::npos);
    const std::string head = out.substr(at, line - at);
    at = line + 1;
    std::string expected = "(macro_value)";
    if (head != "lost") {
      expected = out.substr(at, std::stoul(head));
      at += expected.size() + 1;
      if (expected.empty()) expected = "(nothing_left)";
    }
    ++(head == "lost" ? lost : kept);
    EXPECT_EQ(clean(texts), expected) << "of: " << ::testing::PrintToString(texts);
  }
  EXPECT_GT(lost, 3U);
  EXPECT_GT(kept, 100U);
}

}  // namespace
}  // namespace corollary
