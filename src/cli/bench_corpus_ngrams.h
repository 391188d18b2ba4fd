#pragma once
#include <vector>

#include "base/files.h"
#include "cli/bench.h"

namespace corollary {

/// corpus.ngram_scan: MB/s of text compared with test sets by 13- and 30-grams at once, on one thread. The peer is the published
/// tool's way in Python, with the one improvement that it looks n-grams up in one set of all test items instead of intersecting
/// with each. `data` as for find_bench_material().
std::vector<BenchRow> bench_corpus_ngrams(const fs::path& data);

}  // namespace corollary
