#include "corpus/stats.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/random.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

TEST(Stats, CountsByMetaElseByPath) {
  const TestFolder folder;
  write_file(folder / "code/train.jsonl",
             "{\"text\":\"\u2203x\",\"meta\":{\"subset\":\"code\",\"language\":\"coq\"}}\n{\"text\":\"y\",\"meta\":{\"lang\":"
             "\"lean\",\"record\":{\"repo\":\"a/b\"}}}\n");
  write_file(folder / "web/validation/web-00001.jsonl",
             "{\"text\":\"page\",\"meta\":{\"record\":{\"url\":\"https://www.Example.org:8/a\"}}}\n");
  write_file(folder / "rejected.jsonl", "{\"path\":\"x\"}\n");
  write_file(folder / ".work/extract/code-00000.jsonl", "{\"text\":\"unfinished\"}\n");
  const CorpusReport report =
      corpus_stats(folder.path(), [](std::string_view text) { return static_cast<std::int64_t>(text.size()) / 2; });
  const auto& rows = report.rows;
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].language, "coq");
  EXPECT_EQ(rows[0].split, "train");
  EXPECT_EQ(rows[0].bytes, 4);
  EXPECT_EQ(rows[0].tokens, 2);
  EXPECT_EQ(rows[1].subset, "code");
  EXPECT_EQ(rows[1].language, "lean");
  EXPECT_EQ(rows[2].subset, "web");
  EXPECT_EQ(rows[2].split, "validation");
  ASSERT_EQ(report.origins.size(), 3U);
  EXPECT_EQ(report.origins[1].name, "a/b");
  EXPECT_EQ(report.origins[2].name, "example.org");
  EXPECT_EQ(corpus_stats(folder / "code/train.jsonl").rows.size(), 2U);
  EXPECT_EQ(corpus_stats(folder / "code/train.jsonl").rows[0].tokens, -1);
}

TEST(Stats, WhatIsNoCorpusSaysSo) {
  const TestFolder folder;
  EXPECT_THROW(corpus_stats(folder.path()), Error);
  EXPECT_THROW(corpus_stats(folder / "none"), Error);
  write_file(folder / "a.jsonl", "{}\n");
  EXPECT_THROW(corpus_stats(folder.path()), Error);
}

TEST(LengthHistogram, QuantilesAreWithinABucketOfTheTruth) {
  Random random(3);
  std::vector<std::int64_t> lengths;
  LengthHistogram all, half;
  for (int i = 0; i < 20'000; ++i) {
    lengths.push_back(random.below(1 + (std::int64_t{1} << random.below(30))));
    (i % 2 == 0 ? all : half).add(lengths.back());
  }
  all.add(half);
  std::sort(lengths.begin(), lengths.end());
  EXPECT_EQ(all.count(), 20'000);
  EXPECT_EQ(all.least(), lengths.front());
  EXPECT_EQ(all.most(), lengths.back());
  for (const double q : {0.05, 0.25, 0.5, 0.75, 0.95}) {
    const auto truth = static_cast<double>(lengths[static_cast<std::size_t>(q * 20'000)]);
    EXPECT_LE(static_cast<double>(all.quantile(q)), truth);
    EXPECT_GE(static_cast<double>(all.quantile(q)), truth * 8 / 9 - 1) << q;
  }
  std::int64_t sum = 0;
  for (std::size_t octave = 0; octave < LengthHistogram::kOctaves; ++octave) sum += all.in_octave(octave);
  EXPECT_EQ(sum, 20'000);
  LengthHistogram huge;
  huge.add((std::int64_t{1} << 61) + 5);
  EXPECT_EQ(huge.most(), (std::int64_t{1} << 61) + 5);
  EXPECT_EQ(LengthHistogram().quantile(0.5), 0);
}

}  // namespace
}  // namespace corollary
