#include "corpus/sources/fetch.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/error.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

SourceConfig source(const std::string& uri, const std::string& glob) {
  SourceConfig config;
  config.subset = "code";
  config.language = "coq";
  config.uri = uri;
  config.glob = glob;
  return config;
}
std::string error_of(const SourceConfig& config, const fs::path& out) {
  try {
    fetch({{config}}, out);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Fetch, SurveysFoldersFilesAndPackages) {
  const TestFolder folder;
  write_file(folder / "in/a.v", "one");
  write_file(folder / "in/b/c.v", "three");
  write_file(folder / "in/d.txt", "no");
  const std::string copyright =
      "Format: x\n\nFiles: debian/*\nLicense: GPL-3\n\nFiles: *\nCopyright: me\nLicense: LGPL-2.1 \n text\n";
  write_file(folder / "p.deb", testing::make_package({{"./a.v", "xy"}, {"./usr/share/doc/p/copyright", copyright}}));
  const StageResult result =
      fetch({{source((folder / "in").string(), "*.v"), source((folder / "p.deb").string(), "*.v")}}, folder / "out");
  EXPECT_FALSE(result.was_up_to_date);
  EXPECT_EQ(result.manifest.counts["files"], 3);
  const auto sources = read_sources(folder / "out");
  ASSERT_EQ(sources.size(), 2U);
  EXPECT_EQ(sources[0].kind, "folder");
  EXPECT_EQ(sources[0].files, 2);
  EXPECT_EQ(sources[0].matched_bytes, 8);
  EXPECT_EQ(sources[1].kind, "archive");
  EXPECT_EQ(sources[1].sha256, sha256_file(folder / "p.deb"));
  EXPECT_EQ(sources[1].licence, "LGPL-2.1");
}

TEST(Fetch, IsUpToDateUntilSomethingChanges) {
  const TestFolder folder;
  write_file(folder / "in/a.v", "one");
  FetchConfig config{{source((folder / "in").string(), "*.v")}};
  EXPECT_FALSE(fetch(config, folder / "out").was_up_to_date);
  EXPECT_TRUE(fetch(config, folder / "out").was_up_to_date);
  write_file(folder / "in/a.v", "two");  // the same size
  EXPECT_FALSE(fetch(config, folder / "out").was_up_to_date);
  config.sources[0].language = "lean";
  EXPECT_FALSE(fetch(config, folder / "out").was_up_to_date);
}

TEST(Fetch, ACachedFileThatIsGoneIsNoticed) {
  const TestFolder folder;
  write_file(folder / "a.jsonl", "{\"text\":\"x\"}\n");
  fetch({{source((folder / "a.jsonl").string(), "*")}}, folder / "out");
  write_file(folder / "a.jsonl", "{\"text\":\"xy\"}\n");
  EXPECT_THROW(read_sources(folder / "out"), Error);
  fs::remove(folder / "a.jsonl");
  EXPECT_THROW(read_sources(folder / "out"), Error);
  EXPECT_THROW(read_sources(folder / "nothing"), Error);
}

TEST(Fetch, MistakesAreNamedBeforeAnyWork) {
  const TestFolder folder;
  write_file(folder / "in/a.v", "one");
  const std::string in = (folder / "in").string();
  SourceConfig bad = source(in, "*.v");
  bad.subset = "books";
  EXPECT_NE(error_of(bad, folder / "out").find("use code, web or papers"), std::string::npos);
  bad = source(in, "*.v");
  bad.language = "";
  EXPECT_NE(error_of(bad, folder / "out").find("language"), std::string::npos);
  EXPECT_NE(error_of(source("https://host/x.jsonl", "*"), folder / "out").find("sha256"), std::string::npos);
  EXPECT_NE(error_of(source("ftp://host/x", "*"), folder / "out").find("ftp://host/x"), std::string::npos);
  EXPECT_NE(error_of(source("/nonexistent", "*"), folder / "out").find("/nonexistent"), std::string::npos);
  EXPECT_NE(error_of(source(in, "*.lean"), folder / "out").find("correct the glob"), std::string::npos);
  bad = source(in + "/a.v", "*");
  bad.sha256 = sha256_hex("other");
  EXPECT_NE(error_of(bad, folder / "out").find("wrong digest"), std::string::npos);
  EXPECT_THROW(fetch({}, folder / "out"), Error);
  EXPECT_FALSE(fs::exists(folder / "out/manifest.json"));
}

TEST(Fetch, DamagedListsAreRefused) {
  const TestFolder folder;
  for (const char* json :
       {"", "[]", "{\"sources\": 3}", "{\"sources\": [{\"uri\": 3}]}", "{\"sources\": [{\"nonsense\": \"x\"}]}"}) {
    write_file(folder / "sources.json", json);
    EXPECT_THROW(read_sources(folder.path()), Error) << json;
  }
}

}  // namespace
}  // namespace corollary
