#include "corpus/language/ngram_train.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "base/compress.h"
#include "base/error.h"
#include "base/random.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "corpus/language/ngram_model.h"

namespace corollary {
namespace {

using Words = std::vector<std::string>;

/// Sentences of a made-up language in which some words like to follow others.
std::vector<Words> made_up_sentences(int count, int vocabulary, std::uint64_t seed) {
  Random random(seed);
  std::vector<Words> out;
  for (int i = 0; i < count; ++i) {
    Words sentence;
    std::int64_t word = random.below(vocabulary);
    for (std::int64_t n = 1 + random.below(12); n > 0; --n) {
      word = random.uniform() < 0.6 ? (word * 7 + random.below(1 + random.below(1 + random.below(60)))) % vocabulary : random.below(1 + random.below(vocabulary));
      sentence.push_back("w" + std::to_string(word));
    }
    out.push_back(sentence);
  }
  return out;
}

std::string joined(const Words& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

/// The formulas of Chen and Goodman straight from their definition, with maps over whole n-grams.
class PlainKneserNey {
 public:
  PlainKneserNey(const std::vector<Words>& sentences, std::size_t order) : order_(order), count_(order + 1), discount_(order + 1) {
    std::vector<std::map<Words, std::int64_t>> raw(order + 1);
    std::vector<std::map<Words, std::set<std::string>>> before(order + 1);
    for (Words sentence : sentences) {
      sentence.insert(sentence.begin(), "<s>"), sentence.push_back("</s>");
      for (std::size_t end = 2; end <= sentence.size(); ++end)
        for (std::size_t n = 1; n <= order && n <= end; ++n) {
          const Words ngram(sentence.begin() + static_cast<std::ptrdiff_t>(end - n), sentence.begin() + static_cast<std::ptrdiff_t>(end));
          ++raw[n][ngram];
          if (end > n) before[n][ngram].insert(sentence[end - n - 1]);
          vocabulary_.insert(ngram.back());
        }
    }
    vocabulary_.insert("<unk>");
    for (std::size_t n = 1; n <= order; ++n) {
      std::array<double, 5> t{};
      for (const auto& [ngram, count] : raw[n]) {
        const std::int64_t adjusted = n == order || ngram[0] == "<s>" ? count : static_cast<std::int64_t>(before[n][ngram].size());
        count_[n][ngram] = adjusted;
        if (adjusted <= 4) ++t[static_cast<std::size_t>(adjusted)];
        const Words context(ngram.begin(), ngram.end() - 1);
        total_[context] += static_cast<double>(adjusted);
        followers_[context].push_back(ngram);
      }
      const double y = t[1] / (t[1] + 2 * t[2]);
      discount_[n] = {0, 1 - 2 * y * t[2] / t[1], 2 - 3 * y * t[3] / t[2], 3 - 4 * y * t[4] / t[3]};
      for (std::size_t k = 1; k <= 3; ++k)
        if (!(discount_[n][k] >= 0 && discount_[n][k] <= static_cast<double>(k))) {
          discount_[n] = {0, 0.5, 1, 1.5};
          break;
        }
    }
  }
  double probability(Words context, const std::string& word) const {
    if (context.size() >= order_) context.erase(context.begin(), context.end() - static_cast<std::ptrdiff_t>(order_ - 1));
    const std::size_t n = context.size() + 1;
    const double lower = context.empty() ? 1.0 / static_cast<double>(vocabulary_.size()) : probability(Words(context.begin() + 1, context.end()), word);
    const auto total = total_.find(context);
    if (total == total_.end()) return lower;
    Words ngram = context;
    ngram.push_back(word);
    const auto discount = [&](std::int64_t count) { return discount_[n][static_cast<std::size_t>(std::min<std::int64_t>(count, 3))]; };
    double own = 0, freed = 0;
    if (const auto found = count_[n].find(ngram); found != count_[n].end()) own = static_cast<double>(found->second) - discount(found->second);
    for (const Words& follower : followers_.at(context)) freed += discount(count_[n].at(follower));
    return (own + freed * lower) / total->second;
  }
  const std::set<std::string>& vocabulary() const { return vocabulary_; }

 private:
  std::size_t order_;
  std::vector<std::map<Words, std::int64_t>> count_;
  std::vector<std::array<double, 4>> discount_;
  std::map<Words, double> total_;
  std::map<Words, std::vector<Words>> followers_;
  std::set<std::string> vocabulary_;
};

Json train(const NgramTraining& config, const std::vector<Words>& sentences, const TestFolder& folder, const std::string& name) {
  NgramTrainer trainer(config, folder / "scratch");
  for (const Words& sentence : sentences) trainer.add(joined(sentence));
  const Json counts = trainer.finish(folder / (name + ".arpa"), folder / (name + ".ngram"));
  EXPECT_TRUE(fs::is_empty(folder / "scratch")) << "scratch files are left";
  return counts;
}

Words random_history(Random& random, const std::vector<Words>& sentences) {
  Words sentence = sentences[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(sentences.size())))];
  sentence.insert(sentence.begin(), "<s>");
  sentence.resize(1 + static_cast<std::size_t>(random.below(static_cast<std::int64_t>(sentence.size()))));
  if (random.uniform() < 0.2) sentence.back() = "never-seen";
  return sentence;
}

TEST(NgramTraining, IsKneserNeyByDefinition) {
  const TestFolder folder;
  const auto sentences = made_up_sentences(3000, 900, 1);
  for (const std::int64_t order : {2, 3, 5}) {
    const Json counts = train({.order = order}, sentences, folder, "m");
    int estimated = 0;
    for (const Json& at : counts["orders"]) estimated += !at["discounts_are_fallback"].get<bool>();
    ASSERT_GT(estimated, 0) << counts.dump(1);
    const PlainKneserNey plain(sentences, static_cast<std::size_t>(order));
    const NgramModel model(folder / "m.ngram"), arpa(folder / "m.arpa");
    Random random(2);
    for (int i = 0; i < 300; ++i) {
      const Words history = random_history(random, sentences);
      const std::string word = i % 10 == 0 ? "</s>" : i % 10 == 1 ? "<unk>" : "w" + std::to_string(random.below(900));
      const double expected = std::log10(plain.probability(history, word));
      EXPECT_NEAR(model.log10_probability(history, word), expected, 2e-6) << joined(history) << " | " << word;
      EXPECT_NEAR(arpa.log10_probability(history, word), expected, 3e-6);
    }
  }
}

TEST(NgramTraining, ProbabilitiesSumToOne) {
  const TestFolder folder;
  const auto sentences = made_up_sentences(2000, 80, 3);
  std::set<std::string> vocabulary = {"</s>", "<unk>"};
  for (const Words& sentence : sentences) vocabulary.insert(sentence.begin(), sentence.end());
  for (const std::vector<std::int64_t>& prune : {std::vector<std::int64_t>{0}, {0, 0, 1}, {0, 1, 2}}) {
    train({.order = 4, .prune = prune}, sentences, folder, "m");
    const NgramModel model(folder / "m.ngram");
    Random random(4);
    for (int i = 0; i < 60; ++i) {
      const Words history = random_history(random, sentences);
      double sum = 0;
      for (const std::string& word : vocabulary) sum += std::pow(10, model.log10_probability(history, word));
      EXPECT_NEAR(sum, 1, 2e-5) << joined(history);
    }
  }
}

TEST(NgramTraining, MemoryChangesNoByte) {
  const TestFolder folder;
  const auto sentences = made_up_sentences(20000, 3000, 5);
  train({.memory_bytes = 1 << 20}, sentences, folder, "small");
  train({.memory_bytes = 1 << 28}, sentences, folder, "large");
  EXPECT_EQ(read_file(folder / "small.ngram"), read_file(folder / "large.ngram"));
  EXPECT_EQ(read_file(folder / "small.arpa"), read_file(folder / "large.arpa"));
  EXPECT_GT(fs::file_size(folder / "small.ngram"), std::uintmax_t{4} << 20) << "too small to have gone through the disk";
}

TEST(NgramTraining, QuantisedScoresStayClose) {
  const TestFolder folder;
  const auto sentences = made_up_sentences(5000, 300, 6);
  train({.is_quantized = true}, sentences, folder, "q");
  const NgramModel packed(folder / "q.ngram"), full(folder / "q.arpa");
  double difference = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string text = joined(sentences[static_cast<std::size_t>(i)]);
    const NgramScore a = packed.score(text), b = full.score(text);
    EXPECT_EQ(a.words, b.words);
    difference += std::abs(std::log10(a.perplexity() / b.perplexity()));
  }
  EXPECT_LT(difference / 500, 0.02);
}

