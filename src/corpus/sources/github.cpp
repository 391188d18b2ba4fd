#include "corpus/sources/github.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/stop.h"
#include "corpus/sources/archive.h"
#include "corpus/sources/github_api.h"
#include "corpus/sources/http.h"
#include "corpus/sources/journal.h"
#include "corpus/text.h"

namespace corollary {
namespace {

std::string environment(const char* name, const std::string& otherwise = "") {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

std::string text_of(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
}
std::int64_t number_of(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_number_integer() ? json[key].get<std::int64_t>() : 0;
}
bool is_true(const Json& json, const char* key) { return json.contains(key) && json[key] == true; }

bool is_commit(const std::string& ref) {
  return ref.size() == 40 &&
         std::all_of(ref.begin(), ref.end(), [](char c) { return is_ascii_digit(c) || (c >= 'a' && c <= 'f'); });
}

/// Whether the next run may fare better.
bool is_for_a_while(const std::string& reason) {
  return reason == "rate_limited" || reason == "no_connection" || reason == "broken_off" || reason == "too_slow" ||
         reason == "malformed_json" || reason == "damaged_tarball" || reason.starts_with("http_");
}

std::string repository_reason(const Rejection& rejection) {
  if (rejection.reason == "http_404") return "gone";
  if (rejection.reason == "http_409") return "empty_repository";
  if (rejection.reason == "http_451") return "unavailable";
  if (rejection.reason == "http_422") return "no_commit";  // of a ref: there is none of that name
  if (rejection.reason == "wrong_file") return "damaged_tarball";
  return rejection.reason;
}

/// sha and date of what /commits?until= or /commits/REF answered; false if it holds none.
bool take_commit(const Json& json, Repository& repository) {
  if (!json.is_object()) return false;
  const std::string sha = text_of(json, "sha");
  if (!is_commit(sha)) return false;
  repository.sha = sha;
  if (json.contains("commit") && json["commit"].is_object() && json["commit"].contains("committer") &&
      json["commit"]["committer"].is_object())
    repository.commit_date = text_of(json["commit"]["committer"], "date");
  return true;
}

void refuse(Repository& repository, std::string reason, std::string detail) {
  repository.reason = std::move(reason);
  repository.detail = std::move(detail);
}

/// The commit of a ref; a reason in `repository` if there is none.
void find_ref(GitHubApi& api, const std::string& ref, Repository& repository) {
  const JsonAnswer answer = api.ask("/repos/" + repository.full_name + "/commits/" + percent_encode(ref));
  if (answer.http.rejection)
    refuse(repository, repository_reason(*answer.http.rejection), answer.http.rejection->detail);
  else if (!take_commit(answer.json, repository))
    refuse(repository, "malformed_answer", "no sha for " + ref);
}

/// The last commit at or before the cutoff on the default branch, else the fallback's.
void find_commit(GitHubApi& api, const GitHubQuery& query, Repository& repository) {
  const JsonAnswer answer = api.ask("/repos/" + repository.full_name +
                                    "/commits?per_page=1&until=" + percent_encode(format_utc(parse_utc(query.cutoff))));
  if (answer.http.rejection) return refuse(repository, repository_reason(*answer.http.rejection), answer.http.rejection->detail);
  if (!answer.json.is_array()) return refuse(repository, "malformed_answer", "no list of commits");
  if (!answer.json.empty()) {
    if (!take_commit(answer.json[0], repository)) refuse(repository, "malformed_answer", "a commit without sha");
    return;
  }
  if (query.fallback_ref.empty()) return refuse(repository, "no_commit", "none at or before " + query.cutoff);
  find_ref(api, query.fallback_ref, repository);
  if (repository.reason == "gone") repository.reason = "no_commit";
  repository.is_fallback = repository.reason.empty();
}

std::string judge_tarball(const fs::path& part) {
  try {
    ArchiveReader archive(part);
    while (archive.next()) {
    }
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

void bring_tarball(HttpClient& client, const GitHubServer& server, Repository& repository) {
  // The name has exactly one '/', and no part of it leads elsewhere: is_repository_name().
  const fs::path path = server.cache / "tarballs" / repository.full_name / (repository.sha + ".tar.gz");
  if (auto rejection =
          try_download(client, server.api + "/repos/" + repository.full_name + "/tarball/" + repository.sha, path, judge_tarball))
    return refuse(repository, repository_reason(*rejection), rejection->detail);
  repository.path = path.string();
  repository.sha256 = sha256_file(path);
  repository.bytes = static_cast<std::int64_t>(fs::file_size(path));
}

HttpClient tarball_client(const GitHubServer& server) {
  HttpConfig config = server.http;
  config.max_bytes = server.max_tarball_bytes;
  return HttpClient(config);
}

}  // namespace

GitHubQuery github_query(const std::string& language) {
  GitHubQuery query;
  query.language = language;
  if (language == "coq" || language == "lean") {
    query.since = language == "lean" ? "2017-01-01" : "2009-01-01";
    query.limit = 100'000;
  }
  return query;
}

GitHubServer github_server() {
  GitHubServer server;
  server.api = environment("GITHUB_API_URL", server.api);
  while (server.api.ends_with('/')) server.api.pop_back();
  check(!url_origin(server.api).empty(), "GITHUB_API_URL is no http or https address: ", server.api);
  server.http.token = environment("GITHUB_TOKEN");
  server.cache = cache_folder() / "github";
  return server;
}

bool is_repository_name(const std::string& full_name) {
  const std::size_t slash = full_name.find('/');
  if (slash == std::string::npos || full_name.find('/', slash + 1) != std::string::npos || full_name.size() > 300) return false;
  for (const std::string& part : {full_name.substr(0, slash), full_name.substr(slash + 1)}) {
    if (part.empty() || part == "." || part == "..") return false;
    for (const char c : part)
      if (!is_ascii_letter(c) && !is_ascii_digit(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

bool is_excluded_repository(const std::string& language, const std::string& full_name) {
  const std::string name = full_name.substr(full_name.find('/') + 1);
  if (language == "isabelle") return name.starts_with("mirror-afp-2");
  if (language == "lean") return name == "ProofNet" || name == "miniF2F";
  return false;
}

std::optional<Repository> repository_from_json(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  Repository repository;
  repository.full_name = text_of(json, "full_name");
  if (!is_repository_name(repository.full_name)) return std::nullopt;
  repository.url = text_of(json, "html_url");
  repository.stars = number_of(json, "stargazers_count");
  repository.size_kib = number_of(json, "size");
  repository.is_fork = is_true(json, "fork");
  repository.is_archived = is_true(json, "archived");
  if (json.contains("license") && json["license"].is_object()) repository.licence = text_of(json["license"], "spdx_id");
  if (repository.licence == "NOASSERTION") repository.licence.clear();
  return repository;
}

GitHubApi::GitHubApi(const GitHubServer& server) : server_(server), client_(server.http) {}

JsonAnswer GitHubApi::ask(const std::string& path) {
  double& waits_until = path.starts_with("/search/") ? search_waits_until_ : core_waits_until_;
  const auto now = [] { return static_cast<double>(std::time(nullptr)); };
  if (const double seconds = waits_until - now(); seconds > 0 && seconds <= client_.config().max_wait_seconds) {
    log_info("the service's rate limit is spent: going on in {}", format_seconds(seconds));
    pause_for(seconds);
    check(!stop_requested(), "stopped while waiting for ", server_.api, ": run again to go on");
  }
  JsonAnswer answer =
      get_json(client_, server_.api + path, {"Accept: application/vnd.github+json", "X-GitHub-Api-Version: 2022-11-28"});
  const std::string reset = answer.http.header("x-ratelimit-reset");
  std::int64_t until = 0;
  if (answer.http.header("x-ratelimit-remaining") == "0" &&
      std::from_chars(reset.data(), reset.data() + reset.size(), until).ec == std::errc())
    waits_until = static_cast<double>(until) + 1;
  const bool is_refused = answer.http.rejection && answer.http.rejection->reason == "rate_limited";
  refusals_ = is_refused ? refusals_ + 1 : 0;
  check(refusals_ < 3, "the rate limit of ", server_.api, " is spent: ", is_refused ? answer.http.rejection->detail : "",
        ": run again later to go on; with a token in GITHUB_TOKEN the limit is higher");
  return answer;
}

GitHubResult fetch_github(const GitHubServer& server, const GitHubQuery& query) {
  check(!query.language.empty(), "no language to search for: write uri = \"github:coq\"");
  GitHubApi api(server);
  HttpClient downloads = tarball_client(server);
  GitHubResult result;
  search_github(api, query, result);
  log_info("{}: {} repositories found", query.language, result.repositories.size());

  // What became of each, by name: only what will not change is kept.
  const Json header = {{"journal", "github repositories 1"},
                       {"api", server.api},
                       {"cutoff", query.cutoff},
                       {"fallback_ref", query.fallback_ref},
                       {"max_tarball_bytes", server.max_tarball_bytes}};
  std::map<std::string, Repository> known;
  Journal journal(server.cache / "repositories" / (sha256_hex(header.dump()).substr(0, 12) + ".jsonl"), header,
                  [&](const Json& line) {
                    Repository repository;
                    try {
                      fields_from_json(repository, line, "journal");
                    } catch (const Error&) {
                      return;  // of another version: asked again
                    }
                    known[repository.full_name] = std::move(repository);
                  });
  for (Repository& repository : result.repositories) {
    check(!stop_requested(), "stopped while fetching repositories: run again to go on");
    if (is_excluded_repository(query.language, repository.full_name)) {
      refuse(repository, "excluded_by_name", "");
    } else {
      const auto before = known.find(repository.full_name);
      if (before != known.end() &&
          (!before->second.reason.empty() || (!before->second.path.empty() && fs::exists(before->second.path)))) {
        repository = before->second;
      } else {
        if (before != known.end() && !before->second.sha.empty()) {  // the tarball is gone, the commit is the same
          repository.sha = before->second.sha;
          repository.commit_date = before->second.commit_date;
          repository.is_fallback = before->second.is_fallback;
        } else {
          find_commit(api, query, repository);
          if (repository.reason.empty())
            journal.append(fields_to_json(repository));  // or a kill in each download would ask for ever
        }
        if (repository.reason.empty()) bring_tarball(downloads, server, repository);
        if (!is_for_a_while(repository.reason)) journal.append(fields_to_json(repository));
      }
    }
    ++result.counts[repository.reason.empty() ? "brought" : repository.reason];
    if (repository.is_fallback) ++result.counts["fallback_ref"];
  }
  return result;
}

GitHubResult fetch_github_repository(const GitHubServer& server, const std::string& name, const GitHubQuery& query) {
  const std::size_t at = name.find('@');
  const std::string full_name = name.substr(0, at), ref = at == std::string::npos ? "" : name.substr(at + 1);
  check(is_repository_name(full_name), "not a repository: \"", full_name,
        "\"; write uri = \"github:owner/name\" or \"github:owner/name@ref\"");
  check(at == std::string::npos || !ref.empty(), "no ref behind '@' in github:", name);
  GitHubApi api(server);
  const JsonAnswer answer = api.ask("/repos/" + full_name);
  check(!answer.http.rejection, "cannot find repository ", full_name, ": ",
        answer.http.rejection ? answer.http.rejection->detail : "",
        ": check the name; a private one needs a token in GITHUB_TOKEN");
  auto repository = repository_from_json(answer.json);
  check(repository.has_value(), "an answer of another shape from ", server.api, " about ", full_name, ": is GITHUB_API_URL right?");
  if (is_commit(ref))
    repository->sha = ref;
  else if (!ref.empty())
    find_ref(api, ref, *repository);
  else
    find_commit(api, query, *repository);
  HttpClient downloads = tarball_client(server);
  if (repository->reason.empty()) bring_tarball(downloads, server, *repository);
  check(repository->reason.empty(), "cannot bring ", name, ": ", repository->reason, " ", repository->detail);
  GitHubResult result;
  result.counts = {{"found", 1}, {"brought", 1}};
  if (repository->is_fallback) result.counts["fallback_ref"] = 1;
  result.repositories.push_back(std::move(*repository));
  return result;
}

}  // namespace corollary
