#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "base/compress.h"
#include "base/error.h"
#include "base/random.h"
#include "base/test_folder.h"
#include "corpus/ngrams/decontaminate.h"
#include "corpus/ngrams/ngram_index.h"
#include "corpus/ngrams/test_texts.h"
#include "corpus/ngrams/text_index.h"

namespace corollary {
namespace {

std::vector<std::string> words_of(std::string_view text, WordRule rule) {
  Words words(rule);
  words.assign(text);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < words.size(); ++i) {
    all.emplace_back(words.word(i));
    EXPECT_EQ(words.end(i) - words.begin(i), all.back().size());
  }
  return all;
}
using List = std::vector<std::string>;

TEST(Words, ByWhiteSpaceAsPythonSplits) {
  EXPECT_EQ(words_of("  Let $x$\tbe\n\n(real). ", WordRule::whitespace), (List{"Let", "$x$", "be", "(real)."}));
  EXPECT_EQ(words_of("a\u00a0b\u2003c\u3000d\u0085e\u1680f\u205fg\u2028h\x1fi\x1cj", WordRule::whitespace),
            (List{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}));
  EXPECT_EQ(words_of("\u2080 \u200b \u00e9", WordRule::whitespace), (List{"\u2080", "\u200b", "\u00e9"}))
      << "subscript, zero width: no blanks";
  EXPECT_EQ(words_of("", WordRule::whitespace), List{});
  EXPECT_EQ(words_of("\xe2\x80", WordRule::whitespace), (List{"\xe2\x80"})) << "a cut character";
}

TEST(Words, NormalisedAreLettersAndDigits) {
  EXPECT_EQ(words_of("Don't: F(X)=2x^2, \u00dcber\u2014alles", WordRule::normalised),
            (List{"don", "t", "f", "x", "2x", "2", "\u00dcber\u2014alles"}));
}

/// The same words hash alike wherever they stand; others do not, at lengths around the eight bytes that are taken at once.
TEST(Words, HashesAreOfTheWordAlone) {
  Random random(1);
  std::map<std::uint64_t, std::string> seen;
  for (int round = 0; round < 20'000; ++round) {
    std::string word;
    const auto length = 1 + random.below(26);
    for (std::int64_t i = 0; i < length; ++i) word += static_cast<char>('a' + random.below(3));
    Words alone(WordRule::whitespace), after(WordRule::whitespace);
    alone.assign(word);
    after.assign("x " + word + " yyy");
    ASSERT_EQ(alone.size(), 1U);
    EXPECT_EQ(after.prefix()[2] - after.prefix()[1] * Words::kBase, alone.prefix()[1]);
    const auto [at, is_new] = seen.emplace(alone.prefix()[1], word);
    EXPECT_EQ(at->second, word) << "two words, one hash";
  }
}

/// Sets of n-grams, as the published tool compares them.
std::set<std::tuple<int, int, std::string>> by_sets(const std::vector<std::string>& tests, const std::string& document,
                                                    std::vector<int> ns) {
  const auto split = [](const std::string& text) {
    std::istringstream in(text);
    List all;
    for (std::string word; in >> word;) all.push_back(word);
    return all;
  };
  const auto grams = [&](const std::string& text, std::size_t n) {
    std::set<std::string> all;
    const List list = split(text);
    for (std::size_t i = 0; i + n <= list.size(); ++i) {
      std::string gram = list[i];
      for (std::size_t k = 1; k < n; ++k) gram += " " + list[i + k];
      all.insert(gram);
    }
    return all;
  };
  std::set<std::tuple<int, int, std::string>> found;
  for (const int n : ns) {
    const auto of_document = grams(document, static_cast<std::size_t>(n));
    for (std::size_t t = 0; t < tests.size(); ++t)
      for (const std::string& gram : grams(tests[t], static_cast<std::size_t>(n)))
        if (of_document.contains(gram)) found.insert({static_cast<int>(t), n, gram});
  }
  return found;
}

TEST(NgramIndex, FindsWhatSetsHaveInCommon) {
  Random random(5);
  const auto text = [&](std::int64_t words, std::int64_t vocabulary) {
    std::string out;
    for (std::int64_t i = 0; i < words; ++i)
      out += "w" + std::to_string(random.below(vocabulary)) + (random.below(9) == 0 ? "\n" : " ");
    return out;
  };
  std::size_t total = 0;
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> tests;
    for (int i = 0; i < 40; ++i) tests.push_back(text(random.below(30), 2 + round));
    const NgramIndex index(tests, {5, 2, 9, 5}, WordRule::whitespace);
    const std::string document = text(6000, 2 + round) + tests[3];
    Words words(WordRule::whitespace);
    words.assign(document);
    std::set<std::tuple<int, int, std::string>> found;
    index.search(words, [&](const NgramMatch& match) {
      found.insert({match.test, match.n, words.ngram(match.word, static_cast<std::size_t>(match.n))});
    });
    EXPECT_EQ(found, by_sets(tests, document, {2, 5, 9}));
    total += found.size();
  }
  EXPECT_GT(total, 1000U);
}

TEST(NgramIndex, EmptyAndShortTextsAreNowhere) {
  const NgramIndex index(std::vector<std::string>{"", "one two"}, {3}, WordRule::whitespace);
  EXPECT_EQ(index.size(), 0U);
  Words words(WordRule::whitespace);
  words.assign("one two three");
  index.search(words, [](const NgramMatch&) { ADD_FAILURE(); });
  EXPECT_THROW(NgramIndex(std::vector<std::string>{"a"}, {0}, WordRule::whitespace), Error);
  EXPECT_THROW(NgramIndex(std::vector<std::string>{"a"}, {}, WordRule::whitespace), Error);
}

