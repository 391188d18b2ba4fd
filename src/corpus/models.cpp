#include "corpus/models.h"

#include "base/digest.h"
#include "base/error.h"

namespace corollary {

SharedModels load_models(const CorpusConfig& config) {
  std::optional<TheoremDecontaminator> test_theorems;
  if (!config.test_theorems.empty()) {
    TestTheorems theorems;
    for (const std::string& path : config.test_theorems) add_test_theorems(path, theorems);
    test_theorems.emplace(theorems, config.as_published);
  }
  std::optional<ArxivMetadata> metadata;
  if (!config.arxiv_metadata.empty()) metadata.emplace(config.arxiv_metadata);
  WebClassifierConfig classifier = config.web.classifier;
  if (config.as_published) classifier.judged_bytes = 0;  // whole texts
  return std::make_shared<const CorpusModels>(CorpusModels{WebClassifier(classifier),
                                                           UrlRules({config.web.url_blocklist, config.as_published}),
                                                           std::move(test_theorems), std::move(metadata)});
}

Json model_digests(const CorpusConfig& config) {
  std::vector<std::string> paths = config.test_theorems;
  for (const std::string& path : {config.arxiv_metadata, config.web.url_blocklist, config.web.classifier.language_model,
                                  config.web.classifier.math_model, config.web.classifier.perplexity_model})
    if (!path.empty()) paths.push_back(path);
  Json digests = Json::object();
  for (const std::string& path : paths) {
    check(fs::exists(path), "no file ", path, ", which [corpus] names");
    if (!fs::is_directory(path)) {
      digests["model " + path] = sha256_file(path);
      continue;
    }
    std::string list;
    for (const fs::path& file : list_files(path)) list += sha256_file(file) + "  " + file.lexically_relative(path).string() + "\n";
    digests["model " + path] = sha256_hex(list);
  }
  return digests;
}

}  // namespace corollary
