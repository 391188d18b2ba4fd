#include "corpus/stats.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

TEST(Stats, CountsByMetaElseByPath) {
  const TestFolder folder;
  write_file(folder / "code/train.jsonl",
             "{\"text\":\"\u2203x\",\"meta\":{\"subset\":\"code\",\"language\":\"coq\"}}\n{\"text\":\"y\",\"meta\":{\"lang\":"
             "\"lean\"}}\n");
  write_file(folder / "rejected.jsonl", "{\"path\":\"x\"}\n");
  const auto rows = corpus_stats(folder.path());
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].language, "coq");
  EXPECT_EQ(rows[0].split, "train");
  EXPECT_EQ(rows[0].bytes, 4);
  EXPECT_EQ(rows[1].subset, "code");
  EXPECT_EQ(rows[1].language, "lean");
  EXPECT_EQ(corpus_stats(folder / "code/train.jsonl").size(), 2U);
}

TEST(Stats, WhatIsNoCorpusSaysSo) {
  const TestFolder folder;
  EXPECT_THROW(corpus_stats(folder.path()), Error);
  EXPECT_THROW(corpus_stats(folder / "none"), Error);
  write_file(folder / "a.jsonl", "{}\n");
  EXPECT_THROW(corpus_stats(folder.path()), Error);
}

}  // namespace
}  // namespace corollary
