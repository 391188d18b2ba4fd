#include "corpus/text.h"

#include <gtest/gtest.h>

namespace corollary {
namespace {

TEST(Text, FindsTheFirstInvalidByte) {
  EXPECT_EQ(invalid_utf8_at("plain, caf\u00e9, \u2203x, \U0001d538"), std::nullopt);
  EXPECT_EQ(invalid_utf8_at("ab\xff"), 2);
  EXPECT_EQ(invalid_utf8_at("\xc0\xaf"), 0);          // overlong
  EXPECT_EQ(invalid_utf8_at("a\xed\xa0\x80"), 1);     // surrogate
  EXPECT_EQ(invalid_utf8_at("\xf4\x90\x80\x80"), 0);  // above U+10FFFF
  EXPECT_EQ(invalid_utf8_at("ok\xe2\x88"), 2);        // cut off
}

TEST(Text, ReplacesEachInvalidPieceOnce) {
  EXPECT_EQ(replace_invalid_utf8("a\xe2\x88z\xff\xfe"), "a\uFFFDz\uFFFD\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\u2203"), "\u2203");
}

TEST(Text, EncodesCodePoints) {
  std::string out;
  for (const std::uint32_t c : {0x41u, 0xe9u, 0x2203u, 0x1d538u, 0xd800u, 0x110000u}) append_utf8(out, c);
  EXPECT_EQ(out, "A\u00e9\u2203\U0001d538\uFFFD\uFFFD");
}

TEST(Text, ConvertsCharsets) {
  EXPECT_EQ(to_utf8("caf\xe9 \x93x\x94", "ISO-8859-1"), "caf\u00e9 \u201cx\u201d");  // as browsers do: windows-1252
  EXPECT_EQ(to_utf8("\x83\x72", "Shift_JIS"), "\u30d3");
  EXPECT_EQ(to_utf8("caf\xc3\xa9", "no-such-charset"), "caf\u00e9");
  EXPECT_EQ(to_utf8("a\x83", "shift_jis"), "a\uFFFD");
}

TEST(Text, NormalizesNewlines) {
  EXPECT_EQ(normalize_newlines("\xEF\xBB\xBF"
                               "a\r\nb\rc\n"),
            "a\nb\nc\n");
  EXPECT_EQ(normalize_newlines(std::string_view("a\0b", 3)), "ab");
}

TEST(Text, TidiesLines) {
  EXPECT_EQ(tidy_lines("\n\n a  \n\n\n\nb\t\nc\n\n"), " a\n\nb\nc\n");
  EXPECT_EQ(tidy_lines(" \n\t\n"), "");
}

}  // namespace
}  // namespace corollary
