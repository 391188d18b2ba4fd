#include "corpus/sources/hub.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/digest.h"
#include "base/error.h"
#include "base/test_error.h"
#include "corpus/sources/test_server.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

using testing::TestServer;

const std::string kCommit = "0123456789abcdef0123456789abcdef01234567";
const std::string kLarge(100'000, 'L');

/// Answers shaped as the hub's: a revision's page, a tree in pages of two, resolve with a redirect to another host.
class FakeHub {
 public:
  FakeHub() : server_([this](const auto& request, auto& response) { answer(request, response); }) {}
  HubServer service(const fs::path& cache) const {
    HubServer service;
    service.endpoint = server_.url();
    service.http.tries = 3;
    service.http.first_pause_seconds = 0.01;
    service.http.token = "hf_t0ken";
    service.cache = cache;
    return service;
  }
  const TestServer& server() const { return server_; }

  std::atomic<int> breaks{0};
  std::string large = kLarge, listing_path;
  bool is_gated = false;

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    const std::string path = request.path;
    if (path.starts_with("/cdn/")) {
      const bool is_cut = breaks-- > 0;
      const std::string body = large;
      response.set_content_provider(body.size(), "application/octet-stream",
                                    [body, is_cut](std::size_t at, std::size_t n, httplib::DataSink& sink) {
                                      if (!is_cut) return sink.write(body.data() + at, n);
                                      sink.write(body.data() + at, std::min<std::size_t>(n, 30'000));
                                      return false;
                                    });
      return;
    }
    if (is_gated) {
      response.status = 401;
      return;
    }
    if (request.target == "/api/datasets/me/set/revision/main" || request.target == "/api/datasets/me/set/revision/refs%2Fpr%2F1")
      return response.set_content(to_line({{"id", "me/set"}, {"sha", kCommit}}), "application/json");
    const std::string tree = "/api/datasets/me/set/tree/" + kCommit;
    if (path.starts_with(tree)) {
      Json all = Json::array({
          {{"type", "directory"}, {"oid", std::string(40, 'd')}, {"size", 0}, {"path", "data"}},
          {{"type", "file"},
           {"oid", std::string(40, 'e')},
           {"size", kLarge.size()},
           {"path", "data/b c.jsonl.zst"},
           {"lfs", {{"oid", sha256_hex(kLarge)}, {"size", kLarge.size()}, {"pointerSize", 134}}}},
          {{"type", "file"}, {"oid", "ce013625030ba8dba906f756967f9e9ca394464a"}, {"size", 6}, {"path", "data/a.jsonl"}},
          {{"type", "file"}, {"oid", std::string(40, 'f')}, {"size", 1}, {"path", "README.md"}},
      });
      if (!listing_path.empty()) all[2]["path"] = listing_path;
      const bool is_second = request.has_param("cursor");
      if (!is_second)
        response.set_header("Link", "<" + server_.url(tree + "?recursive=true&limit=1000&cursor=x") + ">; rel=\"next\"");
      Json page = Json::array();
      for (std::size_t i = is_second ? 2 : 0; i < (is_second ? 4U : 2U); ++i) page.push_back(all[i]);
      return response.set_content(to_line(page), "application/json");
    }
    const std::string resolve = "/datasets/me/set/resolve/" + kCommit + "/";
    if (request.target == resolve + "data/b%20c.jsonl.zst") {
      response.status = 302;
      response.set_header("Location", server_.url("/cdn/large?signature=secret", "127.0.0.4"));
      return;
    }
    if (request.target == resolve + "data/a.jsonl") return response.set_content("hello\n", "text/plain");
    response.status = 404;
  }

  TestServer server_;
};

TEST(Hub, AddressesAreRead) {
  const HubAddress address = parse_hub_uri("hf://datasets/EleutherAI/proof-pile-2@refs%2Fpr%2F1/arxiv/train/*.jsonl.zst");
  EXPECT_EQ(address.repository, "EleutherAI/proof-pile-2");
  EXPECT_EQ(address.revision, "refs/pr/1");
  EXPECT_EQ(address.path, "arxiv/train/*.jsonl.zst");
  EXPECT_EQ(parse_hub_uri("hf://datasets/a/b").revision, "main");
  for (const char* bad : {"hf://models/a/b", "hf://datasets/a", "hf://datasets/a/", "hf://datasets//b/x", "hf://datasets/a/b@/x",
                          "hf://datasets/../b", "hf://datasets/a/b/../x", "hf://datasets/a/b//x"})
    EXPECT_THROW(parse_hub_uri(bad), Error) << bad;
}

TEST(Hub, FilesAreListedAndBroughtVerified) {
  const TestFolder folder;
  FakeHub hub;
  const HubServer service = hub.service(folder.path());
  const HubAddress address = parse_hub_uri("hf://datasets/me/set/data/*.jsonl*");
  auto files = list_hub_files(service, address);
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].path, "data/a.jsonl");
  EXPECT_EQ(files[1].path, "data/b c.jsonl.zst");
  for (HubFile& file : files) bring_hub_file(service, address, file);
  EXPECT_EQ(read_file(files[0].local), "hello\n");  // verified as git names it: git hash-object says ce0136...
  EXPECT_EQ(files[0].sha256, sha256_hex("hello\n"));
  EXPECT_EQ(read_file(files[1].local), kLarge);
  EXPECT_EQ(files[1].local, folder.path() / "me/set" / kCommit / "data/b c.jsonl.zst");
  for (const auto& asked : hub.server().asked())
    EXPECT_EQ(asked.authorization, asked.target.starts_with("/cdn/") ? "" : "Bearer hf_t0ken") << asked.target;
  const std::size_t before = hub.server().count();
  for (HubFile& file : files) bring_hub_file(service, address, file);
  EXPECT_EQ(hub.server().count(), before);
}

