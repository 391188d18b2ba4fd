#pragma once
#include <vector>

#include "base/files.h"
#include "cli/bench.h"

namespace corollary {

/// Row "corpus.minhash": MB of text to signatures (14 bands of 8 rows, 5 words) a second of CPU time, single-threaded, beside
/// datatrove's definition of the same 112 rows in numpy and xxhash (bench/peers/numpy_minhash.py; Debian has neither datatrove nor
/// datasketch), which gets every so-many-th document. Ours simplifies text as it does but hashes with its own faster family; row
/// "corpus.minhash.datatrove" is ours with the peer's numbers, row for row. Text: the documents of `data`, else of
/// ../shared/data/corpus beside the tree we run in, else that tree's own sources.
std::vector<BenchRow> bench_corpus_minhash(const fs::path& data = {});

}  // namespace corollary
