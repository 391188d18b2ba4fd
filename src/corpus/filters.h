#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/config.h"
#include "corpus/document.h"

namespace corollary {

/// What a filter judges: text, and where it came from.
struct Candidate {
  std::string_view text;
  std::string_view path;  ///< inside its source
  std::string_view repo;  ///< name of the repository, "" if not known
  const Json* record = nullptr;      ///< what the record it came from said of itself, if any
  const Json* extraction = nullptr;  ///< what extraction found: "formulas", ...
};

/// Nothing: keep. A filter is a pure function and may run on any thread.
using Filter = std::function<std::optional<Rejection>(const Candidate&)>;

/// The filter of a subset and language. Code: AlgebraicStack's rules for its 17 languages (docs/formats/documents.md lists them),
/// for others its standard filter. Web and papers: length, language, mostly links, TeX programs.
Filter filter_for(const std::string& subset, const std::string& language, const CorpusConfig& config = {});

/// Digits divided by all characters that are not white space; 0 for blank text.
double numerical_density(std::string_view text);

/// Whether English function words are as frequent as in English. A stand-in for language identification: short texts and texts with
/// few words pass.
bool looks_english(std::string_view text);

}  // namespace corollary