TEST(Hub, PathsChooseFiles) {
  const TestFolder folder;
  FakeHub hub;
  const auto count = [&](const std::string& path, const std::string& glob = "*") {
    return list_hub_files(hub.service(folder.path()), parse_hub_uri("hf://datasets/me/set" + path), glob).size();
  };
  EXPECT_EQ(count(""), 3U);
  EXPECT_EQ(count("/data"), 2U);
  EXPECT_EQ(count("/data/"), 2U);
  EXPECT_EQ(count("/data/a.jsonl"), 1U);
  EXPECT_EQ(count("", "*.md"), 1U);
  EXPECT_EQ(count("@refs%2Fpr%2F1/data"), 2U);
  EXPECT_THROW(count("/dat"), Error);
  EXPECT_THROW(count("/data", "*.parquet"), Error);
}

TEST(Hub, ABrokenDownloadGoesOn) {
  const TestFolder folder;
  FakeHub hub;
  const HubServer service = hub.service(folder.path());
  const HubAddress address = parse_hub_uri("hf://datasets/me/set/data/b c.jsonl.zst");
  auto file = list_hub_files(service, address).at(0);
  hub.breaks = 2;
  bring_hub_file(service, address, file);
  EXPECT_EQ(read_file(file.local), kLarge);
  EXPECT_EQ(hub.server().asked().back().range, "bytes=60000-");
}

TEST(Hub, WrongBytesAreRefused) {
  const TestFolder folder;
  FakeHub hub;
  const HubServer service = hub.service(folder.path());
  const HubAddress address = parse_hub_uri("hf://datasets/me/set/data/b c.jsonl.zst");
  auto file = list_hub_files(service, address).at(0);
  for (const std::string& other : {std::string(100'000, 'M'), std::string(10, 'L'), std::string(200'000, 'L')}) {
    hub.large = other;
    EXPECT_NE(error_of([&] { bring_hub_file(service, address, file); }).find("wrong bytes"), std::string::npos) << other.size();
    EXPECT_FALSE(fs::exists(file.local));
  }
  hub.large = kLarge;
  bring_hub_file(service, address, file);
  write_file(file.local, "damaged on disk");
  bring_hub_file(service, address, file);
  EXPECT_EQ(read_file(file.local), kLarge);
}

TEST(Hub, ListingsAreNotTrusted) {
  const TestFolder folder;
  FakeHub hub;
  const HubServer service = hub.service(folder.path());
  for (const char* path : {"../../etc/passwd", "/etc/passwd", "a//b", "a/./b", ""}) {
    hub.listing_path = path;
    if (*path == '\0') continue;
    EXPECT_THROW(list_hub_files(service, parse_hub_uri("hf://datasets/me/set")), Error) << path;
  }
  hub.is_gated = true;
  EXPECT_NE(error_of([&] { list_hub_files(service, parse_hub_uri("hf://datasets/me/set")); }).find("HF_TOKEN"), std::string::npos);
  EXPECT_THROW(list_hub_files(service, parse_hub_uri("hf://datasets/me/other")), Error);
}

}  // namespace
}  // namespace corollary
