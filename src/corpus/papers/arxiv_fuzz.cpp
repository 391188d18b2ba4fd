#include <cstdint>
#include <string>
#include <vector>

#include "corpus/papers/arxiv.h"
#include "corpus/test_support.h"

std::vector<std::string> fuzz_seeds() {
  const corollary::testing::Files files = {{"ms.tex",
                                            "\\documentclass{a}\\usepackage[latin1]{inputenc}\\input{m}\\begin{document}\\section{"
                                            "A} \xE9\\x\\input{s/b}\\end{document}"},
                                           {"m.tex", "\\def\\x{y}"},
                                           {"s/b.tex", "\\import{s/}{b} % \\input{c}"},
                                           {"00README.json", R"({"sources":[{"filename":"ms.tex","usage":"toplevel"}]})"},
                                           {"00README.XXX", "ms.tex toplevelfile\nm.tex ignore\n"}};
  return {corollary::testing::make_archive(files, false, "gzip"), corollary::testing::make_archive(files, false, ""),
          files[0].second, "%PDF-1.4", "%auto-ignore\nwithdrawn"};
}

/// The bytes as a submission, cleaned both ways, under small limits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  corollary::ArxivConfig config;
  config.limits = {.max_unpacked_bytes = 1 << 22, .max_text_bytes = 1 << 20, .max_files = 100};
  for (const bool as_published : {false, true}) {
    config.as_published = as_published;
    const corollary::ArxivPaper paper = corollary::arxiv_document("1812/1812.05995.gz", bytes, config);
    if (paper.rejection.has_value() != paper.document.text.empty()) __builtin_trap();
  }
  (void)corollary::arxiv_id_of(bytes);
  return 0;
}
