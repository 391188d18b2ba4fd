#include "corpus/papers/arxiv.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/compress.h"
#include "base/test_folder.h"
#include "corpus/papers/arxiv_split.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

using testing::Files;
using testing::make_archive;

std::string tar_gz(const Files& files) { return make_archive(files, false, "gzip"); }
std::string reason_of(const ArxivPaper& paper) {
  return paper.rejection ? paper.rejection->reason : "none: " + paper.document.text;
}
std::string gzip(const std::string& bytes) {
  // A single gzipped file: libarchive's raw format, written through a filter.
  const std::unique_ptr<archive, int (*)(archive*)> out(archive_write_new(), archive_write_free);
  archive_write_set_format_raw(out.get());
  archive_write_add_filter_gzip(out.get());
  std::string packed(bytes.size() + (1 << 16), '\0');
  std::size_t used = 0;
  archive_write_open_memory(out.get(), packed.data(), packed.size(), &used);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_write_header(out.get(), entry.get());
  archive_write_data(out.get(), bytes.data(), bytes.size());
  archive_write_close(out.get());
  packed.resize(used);
  return packed;
}

TEST(Arxiv, Identifiers) {
  const auto id = [](const char* path) {
    const auto found = arxiv_id_of(path);
    return found ? found->id + " " + found->yymm + " " + found->version : "none";
  };
  EXPECT_EQ(id("1812/1812.05995.gz"), "1812.05995 1812 ");
  EXPECT_EQ(id("0704/0704.0001.gz"), "0704.0001 0704 ");
  EXPECT_EQ(id("0301/math0301001.gz"), "math/0301001 0301 ");
  EXPECT_EQ(id("cond-mat9901001.gz"), "cond-mat/9901001 9901 ");
  EXPECT_EQ(id("1812.05995v2.tar.gz"), "1812.05995 1812 v2");
  EXPECT_EQ(id("ccl_paper.tar.gz"), "none");
  EXPECT_EQ(id("1899.00001.gz"), "none");
  EXPECT_EQ(id("v1"), "none");
  EXPECT_EQ(id(""), "none");
}

TEST(Arxiv, APaperOfSeveralFiles) {
  const ArxivPaper paper = arxiv_document(
      "1812/1812.05995.gz",
      tar_gz({{"ms.tex", "\\documentclass{a}\\input{m}\\title{T}\\begin{document}\\section{A}\n\\x\\input{s/b}\\end{document}"},
              {"m.tex", "\\def\\x{X}\n"},
              {"s/b.tex", "b\n"},
              {"old.tex", "\\section{Old}\n"},
              {"f.pdf", "%PDF"}}));
  ASSERT_FALSE(paper.rejection);
  EXPECT_EQ(paper.document.text.substr(0, 11), "\\title{T}\n\n");
  EXPECT_NE(paper.document.text.find("\\section{A}\nXb\n"), std::string::npos) << paper.document.text;
  EXPECT_EQ(paper.document.text.find("Old"), std::string::npos);
  EXPECT_EQ(paper.document.meta.dump(),
            "{\"arxiv_id\":\"1812.05995\",\"yymm\":\"1812\",\"url\":\"https://arxiv.org/abs/"
            "1812.05995\",\"source\":\"arxiv\",\"title\":\"T\",\"main\":[\"ms.tex\"]}");
}

TEST(Arxiv, EveryContainerArxivShips) {
  const std::string tex = "\\documentclass{a}\\begin{document}\\section{A}\nx\\end{document}";
  for (const std::string& bytes :
       {tex, gzip(tex), gzip(gzip(tex)), make_archive({{"a.tex", tex}}, false, ""), tar_gz({{"d/a.TEX", tex}})})
    EXPECT_EQ(arxiv_document("x.gz", bytes).document.text, "\\section{A}\nx\n");
  EXPECT_EQ(reason_of(arxiv_document("x.gz", gzip("%PDF-1.4 ..."))), "pdf_only");
  EXPECT_EQ(reason_of(arxiv_document("x.pdf", "%PDF-1.4 ...")), "pdf_only");
  EXPECT_EQ(reason_of(arxiv_document("x.gz", tar_gz({{"a.pdf", "%PDF"}, {"README", "none"}}))), "pdf_only");
  EXPECT_EQ(reason_of(arxiv_document("x.gz", gzip("%!PS-Adobe"))), "postscript_only");
  EXPECT_EQ(reason_of(arxiv_document("x.gz", gzip("<html><body>"))), "not_tex");
  EXPECT_EQ(reason_of(arxiv_document("x.gz", gzip("%auto-ignore\nThis paper has been withdrawn by the author.\n"))), "withdrawn");
  EXPECT_EQ(reason_of(arxiv_document("x.gz", "")), "not_tex");
  EXPECT_EQ(reason_of(arxiv_document("x.gz", tar_gz({{"a.tex", tex}}).substr(0, 60))), "damaged_archive");
  EXPECT_EQ(reason_of(arxiv_document("x.gz", make_archive({{"a.tex", std::string(4000, 'x')}}, false, "").substr(0, 1500))),
            "damaged_archive");
  EXPECT_EQ(reason_of(arxiv_document("x.gz", gzip("\\documentclass{a}\\begin{document}\\end{document}"))), "nothing_left");
}