TEST(TextIndex, FindsWholeTextsByteForByte) {
  Random random(9);
  std::string document;
  for (int i = 0; i < 5000; ++i) document += static_cast<char>("ab c\n"[random.below(5)]);
  std::vector<std::string> texts = {"", "zz"};
  for (int i = 0; i < 300; ++i) {
    const auto begin = static_cast<std::size_t>(random.below(4800)), length = static_cast<std::size_t>(1 + random.below(150));
    texts.push_back(document.substr(begin, length));
    if (i % 3 == 0) texts.back().back() = 'Z';
  }
  std::map<std::int32_t, std::int64_t> found;
  TextIndex(texts).search(document, [&](std::int32_t text, std::int64_t byte) { found[text] = byte; });
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto at = texts[i].empty() ? std::string::npos : document.find(texts[i]);
    EXPECT_EQ(found.contains(static_cast<std::int32_t>(i)), at != std::string::npos) << i;
    if (at != std::string::npos) {
      EXPECT_EQ(found[static_cast<std::int32_t>(i)], static_cast<std::int64_t>(at));
    }
  }
}

const std::string kProblem =
    "A farmer has seventeen sheep and all but nine of them run away into the hills; how many sheep are left with him?";

class Decontaminate : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file(folder_ / "tests.jsonl", to_line({{"question", kProblem}, {"answer", "Nine."}}) + "\n");
    config_.tests = {(folder_ / "tests.jsonl").string()};
  }
  TestFolder folder_;
  DecontaminateConfig config_;
};

TEST_F(Decontaminate, DropsWhatHoldsATestItemInOtherTypography) {
  const Decontaminator judge(config_);
  const std::string page = "Riddles.\n\nQ: a FARMER has seventeen sheep, and all but nine of them run away (into the hills)!";
  const auto verdict = judge.judge(page);
  ASSERT_EQ(verdict.found.size(), 1U);
  EXPECT_FALSE(verdict.text.has_value());
  EXPECT_EQ(verdict.found[0].n, 13);
  EXPECT_NE(verdict.found[0].test.find("tests.jsonl:1 question"), std::string::npos);
  EXPECT_EQ(page.substr(static_cast<std::size_t>(verdict.found[0].offset), 8), "a FARMER");
  EXPECT_EQ(page.substr(static_cast<std::size_t>(verdict.found[0].offset + verdict.found[0].bytes)), ")!");
  EXPECT_NEAR(verdict.found[0].coverage, 16.0 / 23, 1e-9);
  EXPECT_TRUE(judge.judge("A farmer has seventeen sheep and all but nine of them ran away.").found.empty());
  config_.min_coverage = 0.8;
  EXPECT_TRUE(Decontaminator(config_).judge(page).found.empty());
}

TEST_F(Decontaminate, CutsTheHitAndKeepsTheRest) {
  config_.action = "cut";
  config_.margin_bytes = 10;
  const Decontaminator judge(config_);
  std::string before, after;
  for (int i = 0; i < 50; ++i) before += "first" + std::to_string(i) + " ", after += " last" + std::to_string(i);
  const auto verdict = judge.judge(before + kProblem + after);
  ASSERT_TRUE(verdict.text.has_value());
  EXPECT_EQ(verdict.text->find("sheep"), std::string::npos);
  EXPECT_NE(verdict.text->find("first0 "), std::string::npos);
  EXPECT_NE(verdict.text->find(" last49"), std::string::npos);
  EXPECT_EQ(verdict.text->find("first49"), std::string::npos) << "within the margin";
  EXPECT_FALSE(judge.judge(kProblem).text.has_value()) << "nothing worth keeping is left";
  config_.action = "report";
  EXPECT_EQ(Decontaminator(config_).judge(kProblem).text, kProblem);
}

TEST_F(Decontaminate, WrongConfigurationsAreNamed) {
  auto bad = config_;
  bad.action = "delete";
  EXPECT_THROW(Decontaminator{bad}, Error);
  bad = config_;
  bad.ngrams = {0};
  EXPECT_THROW(Decontaminator{bad}, Error);
  bad = config_;
  bad.fields = {"nothing"};
  EXPECT_THROW(Decontaminator{bad}, Error);
  bad = config_;
  bad.tests = {(folder_ / "none").string()};
  EXPECT_THROW(Decontaminator{bad}, Error);
}

TEST(TestTexts, DottedPathsListsAndArrays) {
  const TestFolder folder;
  write_file(folder / "a.json",
             R"([{"id":1,"metadata":{"unprocessed_answers":"x y"}},{"metadata":{"unprocessed_answers":["p","q"]}}])");
  const TestTexts texts = read_test_texts({(folder / "a.json").string()}, {"metadata.unprocessed_answers"}, true);
  EXPECT_EQ(texts.texts, (List{"x y", "p", "q"}));
  EXPECT_EQ(texts.items, (std::vector<std::int64_t>{0, 1, 1}));
  EXPECT_EQ(texts.records.size(), 2U);
  write_file(folder / "b.jsonl", "{\"problem\":\"p\"}\n[3]\n");
  EXPECT_THROW(read_test_texts({(folder / "b.jsonl").string()}, {"problem"}), Error);
}

}  // namespace
}  // namespace corollary
