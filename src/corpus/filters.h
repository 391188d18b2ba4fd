#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/config.h"
#include "corpus/document.h"
#include "corpus/models.h"

namespace corollary {

/// What a filter judges: text, and where it came from.
struct Candidate {
  std::string_view text;
  std::string_view path;             ///< inside its source
  std::string_view repo;             ///< name of the repository, "" if not known
  const Json* record = nullptr;      ///< what the record it came from, or its source, said of it
  const Json* extraction = nullptr;  ///< what extraction found: "formulas", ...
};

/// Nothing: keep. A filter is a pure function and may run on any thread.
using Filter = std::function<std::optional<Rejection>(const Candidate&)>;

/// The filter of a subset and language. Code: AlgebraicStack's rules for its 17 languages (docs/formats/algebraic_stack.md), for
/// others its standard filter, and the licences allowed. Web: length, language, and the models' scores. Papers: length, language,
/// TeX programs; as published, any text. `models` may be null: then they are loaded.
Filter filter_for(const std::string& subset, const std::string& language, const CorpusConfig& config = {},
                  SharedModels models = {});

}  // namespace corollary
