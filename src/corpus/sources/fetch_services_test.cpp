#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/test_error.h"
#include "corpus/sources/duckdb.h"
#include "corpus/sources/fetch.h"
#include "corpus/sources/test_server.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

using testing::ScopedVariable;
using testing::TestServer;

/// Both services at once, small: two repositories in Coq, one of them without a Coq file, and a data set of two files.
class FetchServices : public ::testing::Test {
 protected:
  void answer(const httplib::Request& request, httplib::Response& response) const {
    const auto say = [&](const Json& json) { response.set_content(to_line(json), "application/json"); };
    const std::string sha(40, 'a'), path = request.path;
    const auto repository = [](const std::string& name) {
      return Json({{"full_name", name},
                   {"html_url", "https://github.com/" + name},
                   {"stargazers_count", 7},
                   {"size", 3},
                   {"fork", false},
                   {"archived", false},
                   {"license", {{"spdx_id", "MIT"}}}});
    };
    if (path == "/search/repositories")
      return say({{"total_count", 2}, {"incomplete_results", false}, {"items", {repository("me/proofs"), repository("me/empty")}}});
    if (path == "/repos/me/proofs") return say(repository("me/proofs"));
    if (path.ends_with("/commits") || path.ends_with("/commits/v1")) {
      const Json commit = {{"sha", sha}, {"commit", {{"committer", {{"date", "2023-01-01T00:00:00Z"}}}}}};
      return say(path.ends_with("/v1") ? commit : Json::array({commit}));
    }
    if (path == "/repos/me/proofs/tarball/" + sha)
      return response.set_content(
          testing::make_archive({{"me-proofs-aaa/src/a.v", "Qed.\n"}, {"me-proofs-aaa/x.md", "?"}}, false, "gzip"),
          "application/x-gzip");
    if (path == "/repos/me/empty/tarball/" + sha)
      return response.set_content(testing::make_archive({{"me-empty-aaa/x.md", "?"}}, false, "gzip"), "application/x-gzip");
    if (path == "/api/datasets/me/set/revision/main") return say({{"sha", sha}});
    if (path.starts_with("/api/datasets/me/set/tree/")) {
      Json list = Json::array();
      for (const char* name : {"train/0.jsonl", "train/1.jsonl"})
        list.push_back({{"type", "file"},
                        {"path", name},
                        {"size", 13},
                        {"oid", sha},
                        {"lfs", {{"oid", sha256_hex("{\"text\":\"x\"}\n")}, {"size", 13}}}});
      return say(list);
    }
    if (path.starts_with("/datasets/me/set/resolve/")) return response.set_content("{\"text\":\"x\"}\n", "text/plain");
    response.status = 404;
  }
  static SourceConfig source(const std::string& uri, const std::string& glob = "*") {
    SourceConfig config;
    config.subset = "code";
    config.language = "coq";
    config.uri = uri;
    config.glob = glob;
    return config;
  }

  TestFolder folder_;
  TestServer server_{[this](const auto& request, auto& response) { answer(request, response); }};
  ScopedVariable cache_{"COROLLARY_CACHE", (folder_ / "cache").string()}, github_{"GITHUB_API_URL", server_.url()},
      hub_{"HF_ENDPOINT", server_.url("/")}, no_token_{"GITHUB_TOKEN", ""}, no_hub_token_{"HF_TOKEN", ""};
};

TEST_F(FetchServices, ALanguageBecomesRepositories) {
  SourceConfig coq = source("github:coq", "*.v");
  coq.since = "2023-03-27";
  const FetchConfig config{{coq}};
  const StageResult result = fetch(config, folder_ / "out");
  const auto sources = read_sources(folder_ / "out");
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].uri, "github:me/proofs@" + std::string(40, 'a'));
  EXPECT_EQ(sources[0].kind, "archive");
  EXPECT_EQ(sources[0].repo, "me/proofs");
  EXPECT_EQ(sources[0].revision, std::string(40, 'a'));
  EXPECT_EQ(sources[0].licence, "MIT");
  EXPECT_EQ(sources[0].strip_folders, 1);
  EXPECT_EQ(sources[0].files, 1);
  EXPECT_EQ(result.manifest.counts["services"]["github:coq"]["brought"], 2);
  EXPECT_EQ(result.manifest.counts["services"]["github:coq"]["without_matching_files"], 1);
  const Json list = read_json_file(folder_ / "out/repositories.json")["repositories"];
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0]["stars"], 7);
  EXPECT_EQ(list[0]["sha256"], sources[0].sha256);
  const std::size_t asked = server_.count();
  EXPECT_TRUE(fetch(config, folder_ / "out").was_up_to_date);     // without a network
  EXPECT_FALSE(fetch(config, folder_ / "other").was_up_to_date);  // and from the cache alone
  EXPECT_EQ(server_.count(), asked);
}

TEST_F(FetchServices, ARepositoryAndADataSet) {
  const FetchConfig config{{source("github:me/proofs@v1", "src/*"), source("hf://datasets/me/set/train/*.jsonl")}};
  fetch(config, folder_ / "out");
  const auto sources = read_sources(folder_ / "out");
  ASSERT_EQ(sources.size(), 3U);
  EXPECT_EQ(sources[0].files, 1);  // the glob is matched against the path without the service's folder
  EXPECT_EQ(sources[2].kind, "records");
  EXPECT_EQ(sources[2].uri, "hf://datasets/me/set@" + std::string(40, 'a') + "/train/1.jsonl");
  EXPECT_EQ(sources[2].sha256, sha256_hex("{\"text\":\"x\"}\n"));
  EXPECT_TRUE(fetch(config, folder_ / "out").was_up_to_date);
}

TEST_F(FetchServices, MistakesAreNamed) {
  const auto refused = [&](const SourceConfig& config) { return error_of([&] { fetch({{config}}, folder_ / "out"); }); };
  EXPECT_NE(refused(source("github:")).find("github:coq"), std::string::npos);
  EXPECT_NE(refused(source("hf://models/a/b")).find("hf://datasets/OWNER/NAME"), std::string::npos);
  EXPECT_NE(refused(source("github:me/gone")).find("404"), std::string::npos);
  SourceConfig recent = source("github:coq", "*.lean");
  recent.since = "2023-03-27";
  EXPECT_NE(refused(recent).find("correct the glob"), std::string::npos);
  SourceConfig wrong = source("github:coq", "*.v");
  wrong.cutoff = "yesterday";
  EXPECT_NE(refused(wrong).find("not a date"), std::string::npos);
  wrong = source("github:coq");
  wrong.limit = -1;
  EXPECT_NE(refused(wrong).find("limit"), std::string::npos);
}

TEST_F(FetchServices, ZipIsAnArchiveAndParquetIsParquet) {
  write_file(folder_ / "x.zip", testing::make_zip({{"a.v", "Qed.\n"}}));
  fetch({{source((folder_ / "x.zip").string(), "*.v")}}, folder_ / "out");
  EXPECT_EQ(read_sources(folder_ / "out").at(0).kind, "archive");
  write_file(folder_ / "x.parquet", "PAR1");
  const auto parquet = [&] { fetch({{source((folder_ / "x.parquet").string())}}, folder_ / "out"); };
  if (!why_no_duckdb().empty()) {
    EXPECT_NE(error_of(parquet).find("install_duckdb"), std::string::npos);
  } else {
    parquet();
    EXPECT_EQ(read_sources(folder_ / "out").at(0).kind, "parquet");
    EXPECT_EQ(read_sources(folder_ / "out").at(0).text_field, "text");
  }
}

}  // namespace
}  // namespace corollary
