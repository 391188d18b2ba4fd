#include "corpus/sources/github.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/fields.h"
#include "base/test_error.h"
#include "corpus/sources/archive.h"
#include "corpus/sources/github_api.h"
#include "corpus/sources/journal.h"
#include "corpus/sources/test_server.h"
#include "corpus/test_support.h"

namespace corollary {
namespace {

using testing::TestServer;

struct FakeRepository {
  std::string full_name;
  std::string created;
  int stars = 0;
};

/// Answers shaped as the service's are recorded to be; what goes wrong hangs on a repository's name.
class FakeGitHub {
 public:
  explicit FakeGitHub(std::vector<FakeRepository> repositories)
      : repositories_(std::move(repositories)),
        server_([this](const auto& request, auto& response) { answer(request, response); }) {}

  GitHubServer service(const fs::path& cache) const {
    GitHubServer service;
    service.api = server_.url();
    service.http.tries = 3;
    service.http.first_pause_seconds = 0.01;
    service.http.token = "t0ken";
    service.http.max_wait_seconds = 5;
    service.max_tarball_bytes = 100'000;
    service.page_size = 2;
    service.results_per_search = 4;
    service.cache = cache;
    return service;
  }
  static std::string sha_of(const std::string& name) {
    std::string sha;
    for (std::size_t i = 0; i < 40; ++i) sha += "0123456789abcdef"[(static_cast<unsigned char>(name[i % name.size()]) + i) % 16];
    return sha;
  }
  /// Made once: gzip writes the time down.
  static std::string tarball_of(const std::string& name) {
    static std::mutex mutex;
    static std::map<std::string, std::string> made;
    const std::lock_guard lock(mutex);
    std::string& bytes = made[name];
    if (bytes.empty())
      bytes =
          testing::make_archive({{name + "-abc/src/a.v", "Theorem " + name + ".\n"}, {name + "-abc/README", "x"}}, false, "gzip");
    return bytes;
  }
  std::size_t count(const std::string& part) const {
    const auto asked = server_.asked();
    return static_cast<std::size_t>(
        std::count_if(asked.begin(), asked.end(), [&](const auto& a) { return a.target.find(part) != std::string::npos; }));
  }
  const TestServer& server() const { return server_; }

  std::atomic<int> busy{0};      ///< so many searches are refused for a second
  std::atomic<int> hang_at{-1};  ///< the request of this number gets no answer until it is set to something else
  std::atomic<int> hung{0};
  std::atomic<bool> is_incomplete{false}, is_broken{false};

 private:
  static void say(httplib::Response& response, int status, const std::string& message) {
    response.status = status;
    response.set_content(to_line({{"message", message}, {"documentation_url", "https://docs.github.com/rest"}}),
                         "application/json");
  }

