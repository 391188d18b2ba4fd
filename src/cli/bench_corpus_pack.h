#pragma once
#include <vector>

#include "base/files.h"
#include "cli/bench.h"

namespace corollary {

/// corpus.pack: MB/s of text from .jsonl.zst to packed tokens, manifest and digests included, on one thread; the peer parses the
/// same lines and encodes them with SentencePiece. `data` as for find_bench_material().
std::vector<BenchRow> bench_corpus_pack(const fs::path& data);

}  // namespace corollary
