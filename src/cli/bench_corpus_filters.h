#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "cli/bench.h"

namespace corollary {

/// Row "corpus.filters": MB/s of text on one core through all that is asked of a page's text: filter_for("web", "html"), language
/// and MathScore by fastText models, of long texts on a sample as is the default; "corpus.filters_whole": on the whole text. Peer:
/// the fastText library's predictions of the same two models on the same normalised text, without the rules. Row
/// "corpus.perplexity": a 5-gram model on the whole text, normalising included. Models: a MathScore and a 5-gram model trained here
/// on half of the text; languages by a fastText model with character n-grams as lid.176 has them (16 dimensions, runs of 2 to 4),
/// trained here too, and in a third row, "corpus.language_guess", by what needs no model. Text: `data` if not empty, else
/// ../shared/data/corpus/general.jsonl.zst and cc_en_head, else this tree's own pages, many times.
std::vector<BenchRow> bench_corpus_filters(const fs::path& data, const std::function<bool(const std::string&)>& is_wanted);

}  // namespace corollary
