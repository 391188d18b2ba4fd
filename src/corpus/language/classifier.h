#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace corollary {

struct LabelScore {
  std::string label;       ///< without "__label__"
  double probability = 0;  ///< 0 to 1
};

/// Predictions of a supervised fastText model (arXiv:1607.01759), read from its .bin or .ftz (quantised, pruned) file by our own code:
/// docs/formats/language_models.md has the layout. The file is mapped, not copied. Every size, count and index in it is checked when
/// it is opened: Error says what is wrong and where.
///
/// A text is one example: white space (also newlines and NUL) parts words, the end-of-line word closes it, as fastText's own Python
/// binding does. Words that are "</s>" or begin with "__label__" are ignored. Probabilities are those of the model; programs around
/// the library add 1e-5 to each, which may pass 1.
///
/// Thread-safe. Each thread remembers the row sums of recent words (8 MB a model), which changes speed only: a word's sum is always
/// added up in the same order.
class TextClassifier {
 public:
  explicit TextClassifier(const fs::path& path);
  /// The bytes of such a file; `where` names them in messages.
  TextClassifier(std::string bytes, const std::string& where);
  ~TextClassifier();
  TextClassifier(TextClassifier&&) noexcept;
  TextClassifier& operator=(TextClassifier&&) noexcept;

  /// All labels, the most probable first (ties: in the model's order). Empty if nothing of the text is known to the model.
  std::vector<LabelScore> predict(std::string_view text) const;
  /// The first of them, or {"", 0}.
  LabelScore best(std::string_view text) const;
  /// Probability of one label; 0 if the model has none of that name or knows nothing of the text.
  double probability(std::string_view text, std::string_view label) const;

  std::vector<std::string> labels() const;
  std::string digest() const;  ///< SHA-256 of the file: for manifests

  struct Model;

 private:
  std::vector<double> scores(std::string_view text) const;
  std::unique_ptr<const Model> model_;
};

/// How fastText trains (its words: lr, dim, epoch, minCount, wordNgrams, minn, maxn, bucket). Nothing of it was published for
/// MathScore; these are ours, tried on the shared pages (docs/decisions/language_id.md).
struct ClassifierTraining {
  double learning_rate = 0.5;
  std::int64_t dim = 16;
  std::int64_t epochs = 25;
  std::int64_t min_count = 2;
  std::int64_t word_ngrams = 1;
  std::int64_t min_chars = 0;  ///< shortest and longest run of characters taken as a feature; 0 and 0: none
  std::int64_t max_chars = 0;
  std::int64_t buckets = 200'000;
  bool is_quantized = false;          ///< .ftz: a tenth of the size, a little less exact
  std::int64_t quantized_rows = 0;    ///< of words and character runs kept when quantising; 0: all
  std::int64_t seed = 0;

  static void each(auto& config, auto&& visit) {
    visit("learning_rate", config.learning_rate);
    visit("dim", config.dim);
    visit("epochs", config.epochs);
    visit("min_count", config.min_count);
    visit("word_ngrams", config.word_ngrams);
    visit("min_chars", config.min_chars);
    visit("max_chars", config.max_chars);
    visit("buckets", config.buckets);
    visit("is_quantized", config.is_quantized);
    visit("quantized_rows", config.quantized_rows);
    visit("seed", config.seed);
  }
};

struct LabelledText {
  std::string label, text;
};

/// Trains with the fastText library on one thread (its threads race: other bytes each time) and writes the model file. Error without
/// examples of two labels, if the library fails, or where this program was built without libfasttext-dev. `scratch` holds the
/// examples while it works: as many bytes as the texts have.
void train_classifier(const ClassifierTraining& config, const std::vector<LabelledText>& examples, const fs::path& model,
                      const fs::path& scratch);

/// Whether train_classifier can work here.
bool can_train_classifier();

}  // namespace corollary