  void answer(const httplib::Request& request, httplib::Response& response) {
    const int number = requests_++;
    if (number == hang_at) {
      ++hung;
      while (number == hang_at) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (request.path == "/search/repositories") return search(request, response);
    const std::string_view path = request.path;
    if (path.starts_with("/codeload/")) return tarball(std::string(path.substr(10)), response);
    if (path.starts_with("/repositories/7")) {  // where a renamed repository lives
      if (path == "/repositories/7")
        return response.set_content(to_line(entry({"new/name", "2015-01-01T00:00:00Z", 3})), "application/json");
      response.set_content(to_line(commits("renamed")), "application/json");
      return;
    }
    if (!path.starts_with("/repos/")) return say(response, 404, "Not Found");
    const std::size_t name_at = path.find('/', 7) + 1, end = std::min(path.find('/', name_at), path.size());
    const std::string name(path.substr(name_at, end - name_at)), rest(path.substr(end));
    if (name == "gone") return say(response, 404, "Not Found");
    if (name == "dmca") return say(response, 451, "Repository access blocked");
    if (name == "forbidden") return say(response, 403, "Repository access blocked");
    if (name == "broken") return say(response, 500, "Server Error");
    if (name == "renamed") {
      response.status = 301;
      const bool is_tarball = rest.starts_with("/tarball");
      response.set_header("Location",
                          is_tarball ? server_.url("/codeload/renamed", "127.0.0.3") : server_.url("/repositories/7" + rest));
      return;
    }
    if (rest.empty())
      return response.set_content(to_line(entry({std::string(path.substr(7)), "2015-01-01T00:00:00Z", 3})), "application/json");
    if (rest == "/commits") {
      if (name == "empty") return say(response, 409, "Git Repository is empty.");
      if (name == "garbled") return response.set_content("[{\"sha\": \"abc", "application/json");
      if (name == "odd") return response.set_content("[{\"sha\": \"../../etc\"}]", "application/json");
      if (request.get_param_value("until") != "2023-04-01T00:00:00Z") return say(response, 422, "wrong cutoff");
      response.set_content(to_line(name == "late" || name == "never" ? Json::array() : commits(name)), "application/json");
    } else if (rest == "/commits/master" || rest == "/commits/v1.0") {
      if (name == "never") return say(response, 422, "No commit found for SHA: master");
      response.set_content(to_line(commits(name)[0]), "application/json");
    } else if (rest == "/tarball/" + sha_of(name)) {
      response.status = 302;  // to another host, where our token has no business
      response.set_header("Location", server_.url("/codeload/" + name, "127.0.0.3"));
    } else {
      say(response, 404, "Not Found");
    }
  }

  static Json commits(const std::string& name) {
    return Json::array({{{"sha", sha_of(name)}, {"commit", {{"committer", {{"name", "x"}, {"date", "2023-03-01T10:00:00Z"}}}}}}});
  }

  void tarball(const std::string& name, httplib::Response& response) const {
    if (name == "huge") return response.set_content(std::string(200'000, 'x'), "application/x-gzip");
    std::string bytes = tarball_of(name);
    if (name == "cut") bytes.resize(bytes.size() / 2);
    if (name == "short") {  // says more than it sends
      response.set_content_provider(bytes.size() + 100, "application/x-gzip",
                                    [bytes](std::size_t at, std::size_t, httplib::DataSink& sink) {
                                      if (at == 0) sink.write(bytes.data(), 20);
                                      return false;
                                    });
      return;
    }
    response.set_content(bytes, "application/x-gzip");
  }

  static Json entry(const FakeRepository& repository) {
    Json json = {{"id", 1},
                 {"full_name", repository.full_name},
                 {"private", false},
                 {"html_url", "https://github.com/" + repository.full_name},
                 {"fork", repository.full_name.ends_with("fork")},
                 {"size", 12},
                 {"stargazers_count", repository.stars},
                 {"archived", repository.full_name.ends_with("old")},
                 {"created_at", repository.created},
                 {"default_branch", "main"}};
    json["license"] = repository.full_name.ends_with("a1") ? Json({{"key", "mit"}, {"spdx_id", "MIT"}}) : Json(nullptr);
    return json;
  }

  void search(const httplib::Request& request, httplib::Response& response) {
    if (is_broken) return say(response, 502, "Bad Gateway");
    if (busy > 0) {
      --busy;
      response.set_header("x-ratelimit-remaining", "0");
      response.set_header("x-ratelimit-reset", std::to_string(std::time(nullptr)));
      return say(response, 403, "API rate limit exceeded for user ID 1.");
    }
    const std::string q = request.get_param_value("q"), range = q.substr(q.find("created:") + 8);
    const std::string from = range.substr(0, range.find("..")), to = range.substr(range.find("..") + 2);
    const int page = std::stoi(request.get_param_value("page")), size = std::stoi(request.get_param_value("per_page"));
    if (q.find("language:\"Coq\"") != 0 && q.find("language:\"Isabelle\"") != 0) return say(response, 422, "Validation Failed");
    if ((page - 1) * size >= 4) return say(response, 422, "Only the first 1000 search results are available");
    std::vector<FakeRepository> found;
    for (const FakeRepository& repository : repositories_)
      if (from <= repository.created && repository.created <= to) found.push_back(repository);
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.stars > b.stars; });
    Json items = Json::array();
    for (int i = (page - 1) * size; i < std::min<int>(page * size, static_cast<int>(found.size())); ++i)
      items.push_back(entry(found[static_cast<std::size_t>(i)]));
    response.set_content(to_line({{"total_count", found.size()}, {"incomplete_results", is_incomplete.load()}, {"items", items}}),
                         "application/json");
  }

  std::vector<FakeRepository> repositories_;
  std::atomic<int> requests_{0};
  TestServer server_;
};

GitHubQuery coq(const std::string& since, std::int64_t limit = 1000) {
  GitHubQuery query = github_query("coq");
  query.since = since;
  query.limit = limit;
  return query;
}
std::vector<std::string> names(const GitHubResult& result) {
  std::vector<std::string> list;
  for (const Repository& repository : result.repositories) list.push_back(repository.full_name);
  return list;
}
Json as_json(const GitHubResult& result) {
  Json json = Json::array();
  for (const Repository& repository : result.repositories) json.push_back(fields_to_json(repository));
  return json;
}

/// Seven in one week (more than a search shows), one in another, one after the cutoff.
std::vector<FakeRepository> busy_week() {
  std::vector<FakeRepository> list;
  for (int i = 1; i <= 7; ++i)
    list.push_back({"x/a" + std::to_string(i), "2023-03-1" + std::to_string(i % 3) + "T0" + std::to_string(i) + ":00:00Z", i});
  list.push_back({"y/b", "2023-03-25T00:00:00Z", 100});
  list.push_back({"z/new", "2023-04-02T00:00:00Z", 1000});
  return list;
}

TEST(GitHub, WeeksAreSplitUntilAllIsShown) {
  const TestFolder folder;
  FakeGitHub hub(busy_week());
  const GitHubResult result = fetch_github(hub.service(folder.path()), coq("2023-03-06"));
  EXPECT_EQ(result.repositories.size(), 8U);
  EXPECT_EQ(result.counts.at("found"), 8);
  EXPECT_EQ(result.counts.at("brought"), 8);
  EXPECT_FALSE(result.counts.contains("beyond_search_limit"));
  const Repository& last = result.repositories.back();
  EXPECT_EQ(last.full_name, "y/b");
  EXPECT_EQ(last.sha, FakeGitHub::sha_of("b"));
  EXPECT_EQ(last.commit_date, "2023-03-01T10:00:00Z");
  ArchiveLimits limits;
  limits.strip_folders = 1;
  ArchiveReader archive(last.path, limits);
  EXPECT_EQ(archive.next()->path, "src/a.v");
  EXPECT_EQ(archive.read(), "Theorem b.\n");
  for (const auto& asked : hub.server().asked())
    EXPECT_EQ(asked.authorization, asked.target.starts_with("/codeload/") ? "" : "Bearer t0ken") << asked.target;
}

TEST(GitHub, TheTopByStars) {
  const TestFolder folder;
  FakeGitHub hub(busy_week());
  EXPECT_EQ(names(fetch_github(hub.service(folder.path()), coq("", 3))), (std::vector<std::string>{"y/b", "x/a7", "x/a6"}));
  // More than one search shows: found by stretches of time, then sorted.
  EXPECT_EQ(names(fetch_github(hub.service(folder.path()), coq("", 6))),
            (std::vector<std::string>{"y/b", "x/a7", "x/a6", "x/a5", "x/a4", "x/a3"}));
}

TEST(GitHub, WhatIsKnownIsNotAskedAgain) {
  const TestFolder folder;
  FakeGitHub hub(busy_week());
  const Json first = as_json(fetch_github(hub.service(folder.path()), coq("2023-03-06")));
  const std::size_t asked = hub.server().count();
  EXPECT_EQ(as_json(fetch_github(hub.service(folder.path()), coq("2023-03-06"))), first);
  EXPECT_EQ(hub.server().count(), asked);
  fs::remove(first.back()["path"].get<std::string>());  // a tarball that is gone is brought again, nothing else
  EXPECT_EQ(as_json(fetch_github(hub.service(folder.path()), coq("2023-03-06"))), first);
  EXPECT_EQ(hub.server().count(), asked + 2);  // the redirect and the file
}

TEST(GitHub, TroubleIsCountedAndTheRunGoesOn) {
  const TestFolder folder;
  std::vector<FakeRepository> list;
  int i = 0;
  for (const char* name : {"gone", "dmca", "forbidden", "broken", "renamed", "empty", "garbled", "odd", "late", "never", "huge",
                           "cut", "short", "a1", "fork", "old"})
    list.push_back(
        {std::string("x/") + name, "2023-02-0" + std::to_string(1 + i / 4) + "T00:00:0" + std::to_string(i % 4) + "Z", 1}),
        ++i;
  list.push_back({"../..", "2023-03-01T00:00:00Z", 1});
  list.push_back({"x/../y", "2023-03-01T00:00:00Z", 1});
  FakeGitHub hub(list);
  const GitHubResult result = fetch_github(hub.service(folder.path()), coq("2023-01-01"));
  const std::map<std::string, std::int64_t> expected = {{"found", 16},           {"brought", 5},          {"gone", 1},
                                                        {"unavailable", 1},      {"http_403", 1},         {"http_500", 1},
                                                        {"no_commit", 1},        {"empty_repository", 1}, {"malformed_json", 1},
                                                        {"malformed_answer", 1}, {"too_large", 1},        {"damaged_tarball", 1},
                                                        {"broken_off", 1},       {"malformed_entry", 2},  {"fallback_ref", 1}};
  EXPECT_EQ(result.counts, expected);
  for (const Repository& repository : result.repositories) {
    EXPECT_EQ(repository.is_fallback, repository.full_name == "x/late");
    EXPECT_EQ(repository.licence, repository.full_name == "x/a1" ? "MIT" : "");
    EXPECT_EQ(repository.is_fork, repository.full_name == "x/fork");
    EXPECT_EQ(repository.is_archived, repository.full_name == "x/old");
    EXPECT_EQ(repository.path.empty(), !repository.reason.empty());
  }
  // The next run asks again only where another answer may come.
  const std::size_t gone = hub.count("/x/gone/"), huge = hub.count("/codeload/huge"), broken = hub.count("/x/broken/");
  EXPECT_EQ(fetch_github(hub.service(folder.path()), coq("2023-01-01")).counts, expected);
  EXPECT_EQ(hub.count("/x/gone/"), gone);
  EXPECT_EQ(hub.count("/codeload/huge"), huge);
  EXPECT_GT(hub.count("/x/broken/"), broken);
  GitHubQuery strict = coq("2023-01-01");
  strict.fallback_ref = "";
  EXPECT_EQ(fetch_github(hub.service(folder.path()), strict).counts.at("no_commit"), 2);
}

TEST(GitHub, ASpentRateLimitIsWaitedFor) {
  const TestFolder folder;
  FakeGitHub hub(busy_week());
  hub.busy = 2;
  EXPECT_EQ(fetch_github(hub.service(folder.path()), coq("2023-03-06")).counts.at("brought"), 8);
  // Longer than we may wait: what was learned stays, the message says what to do.
  GitHubServer hasty = hub.service(folder / "other");
  hasty.http.max_wait_seconds = 0.5;
  hub.busy = 1000;
  EXPECT_NE(error_of([&] { fetch_github(hasty, coq("2023-02-06")); }).find("GITHUB_TOKEN"), std::string::npos);
}

TEST(GitHub, FailedSearchesAreCounted) {
  const TestFolder folder;
  FakeGitHub hub(busy_week());
  hub.is_broken = true;
  GitHubResult result = fetch_github(hub.service(folder.path()), coq("2023-03-20"));
  EXPECT_EQ(result.counts.at("search_http_502"), 2);
  hub.is_broken = false;
  hub.is_incomplete = true;
  result = fetch_github(hub.service(folder.path()), coq("2023-03-20"));
  EXPECT_EQ(result.counts.at("incomplete_results"), 2);
  EXPECT_EQ(result.counts.at("brought"), 1);
  hub.is_incomplete = false;
  EXPECT_FALSE(fetch_github(hub.service(folder.path()), coq("2023-03-20")).counts.contains("incomplete_results"));
}

TEST(GitHub, NamesDropRepositories) {
  const TestFolder folder;
  FakeGitHub hub({{"isa/mirror-afp-2021", "2021-01-01T00:00:00Z", 5}, {"isa/mirror-afp-devel", "2020-01-01T00:00:00Z", 6}});
  const GitHubResult result = fetch_github(hub.service(folder.path()), github_query("isabelle"));
  EXPECT_EQ(result.counts.at("excluded_by_name"), 1);
  EXPECT_EQ(result.counts.at("brought"), 1);
  EXPECT_EQ(hub.count("mirror-afp-2021"), 0U);
  EXPECT_TRUE(is_excluded_repository("lean", "openai/miniF2F"));
  EXPECT_FALSE(is_excluded_repository("lean", "openai/miniF2F-lean4"));
  EXPECT_FALSE(is_excluded_repository("coq", "openai/miniF2F"));
}

TEST(GitHub, OneRepository) {
  const TestFolder folder;
  FakeGitHub hub({});
  const GitHubServer service = hub.service(folder.path());
  EXPECT_EQ(fetch_github_repository(service, "x/a1", coq("")).repositories.at(0).licence, "MIT");
  const Repository tagged = fetch_github_repository(service, "x/a1@v1.0", coq("")).repositories.at(0);
  EXPECT_EQ(tagged.sha, FakeGitHub::sha_of("a1"));
  const Repository pinned = fetch_github_repository(service, "x/b@" + FakeGitHub::sha_of("b"), coq("")).repositories.at(0);
  EXPECT_TRUE(pinned.commit_date.empty());
  EXPECT_FALSE(pinned.path.empty());
  for (const char* bad : {"x/gone", "x/a1@nothing", "x/empty", "x/a1@", "x", "x/y/z", "../x", "x/..", "x/a b"})
    EXPECT_NE(error_of([&] { fetch_github_repository(service, bad, coq("")); }), "no error") << bad;
}

/// The crawl is killed at each request in turn; the last run ends with what an undisturbed one finds, and no finished page, commit
/// or tarball was asked for twice.
TEST(GitHub, KilledAtAnyRequestItGoesOn) {
  const TestFolder folder;
  FakeGitHub hub(busy_week());
  int kills = 0;
  for (;; ++kills) {
    ASSERT_LT(kills, 200);
    hub.hung = 0;
    hub.hang_at = static_cast<int>(hub.server().count()) + 2;  // two answers, then silence
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        fetch_github(hub.service(folder / "killed"), coq("2023-03-06"));
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
      if (hub.hung > 0) ::kill(child, SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    hub.hang_at = -1;
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      break;
    }
  }
  EXPECT_GT(kills, 5);
  const auto asked = hub.server().asked();
  std::map<std::string, int> times;
  for (const auto& a : asked) ++times[a.target];
  int twice = 0;
  for (const auto& [target, n] : times) twice += n - 1;
  EXPECT_LE(twice, 2 * kills);  // the request in flight, and a redirect before it
  const std::size_t before = hub.server().count();
  const Json killed = as_json(fetch_github(hub.service(folder / "killed"), coq("2023-03-06")));
  EXPECT_EQ(hub.server().count(), before);
  Json fresh = as_json(fetch_github(hub.service(folder / "fresh"), coq("2023-03-06")));
  ASSERT_EQ(killed.size(), fresh.size());
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    for (const char* key : {"full_name", "sha", "sha256", "bytes", "reason", "stars"}) EXPECT_EQ(killed[i][key], fresh[i][key]);
    EXPECT_TRUE(fs::exists(killed[i]["path"].get<std::string>()));
  }
}

TEST(GitHubTime, DatesBothWays) {
  EXPECT_EQ(parse_utc("1970-01-01"), 0);
  EXPECT_EQ(parse_utc("2023-04-01"), 1680307200);
  EXPECT_EQ(format_utc(1680307200 + 3661), "2023-04-01T01:01:01Z");
  EXPECT_EQ(parse_utc("2024-02-29T23:59:59Z"), parse_utc("2024-03-01") - 1);
  for (const char* bad : {"", "2023", "2023-02-29", "2023-13-01", "2023-04-01 ", "2023-04-01T25:00:00Z", "yesterday"})
    EXPECT_THROW(parse_utc(bad), Error) << bad;
}

TEST(Journal, ATornEndIsCutOff) {
  const TestFolder folder;
  const fs::path path = folder / "j.jsonl";
  const Json header = {{"journal", "test 1"}};
  const auto read = [&](const Json& head) {
    std::vector<Json> lines;
    Journal journal(path, head, [&](const Json& line) { lines.push_back(line); });
    return lines;
  };
  {
    Journal journal(path, header, [](const Json&) {});
    for (int i = 0; i < 3; ++i) journal.append({{"i", i}});
    EXPECT_THROW(read(header), Error);  // held
  }
  EXPECT_EQ(read(header).size(), 3U);
  const std::string whole = read_file(path);
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    write_file(path, whole.substr(0, n));
    const auto lines = read(header);
    const auto ends = static_cast<std::size_t>(std::count(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n), '\n'));
    EXPECT_EQ(lines.size(), ends == 0 ? 0 : ends - 1) << n;
    EXPECT_EQ(read(header), lines);
  }
  write_file(path, whole.substr(0, whole.size() - 8) + "garbage\n" + "{\"i\":7}\n");
  EXPECT_EQ(read(header).size(), 2U);
  EXPECT_TRUE(read({{"journal", "test 2"}}).empty());
}

}  // namespace
}  // namespace corollary
