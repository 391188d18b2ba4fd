#include "corpus/language/ngram_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "corpus/language/ngram_train.h"

namespace corollary {
namespace {

const fs::path kShared = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/lm";

constexpr const char* kSmall = R"(
\data\
ngram 1=5
ngram 2=3
ngram 3=1

\1-grams:
-99	<s>	-0.3
-1.0	</s>
-2.0	<unk>	-0.5
-0.6	a	-0.2
-0.7	b	-0.1

\2-grams:
-0.4	<s> a	-0.25
-0.3	a b	-0.15
-0.2	b </s>

\3-grams:
-0.1	<s> a b

\end\
)";

TEST(NgramModel, BacksOffByHand) {
  const NgramModel model(std::string(kSmall), "small");
  EXPECT_EQ(model.order(), 3);
  EXPECT_EQ(model.ngrams(2), 3);
  const NgramScore known = model.score("a b");  // p(a|<s>) p(b|<s> a) then bo(a b) p(</s>|b)
  EXPECT_NEAR(known.log10, -0.4 - 0.1 - 0.15 - 0.2, 1e-6);
  EXPECT_EQ(known.words, 2);
  EXPECT_NEAR(known.perplexity(), std::pow(10, 0.85 / 2), 1e-5);
  const NgramScore other = model.score(" a\tzzz\n");  // bo(<s> a) bo(a) p(<unk>), bo(<unk>) p(</s>)
  EXPECT_NEAR(other.log10, -0.4 - 0.25 - 0.2 - 2.0 - 0.5 - 1.0, 1e-6);
  EXPECT_EQ(other.unknown, 1);
  EXPECT_TRUE(std::isinf(model.score("").perplexity()));
  EXPECT_NEAR(model.score("").log10, -0.3 - 1.0, 1e-6);
}

void expect_published_scores(const NgramModel& model, bool has_unknown) {
  LineReader lines(kShared / "expected_scores.jsonl");
  int rows = 0;
  while (const auto line = lines.next()) {
    const Json row = parse_json(*line, "expected_scores.jsonl");
    const auto context = row["context"].get<std::vector<std::string>>();
    const auto word = row["word"].get<std::string>();
    if (!has_unknown && line->find("not_found") != std::string_view::npos) continue;
    EXPECT_NEAR(model.log10_probability(context, word), row["log10_prob"].get<double>(), 2e-5) << *line;
    ++rows;
  }
  EXPECT_GT(rows, 20);
}

TEST(NgramModel, ScoresPublishedForArpa) {
  if (!fs::exists(kShared)) GTEST_SKIP() << "needs ../shared/data/lm";
  expect_published_scores(NgramModel(kShared / "test.arpa"), true);
  const NgramModel without(kShared / "test_nounk.arpa");
  EXPECT_NEAR(without.log10_probability({}, "nowhere"), -100, 1e-6);
  const std::vector<std::string> context = {"<s>"};
  EXPECT_NEAR(without.log10_probability(context, "looking"), -0.4846522, 1e-6);
}

TEST(NgramModel, KenlmsOwnBinary) {
  if (std::system("command -v libime_slm_build_binary >/dev/null") != 0) GTEST_SKIP() << "needs libime-bin, which brings KenLM's build_binary";
  const TestFolder folder;
  Random random(5);
  const auto random_sentence = [&] {
    std::string out;
    for (std::int64_t n = random.below(15); n > 0; --n) out += "word" + std::to_string(random.below(1 + random.below(400))) + " ";
    return out;
  };
  NgramTrainer trainer({.order = 3}, folder / "scratch");
  for (int i = 0; i < 2000; ++i) trainer.add(random_sentence());
  trainer.finish(folder / "m.arpa", {});
  const NgramModel arpa(folder / "m.arpa");
  for (const std::string options : {"", "-p 3.5"}) {
    const fs::path binary = folder / "m.bin";
    ASSERT_EQ(std::system(("libime_slm_build_binary " + options + " " + (folder / "m.arpa").string() + " " + binary.string() + " >/dev/null 2>&1").c_str()), 0);
    const NgramModel model(binary);
    EXPECT_EQ(model.order(), 3);
    for (int n = 1; n <= 3; ++n) EXPECT_EQ(model.ngrams(n), arpa.ngrams(n));
    for (int i = 0; i < 300; ++i) {
      const std::string text = random_sentence() + (i % 3 == 0 ? "never-seen word1" : "");
      EXPECT_NEAR(model.score(text).log10, arpa.score(text).log10, 1e-5) << text;
      EXPECT_EQ(model.score(text).unknown, arpa.score(text).unknown);
    }
    const std::string bytes = read_file(binary);
    for (std::size_t cut = 0; cut < bytes.size(); cut += 1 + cut / 5) EXPECT_THROW(NgramModel(bytes.substr(0, cut), "cut"), Error) << cut;
    for (int i = 0; i < 1000; ++i) {
      std::string broken = bytes;
      broken[static_cast<std::size_t>(random.below(200))] = static_cast<char>(random.below(256));
      try {
        (void)NgramModel(broken, "flip").score("word1 word2 word3 unheard");
      } catch (const Error&) {
      }
    }
  }
  ASSERT_EQ(std::system(("libime_slm_build_binary trie " + (folder / "m.arpa").string() + " " + (folder / "trie.bin").string() + " >/dev/null 2>&1").c_str()), 0);
  EXPECT_NE(error_of([&] { NgramModel model(folder / "trie.bin"); }).find("trie"), std::string::npos);
}

TEST(NgramModel, DamagedArpaNamesTheLine) {
  const std::string text = kSmall;
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string out = text;
    out.replace(out.find(from), from.size(), to);
    return error_of([&] { NgramModel model(out, "x.arpa"); });
  };
  EXPECT_EQ(replaced("-0.3", "-0.3"), "no error");
  EXPECT_NE(replaced("ngram 2=3", "ngram 2=4").find("more or fewer"), std::string::npos);
  EXPECT_NE(replaced("ngram 3=1", "ngram 3=99999999999999").find("more or fewer"), std::string::npos);
  EXPECT_NE(replaced("-0.6\ta", "zero\ta").find("x.arpa:11"), std::string::npos);
  EXPECT_NE(replaced("a b\t-0.15", "a b\t-0.15 x").find("after the backoff"), std::string::npos);
  EXPECT_NE(replaced("b </s>", "a b").find("second time"), std::string::npos);
  EXPECT_NE(replaced("\\end\\", "").find("ends before"), std::string::npos);
  EXPECT_NE(replaced("\\2-grams", "\\4-grams").find("next order"), std::string::npos);
  EXPECT_NE(error_of([] { NgramModel model(std::string("hello"), "x"); }), "no error");
  EXPECT_NE(error_of([] { NgramModel model(std::string(), "x"); }), "no error");
}

}  // namespace
}  // namespace corollary
