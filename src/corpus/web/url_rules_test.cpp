#include "corpus/web/url_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_error.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

std::string blocked_by(std::string_view url, const UrlRules& rules = UrlRules()) {
  const auto rejection = rules.judge(url);
  if (!rejection) return "";
  EXPECT_EQ(rejection->reason, "url_blocked");
  return rejection->detail;
}

TEST(UrlRules, Known) {
  const UrlRules published({.as_published = true});
  EXPECT_EQ(blocked_by("https://www.ncbi.nlm.nih.gov/pmc/1"), "nih.gov");
  EXPECT_EQ(blocked_by("https://www.unz.com/a"), "unz.com");
  EXPECT_EQ(blocked_by("https://math.stackexchange.com/users/1"), "stackexchange.com/users");
  EXPECT_EQ(blocked_by("https://github.com/a/b/commit/1"), "/commit");
  EXPECT_EQ(blocked_by("https://a.org/search?q=1"), "/search");
  EXPECT_EQ(blocked_by("https://search.a.org/x"), "");
  EXPECT_EQ(blocked_by("https://search.a.org/search"), "") << "the published exception";
  EXPECT_EQ(blocked_by("https://math.stackexchange.com/questions/1"), "");
  EXPECT_EQ(blocked_by("https://en.wikipedia.org/wiki/A"), "");
  EXPECT_EQ(blocked_by(""), "");
  // Substrings that only look like the domain.
  EXPECT_EQ(blocked_by("https://www.kunz.com/a"), "");
  EXPECT_EQ(blocked_by("https://www.kunz.com/a", published), "unz.com");
  EXPECT_EQ(blocked_by("https://a.org/?u=http://scribd.com/"), "");
  EXPECT_EQ(blocked_by("https://a.org/?u=http://scribd.com/", published), "scribd.com");
  // The missing commas.
  for (const char* url : {"https://a.org/authors/b", "https://a.org/serials/b", "https://read.dukeupress.edu/x"}) {
    EXPECT_NE(blocked_by(url), "") << url;
    EXPECT_EQ(blocked_by(url, published), "") << url;
  }
}

TEST(UrlRules, FileOfTheUser) {
  const TestFolder folder;
  write_file(folder / "list.txt", "# mine\n\ndomain:Example.com\r\nsurt:org,a)/private\n surt:uk,ac\nforum-of\n");
  const UrlRules rules({.url_blocklist = (folder / "list.txt").string()});
  EXPECT_EQ(blocked_by("http://EXAMPLE.com:8080/", rules), "example.com");
  EXPECT_EQ(blocked_by("http://user@b.example.com", rules), "example.com");
  EXPECT_EQ(blocked_by("http://badexample.com/", rules), "");
  EXPECT_EQ(blocked_by("http://www.a.org/private/1", rules), "org,a)/private");
  EXPECT_EQ(blocked_by("http://a.org/privately", rules), "");
  EXPECT_EQ(blocked_by("http://ox.ac.uk/", rules), "uk,ac");
  EXPECT_EQ(blocked_by("http://forum-of.org/", rules), "forum-of");
  write_file(folder / "bad.txt", "x\ndomain:\n");
  EXPECT_THAT(error_of([&] { UrlRules({.url_blocklist = (folder / "bad.txt").string()}); }), ::testing::HasSubstr("line 2"));
}

TEST(UrlRules, Surt) {
  EXPECT_EQ(surt("HTTP://www.A.org:80/b?c#d"), "org,a)/b?c");
  EXPECT_EQ(surt("https://x.y.co.uk"), "uk,co,y,x)/");
  EXPECT_EQ(surt("http://a.org:8080/"), "org,a:8080)/");
  EXPECT_EQ(surt("a.org/http://b.org"), "org,a)/http://b.org");
  EXPECT_EQ(surt(""), ")/");
  EXPECT_EQ(url_host("http://[::1]:80/"), "[::1]:80");
  EXPECT_EQ(url_host("http://a.org./x"), "a.org");
}

TEST(ManualFilter, Text) {
  const UrlRules rules;
  const std::string hundred(100, 'x');
  const auto reason = [&](std::string_view url, std::string_view text) {
    const auto result = manual_filter(rules, url, text);
    return result.rejection ? result.rejection->reason : "";
  };
  EXPECT_EQ(reason("http://a.org", hundred), "");
  EXPECT_EQ(reason("http://a.org", hundred.substr(1)), "too_short");
  EXPECT_EQ(reason("http://scribd.com", hundred), "url_blocked");
  EXPECT_EQ(manual_filter(rules, "http://a.org", "\\newcommand a\n\\newcommand \\newcommand\n" + hundred).text,
            "\\newcommand a\n" + hundred);
  EXPECT_EQ(reason("http://a.org", "newcommand newcommand " + hundred), "too_short");
  // 100 characters: one accent is 1 %, two are 2 %.
  EXPECT_EQ(reason("http://a.org", "\xc3\xa9" + hundred.substr(1)), "");
  EXPECT_EQ(reason("http://a.org", "\xc3\xa9\xc3\xbc" + hundred.substr(2)), "accented");
  EXPECT_EQ(reason("http://a.org", "\xc3\xb1\xc3\xa3\xc3\xb5\xc3\x9f" + hundred), "") << "n and a and o with tilde, sharp s";
  EXPECT_EQ(reason("http://chem.libretexts.org/a", hundred), "no_formulas");
  EXPECT_EQ(reason("http://chem.libretexts.org/a", hundred + " $\\PageIndex{1}$"), "no_formulas");
  EXPECT_EQ(reason("http://chem.libretexts.org/a", hundred + " $x$"), "");
  EXPECT_EQ(reason("http://math.libretexts.org/a", hundred), "");
}

TEST(ManualFilter, Counts) {
  EXPECT_EQ(count_formulas("$a$ and $$b$$, \\$5 and \\$6, $c"), 2);
  EXPECT_EQ(count_formulas("$$a $ b$$ $c$"), 2);
  EXPECT_EQ(count_formulas("$a$ $b PageIndex$", "PageIndex"), 1);
  EXPECT_EQ(count_formulas("$$$$"), 0);
  EXPECT_EQ(count_formulas(""), 0);
  EXPECT_EQ(accented_share(""), 0);
  EXPECT_DOUBLE_EQ(accented_share("\xc3\xa9"
                                  "abc"),
                   0.25);
  // Every letter of the list, in both cases, and no other of the block.
  const std::string listed = "üïöëäûîôêâùìòèàúíóéáÜÏÖËÄÛÎÔÊÂÙÌÒÈÀÚÍÓÉÁ", others = "ãõñçåæøýÿþðßÃÕÑÇÅÆØÝÞÐ÷×";
  EXPECT_EQ(accented_share(listed), 1);
  EXPECT_EQ(accented_share(others), 0);
}

}  // namespace
}  // namespace corollary
