#pragma once
#include <vector>

#include "base/files.h"
#include "cli/bench.h"

namespace corollary {

/// "corpus.html": pages a second through html_to_text(), one core, beside readability + html2text (Python) on the same pages.
/// `data`: a WARC file; else the real pages beside the source tree, else pages made of a small one.
std::vector<BenchRow> bench_corpus_html(const fs::path& data);

}  // namespace corollary
