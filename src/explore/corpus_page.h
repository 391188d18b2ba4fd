#pragma once
#include <string>

#include "base/json.h"

namespace corollary {

/// One HTML page of a corpus's statistics (corpus_stats_to_json), nothing fetched and no script: tables of documents, bytes and
/// tokens by subset, language and split, their lengths as a histogram of octaves, the largest origins, and what was rejected and
/// why. `title` and all names are text.
std::string corpus_page(const Json& stats, const std::string& title);

}  // namespace corollary
