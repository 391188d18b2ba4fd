#include "explore/corpus_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corollary {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(CorpusPage, SaysWhatIsThereAndEscapesNames) {
  const Json stats = {{"rows",
                       {{{"subset", "web"},
                         {"language", "html"},
                         {"split", "train"},
                         {"documents", 1500},
                         {"bytes", 3'000'000},
                         {"tokens", 900'000},
                         {"lengths",
                          {{"least", 10},
                           {"mean", 2000.0},
                           {"p50", 1500},
                           {"p95", 9000},
                           {"most", 70'000},
                           {"octaves", {{"1024", 1000}, {"2048", 500}}}}}}}},
                      {"origins", {{{"subset", "web"}, {"name", "<script>alert(1)</script>"}, {"documents", 3}, {"bytes", 10}}}},
                      {"rejected", {{"too_short", 12}}}};
  const std::string page = corpus_page(stats, "A & B");
  EXPECT_THAT(page, HasSubstr("A &amp; B"));
  EXPECT_THAT(page, HasSubstr("too_short"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("documents by length"));
}

TEST(CorpusPage, OddShapesDoNoHarm) {
  for (const Json& stats :
       {Json::object(), Json{{"rows", Json::array({Json::object()})}},
        Json{{"rows", {{{"subset", 3}, {"lengths", {{"octaves", {{"x", "y"}}}}}}}}, {"rejected", {{"a", "b"}}}}})
    EXPECT_THAT(corpus_page(stats, ""), HasSubstr("</html>"));
}

}  // namespace
}  // namespace corollary