TEST(NgramTraining, HeldOutTextIsLikelierThanShuffled) {
  const TestFolder folder;
  train({}, made_up_sentences(8000, 200, 7), folder, "m");
  const NgramModel model(folder / "m.ngram");
  Random random(1);
  double own = 0, shuffled = 0;
  for (Words sentence : made_up_sentences(200, 200, 8)) {
    own += model.score(joined(sentence)).log10;
    for (std::size_t i = sentence.size(); i > 1; --i) std::swap(sentence[i - 1], sentence[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(i)))]);
    shuffled += model.score(joined(sentence)).log10;
  }
  EXPECT_GT(own, shuffled + 100);
}

TEST(NgramTraining, LimitsAndDamage) {
  const TestFolder folder;
  const auto sentences = made_up_sentences(500, 50, 9);
  const Json counts = train({.order = 3, .max_vocabulary = 10}, sentences, folder, "m");
  EXPECT_EQ(counts["vocabulary"], 13);
  EXPECT_GT(NgramModel(folder / "m.ngram").score("w1 neverseen").log10, -20);
  EXPECT_NE(error_of([&] { NgramTrainer(NgramTraining{.order = 9}, folder.path()); }), "no error");
  EXPECT_NE(error_of([&] { NgramTrainer(NgramTraining{.prune = {0, 2, 1}}, folder.path()); }), "no error");
  EXPECT_NE(error_of([&] { NgramTrainer(NgramTraining{}, folder.path()).finish({}, folder / "x"); }), "no error");
  const std::string bytes = read_file(folder / "m.ngram");
  for (std::size_t cut = 0; cut < bytes.size(); cut += 1 + cut / 9) EXPECT_THROW(NgramModel(bytes.substr(0, cut), "cut"), Error);
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    std::string broken = bytes;
    broken[static_cast<std::size_t>(random.below(i % 2 ? 200 : static_cast<std::int64_t>(bytes.size())))] = static_cast<char>(random.below(256));
    try {
      (void)NgramModel(broken, "flip").score("w1 w2 w3 unheard w4");
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace corollary
