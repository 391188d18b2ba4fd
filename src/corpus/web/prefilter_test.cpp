#include "corpus/web/prefilter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/files.h"
#include "corpus/sources/warc_source.h"
#include "corpus/web/html_text.h"
#include "corpus/web/math_marks.h"

namespace corollary {
namespace {

using namespace std::string_literals;

std::string rule_of(std::string_view html, const PrefilterConfig& config = {}, const TextOfPage& text = {},
                    const MathScore& score = {}) {
  const auto verdict = prefilter_page(html, config, text, score);
  EXPECT_EQ(verdict.rejection.has_value(), verdict.rule.empty());
  if (verdict.rejection) return verdict.rejection->reason;
  return std::string(verdict.rule) + (verdict.mark.empty() ? "" : " " + std::string(verdict.mark));
}

TEST(MathMarks, AsSlowSearchFindsThem) {
  std::mt19937 random(1);
  const auto slow = [](std::string_view bytes) {
    std::vector<std::pair<std::int64_t, int>> all;  // markers by their offset, then 100 + command or 99
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::string_view rest = bytes.substr(i);
      for (std::size_t m = 0; m < kMathMarkers.size(); ++m)
        if (rest.starts_with(kMathMarkers[m])) all.emplace_back(i, m);
      if (rest.size() < 3 || rest[0] != '\\' || !std::islower(rest[1]) || !std::islower(rest[2])) continue;
      int which = 99;
      for (std::size_t c = kMathCommands.size(); c-- > 0;)
        if (rest.substr(1).starts_with(kMathCommands[c])) which = 100 + static_cast<int>(c);
      all.emplace_back(i, which);
    }
    return all;
  };
  std::vector<std::string> pieces = {"\\",   "a",    "math",  "Math",     "tex", " ",  "\n", "<",
                                     "cogs", "\\ab", "\\u00", "\xc3\xa9", "\0"s, "ma", "te", "co"};
  for (const auto marker : kMathMarkers) pieces.emplace_back(marker);
  for (const auto command : kMathCommands) pieces.push_back("\\" + std::string(command));
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (unsigned n = random() % 60; n > 0; --n) {
      std::string piece = pieces[random() % pieces.size()];
      if (random() % 3 == 0) piece.resize(random() % (piece.size() + 1));
      bytes += piece + std::string(random() % 4 == 0 ? random() % 40 : 0, 'x');
    }
    std::vector<std::pair<std::int64_t, int>> fast;
    for (std::int64_t from = 0;;) {
      const MathHit hit = find_math_mark(bytes, from);
      if (hit.offset < 0) break;
      fast.emplace_back(hit.offset, hit.mark == MathMark::marker    ? hit.which
                                    : hit.mark == MathMark::command ? 100 + hit.which
                                                                    : 99);
      // A marker is found by letters inside it: the next search begins behind those.
      from = hit.mark == MathMark::marker
                 ? hit.offset + static_cast<std::int64_t>(kMathMarkers[static_cast<std::size_t>(hit.which)].size())
                 : hit.offset + 1;
    }
    auto expected = slow(bytes);
    for (std::size_t i = 0; i + 1 < expected.size(); ++i)  // "<mathjax": of two that share their four letters the first of the list
      if (expected[i].second == 2 && expected[i + 1].first == expected[i].first + 1 &&
          (expected[i + 1].second == 1 || expected[i + 1].second == 3))
        expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(expected[i + 1].second == 1 ? i : i + 1));
    ASSERT_EQ(fast, expected) << bytes;
  }
}

TEST(Prefilter, Markers) {
  for (const auto marker : kMathMarkers)
    for (std::size_t before : {0, 1, 31, 32, 61, 64, 200}) {
      const std::string page = std::string(before, 'm') + " " + std::string(marker) + "x";
      EXPECT_EQ(rule_of(page), "marker " + std::string(marker));
      EXPECT_EQ(prefilter_page(page).offset, static_cast<std::int64_t>(before) + 1);
    }
  for (const char* page : {"", "<p>mathematics, latex, texts, class=\"text\"</p>", "MATHJAX", "\\", "\\a", "katex.css", "< math"})
    EXPECT_EQ(rule_of(page), "no_math") << page;
}

