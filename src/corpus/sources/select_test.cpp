#include <gtest/gtest.h>

#include "base/error.h"
#include "corpus/sources/source.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

SourceConfig source(const std::string& uri) {
  SourceConfig config;
  config.uri = uri;
  return config;
}

TEST(SelectSources, PathsAreOfTheRecipesFolderAndWhatIsAbsentMayBeLeftOut) {
  const TestFolder folder;
  write_file(folder / "data/a.jsonl", "");
  SourceConfig here = source("../data/a.jsonl"), absent = source("../data/b.jsonl"), package = source("deb:x"),
               other = source("hf://datasets/a/b/c");
  here.optional = absent.optional = true;
  package.unless = "../data";
  const auto selected = select_sources({here, absent, package, other}, folder / "recipe");
  ASSERT_EQ(selected.size(), 2U);
  EXPECT_EQ(selected[0].uri, (folder / "data/a.jsonl").string());
  EXPECT_FALSE(selected[0].optional);
  EXPECT_EQ(selected[1].uri, "hf://datasets/a/b/c");
  package.unless = "../nothing";
  const auto instead = select_sources({absent, package}, folder / "recipe");
  ASSERT_EQ(instead.size(), 1U);
  EXPECT_EQ(instead[0].uri, "deb:x");
  EXPECT_EQ(instead[0].unless, "");
  EXPECT_THROW(select_sources({absent}, folder / "recipe"), Error);
  EXPECT_TRUE(select_sources({}, folder / "recipe").empty());
}

}  // namespace
}  // namespace corollary
