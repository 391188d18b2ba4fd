#pragma once
#include <vector>

#include "base/files.h"
#include "cli/bench.h"

namespace corollary {

/// Row "corpus.notebook": MB/s of notebook JSON to Markdown on one thread, beside nbconvert (bench/peers/notebook_nbconvert.py) on
/// the same notebooks, in turn. Notebooks: the .ipynb files and the "text" of the .jsonl[.zst|.gz] files of `data` if it has any,
/// else
/// ../shared/data/corpus/source/jupyter-notebook.jsonl.zst beside the source tree we are run in, else generated ones. nbconvert,
/// which takes seconds a megabyte, gets every so-many-th.
std::vector<BenchRow> bench_corpus_notebook(const fs::path& data = {});

}  // namespace corollary
