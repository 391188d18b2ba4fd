#pragma once
#include <vector>

#include "base/files.h"
#include "cli/bench.h"

namespace corollary {

/// Row "tokenizer.encode": MB/s of text to ids on one thread, beside the SentencePiece library's Encode with the same model on the
/// same documents, in turn. Before each round of ours the tokenizer is loaded afresh, so every round begins with empty caches and
/// sees each document once, as a corpus would be packed. Text: `data` (a corpus folder or file) if not empty, else
/// ../shared/data/corpus beside the source tree we are run in, with Llama's vocabulary, if both are there, else that tree's sources
/// and pages. In the other cases a tokenizer is trained on the text first. SentencePiece, which takes a second a megabyte, gets
/// every so-many-th document.
std::vector<BenchRow> bench_tokenizer(const fs::path& data = {});

}  // namespace corollary
