#pragma once
#include <vector>

#include "base/files.h"
#include "cli/bench.h"

namespace corollary {

/// Row "corpus.latex": MB/s of LaTeX to cleaned LaTeX on one thread, text in memory to text, every .tex file by itself. Text: the
/// .tex files below `data` if not empty, else of the papers in ../shared/data/corpus/arxiv beside the source tree we are run in,
/// else a paper made up here. Peer: `detex` on the same files, one process for all, output to /dev/null; it strips comments and
/// commands as it reads, but defines and writes out no macros.
std::vector<BenchRow> bench_corpus_latex(const fs::path& data = {});

}  // namespace corollary
