#include "explore/html.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace corollary {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string escaped(std::string_view text) { return (Html() << text).str(); }

TEST(Html, TextStaysText) {
  EXPECT_EQ(escaped("a < b && c > \"d\" 'e'"), "a &lt; b &amp;&amp; c &gt; &quot;d&quot; &#39;e&#39;");
  EXPECT_EQ(escaped("ζ(2) = π²/6 – 𝔸"), "ζ(2) = π²/6 – 𝔸");
  EXPECT_EQ((Html() << "<b>"_html << std::string("<b>") << "</b>"_html).str(), "<b>&lt;b&gt;</b>");
}

TEST(Html, WhatIsNoTextIsReplaced) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(escaped(std::string_view("a\0b\x1B\x7F\tc\n", 8)), "a" + r + "b" + r + r + "\tc\n");
  EXPECT_EQ(escaped("\xFF\xC3"), r + r);                  // no lead byte; cut short
  EXPECT_EQ(escaped("\xC0\xAF"), r + r);                  // '/' overlong
  EXPECT_EQ(escaped("\xED\xA0\x80"), r + r + r);          // a surrogate
  EXPECT_EQ(escaped("\xF4\x90\x80\x80"), r + r + r + r);  // beyond U+10FFFF
}

TEST(Html, JsonCannotEndItsScript) {
  Html html;
  html.json({{"</script>", "<!-- & \u2028 ζ"}});
  EXPECT_THAT(html.str(), Not(HasSubstr("<")));
  EXPECT_EQ(parse_json(html.str(), "page"), (Json{{"</script>", "<!-- & \u2028 ζ"}}));
}

TEST(Html, CodeThatWouldEndItsElementIsRefused) {
  EXPECT_EQ(Html().code("a < b && '<p>'").str(), "a < b && '<p>'");
  for (const char* code : {"'</script>'", "'<!--'", "</style>"}) EXPECT_THROW(Html().code(code), Error) << code;
  EXPECT_EQ(Html().comment("a --> ---").str(), "<!--\na - -> - - -\n-->\n");
}

TEST(Base64, KnownAnswers) {  // RFC 4648, section 10
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

TEST(CspHash, KnownAnswer) {  // the example of W3C's CSP Level 2, section 7.17.1
  EXPECT_EQ(csp_hash("alert('Hello, world.');"), "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
}

}  // namespace
}  // namespace corollary