TEST(Arxiv, BombsAndPathsThatLeadOutside) {
  ArxivConfig config;
  config.limits.max_unpacked_bytes = 1 << 20;
  const std::string zeros(std::size_t{8} << 20, '\0');
  EXPECT_EQ(reason_of(arxiv_document("x.gz", gzip(zeros), config)), "too_large");
  EXPECT_EQ(reason_of(arxiv_document("x.gz", tar_gz({{"a.dat", zeros}}), config)), "too_large");
  Files many;
  for (int i = 0; i < 200; ++i) many.emplace_back(std::to_string(i) + ".tex", "x");
  config = {};
  config.limits.max_files = 100;
  EXPECT_EQ(reason_of(arxiv_document("x.gz", tar_gz(many), config)), "too_many_files");
  config = {};
  config.limits.max_text_bytes = 1000;
  EXPECT_EQ(reason_of(arxiv_document("x.gz", tar_gz({{"a.tex", std::string(2000, 'x')}}), config)), "too_large");
  const ArxivPaper paper = arxiv_document(
      "x.gz", tar_gz({{"../evil.tex", "evil"},
                      {"/abs.tex", "evil"},
                      {"a.tex", "\\documentclass{a}\\begin{document}\\section{A}\n\\input{../evil}\\input{/abs}\\end{document}"}}));
  EXPECT_EQ(paper.document.text, "\\section{A}\n");
  EXPECT_EQ(paper.document.meta["missing_inputs"].size(), 2U);
}

TEST(Arxiv, OtherEncodingsAreRead) {
  const auto text_of = [](const std::string& option, const std::string& body) {
    return arxiv_document("x.gz", "\\documentclass{a}" + option + "\\begin{document}\\section{A}\n" + body + "\n\\end{document}")
        .document.text;
  };
  EXPECT_EQ(text_of("\\usepackage[latin1]{inputenc}",
                    "M\xF6"
                    "bius"),
            "\\section{A}\nMöbius\n");
  EXPECT_EQ(text_of("\\usepackage[latin2]{inputenc}", "Erd\xF5s"), "\\section{A}\nErdős\n");
  EXPECT_EQ(text_of("\\usepackage[cp1251]{inputenc}", "\xCC\xE8\xF0"), "\\section{A}\nМир\n");
  EXPECT_EQ(text_of("\\usepackage[koi8-r]{inputenc}", "\xED\xC9\xD2"), "\\section{A}\nМир\n");
  EXPECT_EQ(text_of("", "na\xEFve \x93q\x94"), "\\section{A}\nnaïve “q”\n");  // nothing stated: windows-1252
  EXPECT_EQ(text_of("\\usepackage[utf8]{inputenc}", "Möbius"), "\\section{A}\nMöbius\n");
  EXPECT_EQ(text_of("", "a\r\nb\rc"), "\\section{A}\na\nb\nc\n");
}

TEST(Arxiv, MainFiles) {
  const std::string whole = "\\documentclass{a}\\begin{document}x\\end{document}";
  using Names = std::vector<std::string>;
  EXPECT_EQ(main_files({{"a.tex", whole}, {"b.tex", whole}}), (Names{"a.tex", "b.tex"}));
  EXPECT_EQ(main_files({{"a.tex", "%\\documentclass{a}\n\\section{A}"}, {"b.tex", whole + "\\input{a}"}}), (Names{"b.tex"}));
  EXPECT_EQ(main_files({{"body.tex", whole}, {"us.tex", "\\def\\p{us}\\input{body}"}, {"a4.tex", "\\def\\p{a4}\\input{body}"}}),
            (Names{"a4.tex"}));
  EXPECT_EQ(main_files({{"main.tex", whole + "\\subfile{s/one}"},
                        {"s/one.tex", "\\documentclass[../main]{subfiles}\\begin{document}1\\end{document}"}}),
            (Names{"main.tex"}));
  EXPECT_EQ(main_files({{"00README.XXX", "b.tex toplevelfile\na.tex ignore\n"}, {"a.tex", whole}, {"b.tex", "x"}}),
            (Names{"b.tex"}));
  EXPECT_EQ(main_files({{"00README.json",
                         R"({"sources":[{"filename":"b.tex","usage":"toplevel"},{"filename":"a.tex","usage":"ignore"}]})"},
                        {"a.tex", whole},
                        {"b.tex", "x"}}),
            (Names{"b.tex"}));
  EXPECT_EQ(main_files({{"00README.json", "{["}, {"a.tex", whole}}), (Names{"a.tex"}));
  EXPECT_EQ(main_files({{"plain.tex", "\\magnification=1200 \\input amstex x\\bye"}, {"part.tex", "%auto-ignore\n\\x"}}),
            (Names{"plain.tex"}));
  EXPECT_EQ(main_files({{"a.tex", "\\input{b}"}, {"b.tex", "\\input{a}"}}), (Names{"a.tex"}));
  EXPECT_EQ(main_files({}), Names{});
}

