#pragma once
#include <memory>
#include <optional>

#include "base/json.h"
#include "corpus/code/theorem_decontamination.h"
#include "corpus/config.h"
#include "corpus/language/web_classify.h"
#include "corpus/papers/arxiv_metadata.h"
#include "corpus/web/url_rules.h"

namespace corollary {

/// What extraction and filters look things up in: read once, then shared by all threads.
struct CorpusModels {
  WebClassifier classifier;  ///< language, MathScore, perplexity
  UrlRules url_rules;
  std::optional<TheoremDecontaminator> test_theorems;  ///< if the configuration names any
  std::optional<ArxivMetadata> arxiv_metadata;         ///< likewise
};
using SharedModels = std::shared_ptr<const CorpusModels>;

/// Reads the files the configuration names. Error naming the one that cannot be read.
SharedModels load_models(const CorpusConfig& config);
/// {path: sha256} of those files: part of what decides a document. Folders: of their files.
Json model_digests(const CorpusConfig& config);

}  // namespace corollary
