#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "corpus/config.h"
#include "corpus/models.h"
#include "corpus/sources/source.h"

namespace corollary {

/// What extraction makes of a raw record.
struct Extraction {
  std::string text;                    ///< UTF-8, "\n" lines
  Json meta = Json::object();          ///< what the bytes say of themselves: a page's title
  std::optional<Rejection> rejection;  ///< set: no document, `text` is empty
};

/// A pure function: bytes to the documents in them, one or (proof steps) several, or a rejection. May run on any thread; never
/// throws on account of the bytes.
using Extractor = std::function<std::vector<Extraction>(const RawRecord&)>;

/// For the files of a subset and language: pages for "html", submissions for "arxiv", LaTeX for other papers, notebooks for
/// "jupyter-notebook", proof steps for "lean-proofsteps" and "isabelle-proofsteps", plain UTF-8 otherwise. Records that are
/// documents already pass as they are, but for notebooks and proof steps. `models` may be null: then they are loaded.
Extractor extractor_for(const std::string& subset, const std::string& language, const CorpusConfig& config = {},
                        SharedModels models = {});

}  // namespace corollary
