#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "corpus/document.h"
#include "corpus/language/classifier.h"
#include "corpus/language/ngram_train.h"

namespace corollary {

/// Calls take for each document of the files and folders (their .jsonl[.zst|.gz] files, but not rejected.jsonl), in order of names.
/// Error if there is none.
void each_document(const std::vector<std::string>& inputs, const std::function<void(const Document&)>& take);

/// The three trainings write the model and beside it OUT.json: settings, counts, inputs, what was measured; that is also returned.
/// One document in ten, chosen by its own hash, is not trained on but judged: precision and recall of each label, and for MathScore
/// of the positive label at the thresholds 0.17 and 0.8.

/// label_field: a name in meta, or "language"; documents without it are skipped and counted.
Json train_classifier_on(const std::vector<std::string>& inputs, const std::string& label_field, bool normalises,
                         const ClassifierTraining& config, const fs::path& out);
/// "positive" are documents with one of 84 LaTeX commands (contains_popular_latex); features are math_score_features.
Json train_math_score(const std::vector<std::string>& inputs, const ClassifierTraining& config, const fs::path& out);
/// Each document is one sentence, normalised unless said otherwise. `arpa` may be empty.
Json train_language_model(const std::vector<std::string>& inputs, const NgramTraining& config, bool normalises, const fs::path& out,
                          const fs::path& arpa);

}  // namespace corollary
