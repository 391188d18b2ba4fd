// Real papers and books of ../shared: what a reader would stumble over must not be there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/test_folder.h"
#include "corpus/papers/arxiv.h"
#include "corpus/papers/latex_macros.h"
#include "corpus/papers/latex_scan.h"
#include "corpus/papers/redpajama.h"

namespace corollary {
namespace {

const fs::path kPapers = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/corpus/arxiv";

class SharedPapers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kPapers)) GTEST_SKIP() << "no shared data at " << kPapers;
  }
};

/// All command words of a text and how often each stands there.
std::map<std::string, int> words_of(std::string_view text) {
  std::map<std::string, int> words;
  for (std::size_t at = 0; (at = text.find('\\', at)) != std::string_view::npos;) {
    const std::size_t end = latex::name_end(text, at + 1);
    ++words[std::string(text.substr(at + 1, end - at - 1))];
    at = std::max(end, at + 2);
  }
  return words;
}

/// Macros with plain values that the files define, by the simplest reading: at the beginning of a line, in braces that close there.
std::set<std::string> plain_macros(const std::vector<PaperFile>& files) {
  std::set<std::string> names, others;
  for (const PaperFile& file : files)
    for (std::size_t at = 0; at < file.bytes.size(); at = latex::line_end(file.bytes, at) + 1) {
      const std::string_view line = std::string_view(file.bytes).substr(at, latex::line_end(file.bytes, at) - at);
      for (const std::string_view command :
           {"\\newcommand{\\", "\\renewcommand{\\", "\\newcommand\\", "\\def\\", "\\let\\", "\\DeclareMathOperator{\\"}) {
        if (!line.starts_with(command)) continue;
        const std::size_t end = latex::name_end(line, command.size());
        const std::string name(line.substr(command.size(), end - command.size()));
        std::size_t close = 0;
        const auto definition =
            latex::read_definition(line, latex::name_end(line, 1), line.substr(1, latex::name_end(line, 1) - 1), false, &close);
        const bool is_plain = definition && !definition->macro.is_exotic && definition->what == latex::Definition::What::macro &&
                              definition->macro.body.find('@') == std::string::npos;
        (is_plain ? names : others).insert(name);
      }
    }
  for (const std::string& name : others) names.erase(name);
  return names;
}

TEST_F(SharedPapers, NothingOfTheProgramIsLeft) {
  for (const char* name : {"ccl_paper.tar.gz", "hott_book.tar.gz", "napkin.tar.gz", "stacks_categories.tar.gz",
                           "stacks_descent.tar.gz", "stacks_pione.tar.gz", "stacks_varieties.tar.gz", "utp_syntax.gz"}) {
    SCOPED_TRACE(name);
    const std::string bytes = read_file(kPapers / name);
    const ArxivPaper paper = arxiv_document(name, bytes);
    ASSERT_FALSE(paper.rejection) << paper.rejection->reason;
    const std::string& text = paper.document.text;
    const auto words = words_of(text);
    for (const char* word : {"newcommand", "renewcommand", "def", "let", "DeclareMathOperator", "usepackage", "documentclass",
                             "input", "include", "makeatletter", "ensuremath", "xspace", "newtheorem", "begin{comment", "iffalse"})
      EXPECT_FALSE(words.contains(word)) << word;
    const std::vector<PaperFile> files = unpack_paper(bytes).files;
    std::size_t known = 0;
    for (const std::string& macro : plain_macros(files)) {
      ++known;
      if (const auto found = words.find(macro); found != words.end() && macro != "lim" && macro != "href")
        ADD_FAILURE() << found->second << " uses of \\" << macro;
    }
    EXPECT_GT(known, 5U);
    // no comments, but in addresses and verbatim text
    for (std::size_t at = text.find('%'); at != std::string::npos; at = text.find('%', at + 1))
      if (at == 0 || text[at - 1] != '\\') {
        const std::size_t line = text.rfind('\n', at) + 1;
        const std::string before = text.substr(line, at - line);
        EXPECT_TRUE(before.find("http") != std::string::npos || before.find("verb") != std::string::npos ||
                    text.rfind("\\begin{asy}", at) > text.rfind("\\end{asy}", at) ||
                    text.rfind("\\begin{lstlisting}", at) > text.rfind("\\end{lstlisting}", at) ||
                    text.rfind("\\begin{verbatim}", at) > text.rfind("\\end{verbatim}", at))
            << before;
      }
  }
}

TEST_F(SharedPapers, AllOfTheTextIsThere) {
  const auto text_of = [](const char* name) { return arxiv_document(name, read_file(kPapers / name)).document.text; };
  const std::string hott = text_of("hott_book.tar.gz"), napkin = text_of("napkin.tar.gz"), ccl = text_of("ccl_paper.tar.gz");
  const auto count = [](const std::string& text, std::string_view piece) {
    std::size_t n = 0;
    for (std::size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) ++n;
    return n;
  };
  EXPECT_GE(count(hott, "\\chapter"), 12U);  // 11 chapters, the introduction
  EXPECT_GE(count(napkin, "\\chapter{"), 95U);
  EXPECT_EQ(ccl.substr(0, 80), "\\title{Core Cosmology Library: Precision Cosmological Predictions for LSST}\n\n\\be");
  EXPECT_NE(ccl.find("The Core Cosmology Library ({\\tt CCL}) provides"), std::string::npos);
  EXPECT_NE(hott.find("$g:B\\to A$"), std::string::npos);
  for (const std::string* text : {&hott, &napkin, &ccl}) {
    EXPECT_EQ(arxiv_document("x", read_file(kPapers / (text == &hott     ? "hott_book.tar.gz"
                                                       : text == &napkin ? "napkin.tar.gz"
                                                                         : "ccl_paper.tar.gz")))
                  .document.text,
              *text);
    // every formula and group that opens closes, near enough: what macros leave is LaTeX still
    EXPECT_LT(std::labs(static_cast<long>(count(*text, "{")) - static_cast<long>(count(*text, "}"))), 12L);
  }
}

TEST_F(SharedPapers, RedPajamasTextIsPythons) {
  if (std::system("python3 -c 'import re' 2>/dev/null") != 0) GTEST_SKIP() << "no python3";
  const TestFolder folder;
  for (const char* name : {"ccl_paper.tar.gz", "stacks_pione.tar.gz", "utp_syntax.gz"}) {
    SCOPED_TRACE(name);
    std::vector<PaperFile> files;
    int number = 1000;
    for (PaperFile& file : unpack_paper(read_file(kPapers / name)).files)
      if (file.path.ends_with(".tex")) {
        const std::string path = std::to_string(++number) + ".tex";
        write_file(folder.path() / name / path, file.bytes);
        files.push_back({path, std::move(file.bytes)});
      }
    const std::string out = (folder.path() / "out").string();
    ASSERT_EQ(std::system(("python3 " COROLLARY_SOURCE_DIR "/tests/python/redpajama_arxiv.py " + (folder.path() / name).string() +
                           " > " + out)
                              .c_str()),
              0);
    const RedPajamaText ours = redpajama_clean(files);
    const std::string theirs = read_file(out);
    const std::string expected = ours.rejection ? "lost\n" : std::to_string(ours.text.size()) + "\n" + ours.text + "\n";
    EXPECT_TRUE(theirs == expected) << theirs.size() << " bytes, " << expected.size() << " expected";
  }
}

}  // namespace
}  // namespace corollary
