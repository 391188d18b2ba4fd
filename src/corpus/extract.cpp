#include "corpus/extract.h"

#include <utility>

#include "corpus/code/code_filters.h"
#include "corpus/code/notebook.h"
#include "corpus/code/proof_steps.h"
#include "corpus/papers/arxiv.h"
#include "corpus/papers/latex.h"
#include "corpus/text.h"
#include "corpus/web/html_text.h"
#include "corpus/web/prefilter.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxPageBytes = std::size_t{1} << 23;
constexpr std::int64_t kMaxLinks = 3000;  // OpenWebMath skips pages with more

Extraction rejected(Rejection rejection) {
  Extraction extraction;
  extraction.rejection = std::move(rejection);
  return extraction;
}

std::string string_at(const Json& meta, const char* name) {
  return meta.contains(name) && meta[name].is_string() ? meta[name].get<std::string>() : std::string();
}

Extraction extract_plain(const RawRecord& record) {
  if (const auto at = invalid_utf8_at(record.bytes)) return rejected({"invalid_utf8", *at, {}});
  Extraction extraction;
  extraction.text = normalize_newlines(record.bytes);
  return extraction;
}

/// Python files carry upstream's field "reason": the imports that keep them.
Extraction extract_python(const RawRecord& record) {
  Extraction extraction = extract_plain(record);
  if (std::string imports = python_imports(extraction.text); !imports.empty()) extraction.meta["reason"] = std::move(imports);
  return extraction;
}

/// Pages: the prefilter on the bytes, extraction, the manual filter. What only a crawl needs is asked of pages that came in a WARC.
class ExtractPage {
 public:
  ExtractPage(const CorpusConfig& config, SharedModels models)
      : config_(config.web), as_published_(config.as_published), models_(std::move(models)) {}

  Extraction operator()(const RawRecord& record) const {
    if (record.bytes.size() > kMaxPageBytes) return rejected({"too_large", 0, std::to_string(record.bytes.size()) + " bytes"});
    const bool is_crawled = record.meta.contains("warc");
    HtmlOptions options;
    options.http_charset = string_at(record.meta, "charset");
    if (applies(config_.prefilter, is_crawled))
      if (auto verdict = prefilter(record.bytes, options); verdict.rejection) return rejected(std::move(*verdict.rejection));
    HtmlText page = html_to_text(record.bytes, options);
    if (page.was_cut) return rejected({"nested_too_deeply"});
    if (is_crawled && page.links > kMaxLinks) return rejected({"too_many_links", 0, std::to_string(page.links)});
    if (5 * page.link_bytes > 3 * page.text_bytes) return rejected({"mostly_links"});
    Extraction extraction;
    extraction.text = std::move(page.text);
    const std::string url = string_at(record.meta, "url");
    if (applies(config_.manual_filter, is_crawled)) {
      ManualFilterResult result = manual_filter(models_->url_rules, url, extraction.text);
      if (result.rejection) return rejected(std::move(*result.rejection));
      extraction.text = std::move(result.text);
    }
    if (!url.empty()) extraction.meta["url"] = url;
    if (!page.title.empty()) extraction.meta["title"] = std::move(page.title);
    extraction.meta["formulas"] = page.formulas;
    return extraction;
  }

 private:
  static bool applies(const std::string& when, bool is_crawled) { return when == "all" || (when == "crawl" && is_crawled); }
  PrefilterVerdict prefilter(std::string_view bytes, const HtmlOptions& options) const {
    PrefilterConfig config;
    config.as_published = as_published_;
    TextOfPage text_of;
    if (as_published_) text_of = [&](std::string_view html) { return html_to_text(html, options).text; };
    MathScore score_of;
    if (!config_.classifier.math_model.empty())
      score_of = [&](std::string_view text) { return models_->classifier.score(text).math_score.value_or(0); };
    return prefilter_page(bytes, config, text_of, score_of);
  }

  WebConfig config_;
  bool as_published_;
  SharedModels models_;
};

Extraction extract_latex(const RawRecord& record) {
  Extraction extraction = extract_plain(record);
  if (extraction.rejection) return extraction;
  extraction.text = clean_latex(extraction.text);
  if (extraction.text.empty()) return rejected({"nothing_left"});
  return extraction;
}

Extraction extract_submission(const RawRecord& record, const ArxivConfig& config, const ArxivMetadata* metadata) {
  ArxivPaper paper = arxiv_document(record.path, record.bytes, config, metadata);
  if (paper.rejection) return rejected(std::move(*paper.rejection));
  Extraction extraction;
  extraction.text = std::move(paper.document.text);
  extraction.meta = std::move(paper.document.meta);
  extraction.meta.erase("source");  // RedPajama's "arxiv": ours says which source of the recipe
  return extraction;
}

Extraction extract_notebook(const RawRecord& record, const NotebookOptions& options) {
  NotebookText notebook = convert_notebook(record.bytes, options);
  if (notebook.rejection) return rejected(std::move(*notebook.rejection));
  Extraction extraction;
  extraction.text = std::move(notebook.markdown);
  if (!notebook.language.empty()) extraction.meta["notebook_language"] = std::move(notebook.language);
  return extraction;
}

std::vector<Extraction> of_documents(ProofStepDocuments found) {
  std::vector<Extraction> all;
  if (found.rejection) all.push_back(rejected(std::move(*found.rejection)));
  for (Document& document : found.documents) all.push_back({std::move(document.text), std::move(document.meta), std::nullopt});
  for (std::string& hit : found.hits) all.push_back(rejected({"test_theorem", 0, std::move(hit)}));
  return all;
}

}  // namespace

Extractor extractor_for(const std::string& subset, const std::string& language, const CorpusConfig& config, SharedModels models) {
  if (!models) models = load_models(config);
  ProofStepOptions proof_steps;
  proof_steps.as_published = config.as_published;
  if (language == "lean-proofsteps")
    return [proof_steps](const RawRecord& record) {
      return of_documents(lean_proof_steps(record.bytes, lean_module_name(record.path), proof_steps));
    };
  if (language == "isabelle-proofsteps")
    return [proof_steps, models](const RawRecord& record) {
      const auto& tests = models->test_theorems;
      return of_documents(isabelle_proof_steps(record.bytes, record.path, tests ? &*tests : nullptr, proof_steps));
    };
  if (language == "jupyter-notebook") {
    const NotebookOptions options{config.as_published};
    return [options](const RawRecord& record) -> std::vector<Extraction> {
      const bool is_converted = record.is_document && !trim(record.bytes).starts_with("{");  // a data set of notebooks as Markdown
      return {is_converted ? extract_plain(record) : extract_notebook(record, options)};
    };
  }
  std::function<Extraction(const RawRecord&)> of_file = extract_plain;
  if (language == "python") of_file = extract_python;
  if (language == "html")
    of_file = ExtractPage(config, models);
  else if (language == "arxiv")
    of_file = [arxiv = config.arxiv(), models](const RawRecord& record) {
      return extract_submission(record, arxiv, models->arxiv_metadata ? &*models->arxiv_metadata : nullptr);
    };
  else if (subset == "papers" && language != "text")
    of_file = extract_latex;
  const bool keeps_meta = language == "python";
  return [of_file, keeps_meta](const RawRecord& record) -> std::vector<Extraction> {
    return {record.is_document && !keeps_meta ? extract_plain(record) : of_file(record)};
  };
}

}  // namespace corollary
