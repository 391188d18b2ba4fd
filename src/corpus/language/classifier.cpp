#include "corpus/language/classifier.h"

#include <algorithm>
#include <cmath>

#include "base/digest.h"
#include "corpus/language/fasttext_file.h"
#include "corpus/language/word_sums.h"

namespace corollary {

/// A classifier is a file, the words of it made findable, and a number that no other classifier of this process has.
struct TextClassifier::Model {
  FastTextFile file;
  WordSums sums;

  explicit Model(FastTextFile from) : file(std::move(from)), sums(file) {}
};

TextClassifier::TextClassifier(const fs::path& path) : model_(std::make_unique<Model>(FastTextFile(path))) {}
TextClassifier::TextClassifier(std::string bytes, const std::string& where)
    : model_(std::make_unique<Model>(FastTextFile(std::move(bytes), where))) {}
TextClassifier::~TextClassifier() = default;
TextClassifier::TextClassifier(TextClassifier&&) noexcept = default;
TextClassifier& TextClassifier::operator=(TextClassifier&&) noexcept = default;

std::vector<double> TextClassifier::scores(std::string_view text) const {
  const std::vector<float> hidden = model_->sums.mean(text);
  return hidden.empty() ? std::vector<double>() : model_->file.label_probabilities(hidden);
}

std::vector<LabelScore> TextClassifier::predict(std::string_view text) const {
  const std::vector<double> probabilities = scores(text);
  std::vector<LabelScore> out;
  for (std::size_t i = 0; i < probabilities.size(); ++i) out.push_back({std::string(model_->file.label(i)), probabilities[i]});
  std::ranges::stable_sort(out, [](const LabelScore& a, const LabelScore& b) { return a.probability > b.probability; });
  return out;
}

LabelScore TextClassifier::best(std::string_view text) const {
  const std::vector<double> probabilities = scores(text);
  if (probabilities.empty()) return {};
  const auto at = std::ranges::max_element(probabilities);
  return {std::string(model_->file.label(static_cast<std::size_t>(at - probabilities.begin()))), *at};
}

double TextClassifier::probability(std::string_view text, std::string_view label) const {
  const std::vector<double> probabilities = scores(text);
  for (std::size_t i = 0; i < probabilities.size(); ++i)
    if (model_->file.label(i) == label) return probabilities[i];
  return 0;
}

std::vector<std::string> TextClassifier::labels() const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < model_->file.label_count(); ++i) out.emplace_back(model_->file.label(i));
  return out;
}

std::string TextClassifier::digest() const { return sha256_hex(model_->file.bytes()); }

}  // namespace corollary
