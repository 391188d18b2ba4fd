// Real files: what AlgebraicStack's filters must keep and drop, and pages as the web has them.
#include <gtest/gtest.h>

#include <ctime>

#include "base/compress.h"
#include "corpus/code/code_filters.h"
#include "corpus/document.h"
#include "corpus/papers/latex.h"
#include "corpus/test_support.h"
#include "corpus/web/html_text.h"

namespace corollary {
namespace {

const fs::path kData = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/corpus";

struct Verdicts {
  int kept = 0, dropped = 0;
};

std::string text_of(const Json& meta, const char* name) {
  return meta.contains(name) && meta[name].is_string() ? meta[name].get<std::string>() : "";
}

/// Verdicts of a language's filter by repository.
std::map<std::string, Verdicts> judge(const std::string& language) {
  std::map<std::string, Verdicts> by_repo;
  const Filter filter = code_filter(language);
  LineReader lines(kData / "source" / (language + ".jsonl.zst"));
  while (const auto line = lines.next()) {
    const Document document = document_from_line(*line, language);
    const std::string repo = text_of(document.meta, "repo"), name = repo.substr(repo.rfind('/') + 1),
                      path = text_of(document.meta, "path");
    Verdicts& verdicts = by_repo[name];
    ++(filter({document.text, path, name}) ? verdicts.dropped : verdicts.kept);
  }
  return by_repo;
}

class SharedData : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kData)) GTEST_SKIP() << "no shared data at " << kData;
  }
};

TEST_F(SharedData, VerilogIsNotCoq) {
  auto verdicts = judge("coq");
  EXPECT_EQ(verdicts["picorv32"].kept, 0);
  EXPECT_GT(verdicts["picorv32"].dropped, 0);
  EXPECT_GT(verdicts["math-comp"].kept, 10 * verdicts["math-comp"].dropped);
}

TEST_F(SharedData, ObjectiveCIsNotMatlab) {
  auto verdicts = judge("matlab");
  EXPECT_EQ(verdicts["llama.cpp"].kept, 0);
  EXPECT_GT(verdicts["llama.cpp"].dropped, 0);
  EXPECT_GT(verdicts["chebfun"].kept, 100);
}

TEST_F(SharedData, NotebooksAreNotR) {
  auto verdicts = judge("r");
  EXPECT_EQ(verdicts["CFDPython"].kept, 0);
  EXPECT_GT(verdicts["BDA_R_demos"].kept, 10);
}

TEST_F(SharedData, BenchmarksAreNotInLeanAndIsabelleNeedsLemmas) {
  auto verdicts = judge("lean");
  EXPECT_EQ(verdicts["miniF2F"].kept, 0);
  EXPECT_GT(verdicts["mathlib3"].kept, 50);
  EXPECT_GT(judge("isabelle")["utp-main"].kept, 20);
}

TEST_F(SharedData, LibrariesAreAskedFor) {
  auto cpp = judge("cpp");
  EXPECT_EQ(cpp["sentencepiece"].kept, 0);
  EXPECT_GT(cpp["spectra"].kept, 10);
  auto haskell = judge("haskell");
  EXPECT_GT(haskell["hmatrix"].kept, 5);
  auto python = judge("python");
  EXPECT_GT(python["CCL"].kept, python["CCL"].dropped);
}

TEST_F(SharedData, TheRestIsMostlyKept) {
  for (const char* language : {"agda", "fortran", "gap", "idris", "julia", "maple"}) {
    Verdicts all;
    for (const auto& [repo, verdicts] : judge(language)) all.kept += verdicts.kept, all.dropped += verdicts.dropped;
    EXPECT_GT(all.kept, 10 * all.dropped) << language;
  }
}

TEST_F(SharedData, TexBooksKeepTheirText) {
  LineReader lines(kData / "source/tex.jsonl.zst");
  while (const auto line = lines.next()) {
    const Document document = document_from_line(*line, "tex");
    const std::string cleaned = clean_latex(document.text);
    if (text_of(document.meta, "repo").find("stacks-project") == std::string::npos || document.text.size() < 20'000) continue;
    EXPECT_GT(cleaned.size(), document.text.size() / 2) << document.meta.dump();
  }
}

/// The pages of a WARC file, roughly: what follows each blank line after an HTTP status. Enough to feed the extractor real bytes.
std::vector<std::string> pages_of(const fs::path& path) {
  const std::string bytes = gzip_decompress(read_file(path), std::size_t{1} << 30, path.string());
  std::vector<std::string> pages;
  for (std::size_t at = bytes.find("WARC/1.0\r\n"); at != std::string::npos;) {
    const std::size_t next = bytes.find("\r\n\r\nWARC/1.0\r\n", at + 1);
    const std::string record = bytes.substr(at, next == std::string::npos ? next : next - at);
    const std::size_t http = record.find("\r\n\r\nHTTP/"),
                      body = http == std::string::npos ? http : record.find("\r\n\r\n", http + 4);
    if (body != std::string::npos) pages.push_back(record.substr(body + 4));
    at = next == std::string::npos ? next : next + 4;
  }
  return pages;
}

TEST_F(SharedData, RealPagesAreExtractedInBoundedTime) {
  const std::clock_t start = std::clock();  // of the processor: the machine may be busy
  std::size_t pages = 0, with_text = 0, formulas = 0;
  for (const char* file : {"pages_math.warc.gz", "pages_general.warc.gz"})
    for (const std::string& page : pages_of(kData / "html" / file)) {
      const HtmlText text = html_to_text(page);
      ++pages;
      with_text += text.text.size() > 200;
      formulas += text.formulas > 0;
      EXPECT_EQ(html_to_text(page).text, text.text);
    }
  EXPECT_GT(pages, 50U);
  EXPECT_GT(with_text, pages * 8 / 10);
  EXPECT_GT(formulas, pages / 10);
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 60);
}

}  // namespace
}  // namespace corollary
