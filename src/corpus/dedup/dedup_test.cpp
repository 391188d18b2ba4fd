#include "corpus/dedup/dedup.h"

#include <gtest/gtest.h>

namespace corollary {
namespace {

std::string numbered(int from, int to) {
  std::string out;
  for (int i = from; i < to; ++i) out += "line " + std::to_string(i) + "\n";
  return out;
}

TEST(Dedup, SameTextButForWhiteSpace) {
  Deduplicator seen;
  EXPECT_FALSE(seen.add(fingerprint("a b\nc", false), "x"));
  const auto rejection = seen.add(fingerprint("  a\tb c\n\n", false), "y");
  ASSERT_TRUE(rejection.has_value());
  EXPECT_EQ(rejection->reason, "duplicate_document");
  EXPECT_FALSE(seen.add(fingerprint("ab c", false), "x"));
}

TEST(Dedup, AlignedChunksWithinALanguage) {
  const std::string head = numbered(0, 1000).substr(0, 2048);
  Deduplicator seen;
  EXPECT_FALSE(seen.add(fingerprint(head + "one", true), "coq"));
  EXPECT_FALSE(seen.add(fingerprint(head + "two", true), "lean")) << "another language";
  const auto rejection = seen.add(fingerprint(head + "three", true), "coq");
  ASSERT_TRUE(rejection.has_value());
  EXPECT_EQ(rejection->reason, "duplicate_chunk");
  EXPECT_FALSE(seen.add(fingerprint("x" + head + "four", true), "coq")) << "not aligned";
  EXPECT_FALSE(seen.add(fingerprint(head.substr(0, 2047), true), "coq")) << "a tail has no chunk";
}

TEST(Dedup, OffsetsAndCharactersNotBytes) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += i % 3 == 0 ? "\u2203" : std::to_string(i % 10);
  const Fingerprint print = fingerprint(text, true);
  ASSERT_EQ(print.chunks.size(), 2U);
  EXPECT_EQ(print.chunks[0].offset, 0);
  EXPECT_EQ(print.chunks[1].offset, 683 * 3 + 1365);  // of 2048 characters every third has 3 bytes
}

TEST(Dedup, ADocumentDoesNotRepeatItself) {
  Deduplicator seen;
  EXPECT_FALSE(seen.add(fingerprint(std::string(5 * 2048, 'x'), true), "coq"));
  EXPECT_TRUE(seen.add(fingerprint(std::string(2048, 'x') + "y", true), "coq"));
}

TEST(Dedup, ChunksOfDuplicatesCountAsSeen) {
  Deduplicator seen;
  const std::string a = numbered(0, 1000).substr(0, 2048), b = numbered(5000, 6000).substr(0, 2048);
  EXPECT_FALSE(seen.add(fingerprint(a, true), "coq"));
  EXPECT_TRUE(seen.add(fingerprint(a + b, true), "coq"));
  EXPECT_TRUE(seen.add(fingerprint(b + "tail", true), "coq"));
}

}  // namespace
}  // namespace corollary
