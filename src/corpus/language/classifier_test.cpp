#include "corpus/language/classifier.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "base/compress.h"
#include "base/error.h"
#include "base/random.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "corpus/document.h"
#ifdef COROLLARY_HAS_FASTTEXT
#include <fasttext/fasttext.h>
#endif

namespace corollary {
namespace {

#ifdef COROLLARY_HAS_FASTTEXT

/// Sentences of three made-up languages that share some words, with letters of one, two and three bytes.
std::vector<LabelledText> made_up_examples(int count) {
  const std::vector<std::vector<std::string>> words = {{"the", "of", "proof", "lemma", "graph", "is"},
                                                       {"der", "die", "beweis", "grün", "ist", "graph"},
                                                       {"定理", "证明", "图", "是", "lemma", "的"}};
  Random random(7);
  std::vector<LabelledText> out;
  for (int i = 0; i < count; ++i) {
    const auto language = static_cast<std::size_t>(i % 3);
    std::string text;
    for (std::int64_t n = 3 + random.below(12); n > 0; --n) text += words[language][static_cast<std::size_t>(random.below(6))] + " ";
    out.push_back({std::vector<std::string>{"en", "de", "zh"}[language], text});
  }
  return out;
}

std::vector<std::string> texts_to_judge() {
  std::vector<std::string> out = {"the proof of the lemma", "", "  ", "unheard words only", "grün", "证明 是 x\ty\nz",
                                  "a \xFF\x80\x80 broken \xE4", "__label__en the", std::string(3000, 'x') + " der"};
  for (const LabelledText& example : made_up_examples(30)) out.push_back(example.text);
  const fs::path shared = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/corpus/general.jsonl.zst";
  if (!fs::exists(shared)) return out;
  LineReader lines(shared);
  for (int i = 0; i < 40; ++i)
    if (const auto line = lines.next()) out.push_back(document_from_line(*line, "general").text);
  return out;
}

/// fastText's own answer, of a text without newlines to which it adds the end of line, less the 1e-5 it adds.
std::map<std::string, double> library_answer(const fasttext::FastText& library, std::string text) {
  for (char& c : text)
    if (c == '\n') c = ' ';
  std::istringstream in(text + "\n");
  std::vector<std::pair<fasttext::real, std::string>> found;
  library.predictLine(in, found, 1000, 0);
  std::map<std::string, double> out;
  for (const auto& [score, label] : found) out[label.substr(9)] = static_cast<double>(score) - 1e-5;
  return out;
}

struct Case {
  const char* name;
  fasttext::loss_name loss;
  int word_ngrams, minn, maxn;
  bool quantize, qnorm, qout;
  int cutoff;
};

class ClassifierAgainstLibrary : public ::testing::TestWithParam<Case> {};

TEST_P(ClassifierAgainstLibrary, ProbabilitiesAgree) {
  const TestFolder folder;
  const Case& at = GetParam();
  {
    AtomicFile lines(folder.path() / "lines");
    int i = 0;
    for (const LabelledText& example : made_up_examples(300))  // the library quantises no output of fewer than 256 labels
      lines.write("__label__" + example.label + (at.qout ? std::to_string(i++) : "") + " " + example.text + "\n");
    lines.commit();
  }
  fasttext::Args args;
  args.input = (folder.path() / "lines").string();
  args.model = fasttext::model_name::sup;
  args.loss = at.loss;
  args.dim = 7;  // the last part of a product quantiser is then shorter
  args.epoch = 3, args.minCount = 1, args.bucket = 1000, args.thread = 1, args.verbose = 0, args.lr = 0.5;
  args.wordNgrams = at.word_ngrams, args.minn = at.minn, args.maxn = at.maxn;
  fasttext::FastText library;
  library.train(args);
  if (at.quantize) {
    args.qnorm = at.qnorm, args.qout = at.qout, args.dsub = 2, args.cutoff = static_cast<std::size_t>(at.cutoff);
    library.quantize(args);
  }
  const fs::path path = folder.path() / "model";
  library.saveModel(path.string());
  const TextClassifier ours(path);
  EXPECT_EQ(ours.labels().size(), at.qout ? 300u : 3u);
  // For these two the library looks sigmoids up in steps of 1/32, of which half counts at a slope of at most 1/4.
  const bool has_table = at.loss == fasttext::loss_name::ova || at.loss == fasttext::loss_name::ns;
  const double tolerance = has_table ? 1.0 / 128 + 1e-5 : 1e-5;
  for (const std::string& text : texts_to_judge()) {
    const auto expected = library_answer(library, text);
    const std::vector<LabelScore> scores = ours.predict(text);
    EXPECT_EQ(scores.empty(), expected.empty()) << text.substr(0, 60);
    for (const LabelScore& score : scores)
      EXPECT_NEAR(score.probability, expected.at(score.label), tolerance) << score.label << " of " << text.substr(0, 60);
    if (!scores.empty()) {
      EXPECT_EQ(ours.best(text).label, scores[0].label);
      EXPECT_EQ(ours.probability(text, scores[1].label), scores[1].probability);
    }
  }
}

using Loss = fasttext::loss_name;
INSTANTIATE_TEST_SUITE_P(Kinds, ClassifierAgainstLibrary,
                         ::testing::Values(Case{"softmax", Loss::softmax, 1, 0, 0, false, false, false, 0},
                                           Case{"bigrams", Loss::softmax, 3, 0, 0, false, false, false, 0},
                                           Case{"characters", Loss::softmax, 1, 1, 4, false, false, false, 0},
                                           Case{"tree", Loss::hs, 2, 2, 4, false, false, false, 0},
                                           Case{"one_against_all", Loss::ova, 1, 2, 3, false, false, false, 0},
                                           Case{"negative", Loss::ns, 1, 2, 3, false, false, false, 0},
                                           Case{"quantised", Loss::softmax, 2, 2, 4, true, false, false, 0},
                                           Case{"quantised_norms_pruned", Loss::hs, 2, 2, 4, true, true, false, 400},
                                           Case{"quantised_output", Loss::softmax, 1, 0, 0, true, true, true, 0}),
                         [](const auto& info) { return info.param.name; });

TEST(Classifier, TrainsTheSameBytesTwice) {
  const TestFolder folder;
  const ClassifierTraining config{.epochs = 5, .min_chars = 2, .max_chars = 3, .buckets = 500};
  const auto examples = made_up_examples(150);
  train_classifier(config, examples, folder.path() / "a.bin", folder.path() / "scratch");
  train_classifier(config, examples, folder.path() / "b.bin", folder.path() / "scratch");
  EXPECT_EQ(read_file(folder.path() / "a.bin"), read_file(folder.path() / "b.bin"));
  EXPECT_FALSE(fs::exists(folder.path() / "scratch"));
  const TextClassifier model(folder.path() / "a.bin");
  EXPECT_EQ(model.best("der beweis ist grün").label, "de");
  EXPECT_GT(model.best("der beweis ist grün").probability, 0.9);
  EXPECT_THROW(train_classifier(config, {{"one", "label"}}, folder.path() / "c", folder.path() / "d"), Error);
}

TEST(Classifier, EveryCutAndManyFlipsOfAFileAreErrorsOrAnswers) {
  const TestFolder folder;
  train_classifier({.dim = 4, .epochs = 2, .min_chars = 2, .max_chars = 2, .buckets = 50}, made_up_examples(60), folder.path() / "m",
                   folder.path() / "s");
  const std::string bytes = read_file(folder.path() / "m");
  for (std::size_t cut = 0; cut < bytes.size(); cut += 1 + cut / 9) EXPECT_THROW(TextClassifier(bytes.substr(0, cut), "cut"), Error);
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    std::string broken = bytes;
    broken[static_cast<std::size_t>(random.below(std::min<std::int64_t>(400, static_cast<std::int64_t>(bytes.size()))))] =
        static_cast<char>(random.below(256));
    try {
      (void)TextClassifier(broken, "flip").predict("the proof of der 定理");
    } catch (const Error&) {
    }
  }
  EXPECT_THROW(TextClassifier(std::string("no model"), "text"), Error);
}
#endif

}  // namespace
}  // namespace corollary