TEST(Arxiv, MetadataGivesLicenceAndCategories) {
  const TestFolder folder;
  std::string lines;
  for (int i = 0; i < 1000; ++i)
    lines += R"({"id":")" + std::to_string(1000 + i) + R"(.00001","title":"T\n  )" + std::to_string(i) +
             R"(","categories":"hep-th math.AG","license":null,"update_date":"2010-01-01"})" + "\n";
  lines += "not json\n{\"id\":5}\n";
  lines +=
      R"({"id":"math/0301001","title":"Old","categories":"math.NT","license":"http://creativecommons.org/licenses/by/4.0/","versions":[{"version":"v1","created":"Wed, 1 Jan 2003 00:00:00 GMT"}]})"
      "\n";
  write_file(folder.path() / "snapshot.jsonl", lines);
  const auto counts = build_arxiv_metadata(folder.path() / "snapshot.jsonl", folder.path() / "lookup");
  EXPECT_EQ(counts.papers, 1001);
  EXPECT_EQ(counts.unreadable_lines, 2);
  const ArxivMetadata metadata(folder.path() / "lookup");
  for (int i = 0; i < 1000; ++i) {
    const auto record = metadata.find(std::to_string(1000 + i) + ".00001");
    ASSERT_TRUE(record);
    EXPECT_EQ(record->title, "T   " + std::to_string(i));
  }
  EXPECT_FALSE(metadata.find("9999.99999"));

  const std::string tex = "\\documentclass{a}\\begin{document}\\section{A}\nx\\end{document}";
  ArxivConfig config;
  config.categories = "math.NT cs";
  const ArxivPaper paper = arxiv_document("0301/math0301001.gz", tex, config, &metadata);
  ASSERT_FALSE(paper.rejection);
  EXPECT_EQ(paper.document.meta["licence"], "http://creativecommons.org/licenses/by/4.0/");
  EXPECT_EQ(paper.document.meta["categories"], "math.NT");
  EXPECT_EQ(paper.document.meta["timestamp"], "Wed, 1 Jan 2003 00:00:00 GMT");
  EXPECT_EQ(reason_of(arxiv_document("1000/1000.00001.gz", tex, config, &metadata)),
            "unknown_category");  // no identifier: there is no month 00
  EXPECT_EQ(reason_of(arxiv_document("1001/1001.00001.gz", tex, config, &metadata)), "category");
  EXPECT_EQ(reason_of(arxiv_document("1012/1012.99999.gz", tex, config, &metadata)), "unknown_category");
  EXPECT_TRUE(wants_category("", "x"));
  EXPECT_TRUE(wants_category("math", "hep-th math.AG"));
  EXPECT_FALSE(wants_category("math", "math-ph"));
  EXPECT_FALSE(wants_category("math.A", "math.AG"));

  const std::string bytes = read_file(folder.path() / "lookup");
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, std::size_t{23}, bytes.size() / 2, bytes.size() - 1}) {
    write_file(folder.path() / "cut", bytes.substr(0, size));
    EXPECT_THROW(ArxivMetadata(folder.path() / "cut"), Error) << size;
  }
}

TEST(Arxiv, PublishedSplit) {
  for (const std::int64_t n : {0, 1, 2, 99, 100, 101, 199, 200, 1000, 15'477, 123'456'789}) {
    const ArxivSplit split = arxiv_split(n);
    EXPECT_EQ(split.train, n * 99 / 100) << n;
    EXPECT_EQ(split.validation, (n - split.train) / 2);
    EXPECT_EQ(split.train + split.validation + split.test, n);
    EXPECT_LE(split.test - split.validation, 1);
  }
  EXPECT_EQ(arxiv_split(101).test, 1);  // 99 train, 1, 1
  EXPECT_EQ(arxiv_split_of(98, 101), Split::train);
  EXPECT_EQ(arxiv_split_of(99, 101), Split::validation);
  EXPECT_EQ(arxiv_split_of(100, 101), Split::test);
  EXPECT_EQ(arxiv_split(INT64_MAX).train + arxiv_split(INT64_MAX).validation + arxiv_split(INT64_MAX).test, INT64_MAX);
  EXPECT_THROW(arxiv_split_of(101, 101), Error);
}

}  // namespace
}  // namespace corollary
