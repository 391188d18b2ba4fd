#include "corpus/filters.h"

#include "corpus/code/code_filters.h"
#include "corpus/code/stack_meta.h"
#include "corpus/papers/latex.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kMinWebBytes = 100, kMinPaperBytes = 500;  // the first is OpenWebMath's
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 24;

Filter web_filter(SharedModels models) {
  return [models = std::move(models)](const Candidate& candidate) -> std::optional<Rejection> {
    if (candidate.text.size() < kMinWebBytes) return Rejection{"too_short"};
    if (candidate.text.size() > kMaxTextBytes) return Rejection{"too_large"};
    std::optional<bool> has_math;
    if (candidate.extraction != nullptr && candidate.extraction->contains("formulas"))
      has_math = candidate.extraction->at("formulas") > 0;
    return models->classifier.judge(candidate.text, has_math);
  };
}

/// `asks` false: as published, every paper that has text.
Filter paper_filter(bool asks, SharedModels models) {
  return [asks, models = std::move(models)](const Candidate& candidate) -> std::optional<Rejection> {
    if (candidate.text.size() > kMaxTextBytes) return Rejection{"too_large"};
    if (!asks) return std::nullopt;
    if (candidate.text.size() < kMinPaperBytes) return Rejection{"too_short"};
    if (tex_program_density(candidate.text) > 0.02) return Rejection{"tex_program"};
    return models->classifier.judge_language(candidate.text);
  };
}

/// Licences first, for whatever the text is worth.
Filter licensed(Filter filter, std::vector<std::string> licences) {
  if (licences.empty()) return filter;
  return [filter = std::move(filter), licences = std::move(licences)](const Candidate& candidate) -> std::optional<Rejection> {
    if (candidate.record == nullptr) return Rejection{"licence", 0, "none"};
    if (auto rejection = judge_licence(*candidate.record, licences)) return rejection;
    return filter(candidate);
  };
}

}  // namespace

Filter filter_for(const std::string& subset, const std::string& language, const CorpusConfig& config, SharedModels models) {
  if (!models) models = load_models(config);
  if (subset == "web") return web_filter(models);
  if (subset == "papers") return paper_filter(!config.as_published, models);
  if (language.ends_with("-proofsteps"))
    return [](const Candidate&) { return std::optional<Rejection>(); };  // judged theorem by theorem
  CodeFilterOptions options;
  options.as_published = config.as_published;
  options.julia_strict = config.julia_strict;
  options.is_english = [models](std::string_view text) { return !models->classifier.judge_language(text); };
  return licensed(code_filter(language, options), config.licences);
}

}  // namespace corollary
