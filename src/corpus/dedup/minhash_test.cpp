#include "corpus/dedup/minhash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/compress.h"
#include "base/json.h"
#include "base/random.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "corpus/dedup/simplify.h"
#include "corpus/document.h"
#include "corpus/sources/process.h"

namespace corollary {
namespace {

std::string simplified(std::string_view text) {
  std::string out;
  simplify_text(text, out);
  return out;
}

TEST(Simplify, OneRuleAtATime) {
  EXPECT_EQ(simplified("  The\t QUICK\n\nfox. "), "the quick fox");
  EXPECT_EQ(simplified("it's 3,141.59 and 2024-11-26"), "its 0 and 0");
  EXPECT_EQ(simplified("a - b"), "a b");
  EXPECT_EQ(simplified("Caf\u00e9 na\u00efve \u00c5ngstr\u00f6m"), "cafe naive angstrom");
  EXPECT_EQ(simplified("e\u0301"), "e") << "already decomposed";
  EXPECT_EQ(simplified("\u0661\u0662 \u0967"), "0 0") << "Arabic and Devanagari digits";
  EXPECT_EQ(simplified("\u0391\u03a3 \u03a3\u0391"), "\u03b1\u03c2 \u03c3\u03b1") << "final sigma";
  EXPECT_EQ(simplified("\ud55c"), "\u1112\u1161\u11ab") << "Jamo";
  EXPECT_EQ(simplified("\uff11\u3000\u300cx\u300d"), "x");
  EXPECT_EQ(simplified("x \u2200 y"), "x \u2200 y");
}

TEST(Simplify, Hostile) {
  EXPECT_EQ(simplified(""), "");
  EXPECT_EQ(simplified(" \n "), "");
  EXPECT_EQ(simplified("a\xff\xfe b\xe2\x88"), "a\ufffd\ufffd b\ufffd\ufffd");
  EXPECT_EQ(simplified("\xed\xa0\x80"), "\ufffd\ufffd\ufffd") << "a surrogate";
  EXPECT_EQ(simplified(std::string(3, '\0') + "a"), "a");
  std::string notes;  // 4 bytes that become 12, too many for the first guess
  for (int i = 0; i < 10000; ++i) notes += "\U0001d161";
  EXPECT_EQ(simplified(notes).size(), 120000U);
}

std::string word(std::uint64_t number) {
  std::string out;
  for (; number > 0; number /= 26) out += static_cast<char>('a' + number % 26);
  return out;
}

/// Two texts of distinct words that share `common` and have `own` each.
std::pair<std::string, std::string> pair_with(Random& random, int common, int own) {
  std::pair<std::string, std::string> texts;
  const auto fresh = [&] { return word(std::uint64_t{random.next_u32()} << 16 | random.next_u32() >> 16) + " "; };
  for (int i = 0; i < common; ++i) {
    const std::string shared = fresh();
    texts.first += shared, texts.second += shared;
  }
  for (int i = 0; i < own; ++i) texts.first += fresh(), texts.second += fresh();
  return texts;
}

class MinhashFamily : public ::testing::TestWithParam<const char*> {};

TEST_P(MinhashFamily, EstimatesAreUnbiasedWithTheVarianceOfIndependentRows) {
  const MinHasher hasher({.ngram_size = 1, .hash = GetParam()});
  constexpr int kPairs = 3000;
  for (const auto& [common, own] : {std::pair{5, 5}, {30, 15}, {120, 15}, {200, 400}}) {
    Random random(7, static_cast<std::uint64_t>(common));
    const double s = common / static_cast<double>(common + 2 * own);
    double sum = 0, sum_sq = 0;
    std::vector<std::uint64_t> a, b;
    for (int i = 0; i < kPairs; ++i) {
      const auto [first, second] = pair_with(random, common, own);
      ASSERT_TRUE(hasher.signature(first, a) && hasher.signature(second, b));
      const double error = estimated_jaccard(a, b) - s;
      sum += error, sum_sq += error * error;
    }
    const double variance = s * (1 - s) / 112;
    EXPECT_NEAR(sum / kPairs, 0, 4 * std::sqrt(variance / kPairs)) << "at s = " << s;
    EXPECT_NEAR(sum_sq / kPairs / variance, 1, 4 * std::sqrt(2.0 / kPairs)) << "at s = " << s;
  }
}

TEST_P(MinhashFamily, BandsFollowTheSCurve) {
  const MinHasher hasher({.ngram_size = 1, .hash = GetParam()});
  constexpr int kPairs = 1500;
  for (const int common : {30, 50, 60, 70, 75, 80, 85, 90, 95}) {
    Random random(11, static_cast<std::uint64_t>(common));
    const int own = 100 - common;  // of 2 * 100: s = common / (200 - common)
    const double s = common / (200.0 - common), expected = 1 - std::pow(1 - std::pow(s, 8), 14);
    int found = 0;
    std::vector<std::uint64_t> a, b, bands_a, bands_b;
    for (int i = 0; i < kPairs; ++i) {
      const auto [first, second] = pair_with(random, common, own);
      ASSERT_TRUE(hasher.signature(first, a) && hasher.signature(second, b));
      hasher.band_hashes(a, bands_a), hasher.band_hashes(b, bands_b);
      bool is_candidate = false;
      for (std::size_t band = 0; band < bands_a.size(); ++band) is_candidate |= bands_a[band] == bands_b[band];
      found += is_candidate;
    }
    EXPECT_NEAR(found / double{kPairs}, expected, 4 * std::sqrt(expected * (1 - expected) / kPairs) + 2.0 / kPairs)
        << "at s = " << s;
  }
}
INSTANTIATE_TEST_SUITE_P(Families, MinhashFamily, ::testing::Values("corollary", "datatrove"));

TEST(Minhash, VectorCodeOfEveryInstructionSetMatchesTheFormula) {
  Random random(3);
  const auto draw = [&] { return std::uint64_t{random.next_u32()} << 32 | random.next_u32(); };
  constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;
  const std::int64_t targets = hwy::SupportedTargets();
  for (std::int64_t left = targets; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    for (const std::int64_t rows : {1, 7, 63, 64, 65, 112, 130}) {
      const auto padded = static_cast<std::size_t>((rows + 63) / 64 * 64);
      std::vector<std::uint64_t> factors(padded), terms(padded), minima(padded, kPrime), x(37);
      std::vector<std::uint32_t> narrow_factors(padded), narrow(padded, 0xffffffff);
      for (auto* values : {&factors, &terms, &x})
        for (auto& value : *values) value = draw();
      for (auto& value : narrow_factors) value = random.next_u32();
      x[0] = 0, x[1] = ~std::uint64_t{0};
      minhash::update_mersenne(minima.data(), factors.data(), terms.data(), rows, x.data(), std::ssize(x));
      minhash::update_narrow(narrow.data(), narrow_factors.data(), rows, x.data(), std::ssize(x));
      for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
        std::uint64_t least = kPrime;
        std::uint32_t least_narrow = 0xffffffff;
        for (const std::uint64_t value : x) {
          least = std::min(least, (factors[i] * value + terms[i]) % kPrime);
          least_narrow = std::min(least_narrow,
                                  narrow_factors[i] * static_cast<std::uint32_t>(value) + static_cast<std::uint32_t>(value >> 32));
        }
        ASSERT_EQ(minima[i], least) << "row " << i << " of " << rows;
        ASSERT_EQ(narrow[i], least_narrow) << "row " << i << " of " << rows;
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(Minhash, DatatroveRowsComputedByPython) {  // bench/peers/numpy_minhash.py, 4 rows of 5 words
  const MinHasher hasher({.num_bands = 1, .rows_per_band = 4, .hash = "datatrove"});
  std::vector<std::uint64_t> rows;
  ASSERT_TRUE(hasher.signature(
      "The quick brown fox jumps over the lazy dog, 1,024 times: caf\u00e9 na\u00efve \u0391\u03a3 \ud55c\uae00!", rows));
  EXPECT_EQ(rows, (std::vector<std::uint64_t>{0x1a10a3766a5db31, 0x7cf7c5470a629, 0x28bd6f53475e159, 0xcb37cf59dcb52fb}));
}

TEST(Minhash, DatatroveRowsOnRealDocuments) {
  const fs::path data = fs::path(COROLLARY_SOURCE_DIR) / ".." / "shared" / "data" / "corpus";
  const fs::path oracle = fs::path(COROLLARY_SOURCE_DIR) / "bench" / "peers" / "numpy_minhash.py";
  if (!fs::exists(data)) GTEST_SKIP() << "no ../shared/data";
  if (run_process({"/usr/bin/python3", "-c", "import numpy, xxhash"}, data).status != 0)
    GTEST_SKIP() << "no python3-numpy, python3-xxhash";
  std::vector<std::string> texts;
  TestFolder folder;
  std::string lines;
  for (const char* name : {"general.jsonl.zst", "cc_en_head-0091.jsonl.zst", "source/agda.jsonl.zst", "source/tex.jsonl.zst"}) {
    LineReader reader(data / name);
    for (int i = 0; i < 60; ++i) {
      const auto line = reader.next();
      if (!line) break;
      texts.push_back(document_from_line(*line, name).text);
      lines += to_line(texts.back()) + "\n";
    }
  }
  write_file(folder / "texts.jsonl", lines);
  const ProcessResult python = run_process({"/usr/bin/python3", oracle.string(), "texts.jsonl", "112", "5", "1", "--rows"},
                                           folder.path(), std::size_t{1} << 26);
  ASSERT_EQ(python.status, 0) << python.err;
  const MinHasher hasher({.hash = "datatrove"});
  std::size_t at = 0, equal = 0;
  for (const std::string& text : texts) {
    const std::size_t end = python.out.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    std::string ours;
    std::vector<std::uint64_t> rows;
    hasher.signature(text, rows);
    for (const std::uint64_t row : rows) {
      char digits[20];
      std::snprintf(digits, sizeof digits, "%llx", static_cast<unsigned long long>(row));
      ours += (ours.empty() ? "" : " ") + std::string(digits);
    }
    EXPECT_EQ(ours, python.out.substr(at, end - at)) << text.substr(0, 200);
    equal += ours == python.out.substr(at, end - at);
    at = end + 1;
  }
  EXPECT_EQ(equal, texts.size());
}

TEST(Minhash, ShortTextsHaveNoSignature) {
  const MinHasher hasher({});
  std::vector<std::uint64_t> rows = {1}, bands = {1};
  EXPECT_FALSE(hasher.signature("", rows));
  EXPECT_TRUE(rows.empty());
  EXPECT_FALSE(hasher.signature("one two three four", rows));
  EXPECT_FALSE(hasher.signature("one two - three ... four", rows)) << "punctuation is no word";
  hasher.band_hashes(rows, bands);
  EXPECT_TRUE(bands.empty());
  EXPECT_TRUE(hasher.signature("one two three four five", rows));
  EXPECT_EQ(rows.size(), 112U);
}

TEST(Minhash, RepeatsAndOrderOfParagraphsHardlyMatter) {
  const MinHasher hasher({});
  std::vector<std::uint64_t> a, b;
  const std::string text = "let x be a point of the space and y another such that x and y lie apart ";
  ASSERT_TRUE(hasher.signature(text + text, a) && hasher.signature(text + text + text, b));
  EXPECT_EQ(a, b) << "a set counts nothing twice";
}

TEST(Minhash, CharactersAsUnits) {
  const MinHasher hasher({.num_bands = 20, .rows_per_band = 13, .ngram_size = 24, .ngram_unit = "character"});
  std::vector<std::uint64_t> a, b;
  EXPECT_FALSE(hasher.signature("\u2200\u2203\u2200\u2203", a));
  ASSERT_TRUE(hasher.signature("For all x there is a y such that x < y.", a));
  ASSERT_TRUE(hasher.signature("for ALL x there  is a y, such that x < y", b));
  EXPECT_EQ(a, b);
  ASSERT_TRUE(hasher.signature("for no x is there a y such that y < x at all", b));
  EXPECT_LT(estimated_jaccard(a, b), 0.3);
}

TEST(Minhash, HugeTexts) {
  const MinHasher hasher({});
  std::vector<std::uint64_t> rows;
  EXPECT_FALSE(hasher.signature(std::string(30'000'000, 'x'), rows)) << "one word";
  std::string words;
  while (words.size() < 5'000'000) words += "a b ";
  EXPECT_TRUE(hasher.signature(words, rows));
}

TEST(Minhash, ConfigurationsThatCannotBe) {
  EXPECT_THAT(error_of([] { MinHasher({.num_bands = 0}); }), ::testing::HasSubstr("num_bands"));
  EXPECT_THAT(error_of([] { MinHasher({.ngram_size = 0}); }), ::testing::HasSubstr("ngram_size"));
  EXPECT_THAT(error_of([] { MinHasher({.ngram_unit = "byte"}); }), ::testing::HasSubstr("ngram_unit"));
  EXPECT_THAT(error_of([] { MinHasher({.hash = "md5"}); }), ::testing::HasSubstr("datatrove"));
}

}  // namespace
}  // namespace corollary