TEST(Prefilter, CommandsCountInTextOnly) {
  EXPECT_EQ(rule_of("<p>so \\frac12 is</p>"), "command frac");
  EXPECT_EQ(rule_of("\\sum"), "command sum");
  EXPECT_EQ(rule_of("<p>\\includes</p>"), "command in") << "plain substrings, as upstream";
  EXPECT_EQ(rule_of("<p>\\foo C:\\windows \\Frac \\n</p>"), "no_math");
  for (const char* page : {"<script>var a = '\\begin'</script>", "<style>a{b:'\\alpha'}</style>", "<!-- \\frac -->",
                           "<p title='\\frac'>", "<p title=\"> \\frac\">", "<SCRIPT type=x>\\to</p>\\to</SCRIPT >", "<script>\\to"})
    EXPECT_EQ(rule_of(page), "no_math") << page;
  EXPECT_EQ(rule_of("<script>\\begin</script><p>\\begin"), "command begin");
  EXPECT_EQ(rule_of("<!-- x -->\\int<script>\\begin</script>"), "command int");
  EXPECT_EQ(rule_of("a < b and \\leq"), "command leq");
  EXPECT_EQ(page_text("<p>a<b>b</b></p><script>x</script>c < d"), "a b c   d");
}

TEST(Prefilter, TextOfTheCaller) {
  const auto only = [](std::string text) { return TextOfPage([text](std::string_view) { return text; }); };
  EXPECT_EQ(rule_of("<p>\\foo &#92;frac", {}, only("\\foo \\frac")), "command frac");
  EXPECT_EQ(rule_of("<nav>\\frac</nav>", {}, only("")), "no_math") << "not in the text";
  EXPECT_EQ(rule_of("<p>&#92;frac", {}, only("\\frac")), "no_math") << "no backslash in the page: not asked";
}

TEST(Prefilter, ScoreIsAFallback) {
  const std::string text(501, 'x'), page = "<p>" + text;
  const auto score = [](double value) { return MathScore([value](std::string_view) { return value; }); };
  EXPECT_EQ(rule_of(page, {}, {}, score(0.81)), "math_score");
  EXPECT_EQ(rule_of(page, {}, {}, score(0.8)), "no_math");
  EXPECT_EQ(rule_of("<p>" + text.substr(1), {}, {}, score(0.81)), "no_math") << "500 characters";
  EXPECT_EQ(rule_of(page, {.as_published = true}, {}, score(0.81)), "no_math") << "the quirk: only with a backslash";
  EXPECT_EQ(rule_of(page + "\\foo", {.as_published = true}, {}, score(0.81)), "math_score");
  std::string accents;
  for (int i = 0; i < 300; ++i) accents += "\xc3\xa9";
  EXPECT_EQ(rule_of(accents, {}, {}, score(0.9)), "no_math") << "300 characters, 600 bytes";
}

TEST(Prefilter, Utf16) {
  std::string wide = "\xff\xfe";
  for (const char c : "<p>\\frac"s) wide += c, wide += '\0';
  EXPECT_EQ(rule_of(wide), "command frac");
}

TEST(Prefilter, RealPages) {
  const fs::path html = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/corpus/html";
  if (!fs::exists(html)) GTEST_SKIP() << "no shared data at " << html;
  const auto count = [&](const char* name, const TextOfPage& text) {
    WarcSource source(html / name, name);
    std::pair<int, int> passed_all;
    while (const auto record = source.next()) {
      ++passed_all.second;
      passed_all.first += !prefilter_page(record->bytes, {}, text).rejection;
    }
    return passed_all;
  };
  const auto extracted = [](std::string_view page) { return html_to_text(page).text; };
  const auto math = count("pages_math.warc.gz", {}), general = count("pages_general.warc.gz", {});
  EXPECT_GE(math.first, math.second * 9 / 10);
  EXPECT_LE(general.first, general.second * 4 / 10);
  EXPECT_LE(count("pages_math.warc.gz", extracted).first, math.first);
  RecordProperty("math", std::to_string(math.first) + " of " + std::to_string(math.second));
  std::printf("passed: math %d of %d, general %d of %d\n", math.first, math.second, general.first, general.second);
}

}  // namespace
}  // namespace corollary
