#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/files.h"
#include "corpus/sources/http_client.h"

namespace corollary {

/// Which repositories of a language, and which state of them. Defaults of each language: github_query().
struct GitHubQuery {
  std::string language;  ///< as the corpus names it: "coq"; other languages as GitHub does
  std::string since;     ///< "2009-01-01": week by week from then; empty: those with most stars
  std::string cutoff =
      "2023-04-01";  ///< created, and their last commit, at or before this day's begin (UTC), or a time in ISO 8601
  std::string fallback_ref = "master";  ///< where no commit lies at or before the cutoff; empty: such a repository is passed over
  std::int64_t limit = 1000;            ///< repositories at most
  static void each(auto& query, auto&& visit) {
    visit("language", query.language);
    visit("since", query.since);
    visit("cutoff", query.cutoff);
    visit("fallback_ref", query.fallback_ref);
    visit("limit", query.limit);
  }
};
/// What AlgebraicStack asked for (data.md section 5): coq and lean week by week (from 2009 and 2017) up to 100,000 repositories,
/// isabelle and matlab the 1,000 with most stars; so do other languages.
GitHubQuery github_query(const std::string& language);

/// The service and how it is asked.
struct GitHubServer {
  std::string api = "https://api.github.com";
  HttpConfig http = {};
  std::int64_t max_tarball_bytes = 1'000'000'000;           ///< larger ones are passed over
  std::int64_t page_size = 100, results_per_search = 1000;  ///< the API's own bounds
  fs::path cache;                                           ///< folder for journals and tarballs
};
/// $GITHUB_API_URL or the public service, $GITHUB_TOKEN, <cache>/github.
GitHubServer github_server();

/// A repository found, and what became of it.
struct Repository {
  std::string full_name;  ///< "owner/name"
  std::string url;        ///< for people
  std::string licence;    ///< SPDX identifier, as the service detected it; empty if none
  std::int64_t stars = 0;
  std::int64_t size_kib = 0;  ///< of the repository with its history, as the service says
  bool is_fork = false, is_archived = false;
  std::string sha;           ///< the commit; empty if there was none
  std::string commit_date;   ///< ISO 8601; empty if the sha was given by the user
  bool is_fallback = false;  ///< the commit is fallback_ref's, after the cutoff
  std::string path;          ///< the tarball, "" if it was not brought
  std::string sha256;        ///< of the tarball
  std::int64_t bytes = 0;    ///< of the tarball
  std::string reason;        ///< why it was not brought: a key of GitHubResult::counts; empty if it was
  std::string detail;
  static void each(auto& repository, auto&& visit) {
    visit("full_name", repository.full_name);
    visit("url", repository.url);
    visit("licence", repository.licence);
    visit("stars", repository.stars);
    visit("size_kib", repository.size_kib);
    visit("is_fork", repository.is_fork);
    visit("is_archived", repository.is_archived);
    visit("sha", repository.sha);
    visit("commit_date", repository.commit_date);
    visit("is_fallback", repository.is_fallback);
    visit("path", repository.path);
    visit("sha256", repository.sha256);
    visit("bytes", repository.bytes);
    visit("reason", repository.reason);
    visit("detail", repository.detail);
  }
};

struct GitHubResult {
  std::vector<Repository> repositories;  ///< in the order found, those that failed too
  /// found, brought, fallback_ref; searches that failed (search_REASON) or were cut short (beyond_search_limit,
  /// incomplete_results); entries the service repeated (seen_twice) or garbled (malformed_entry); and why repositories were not
  /// brought: excluded_by_name, no_commit, empty_repository, gone (404), unavailable (451), too_large, damaged_tarball,
  /// rate_limited, http_STATUS, ...
  std::map<std::string, std::int64_t> counts;
};

/// Searches, finds each repository's commit and brings its tarball, verified by unpacking it once, to <cache>/tarballs. Pages and
/// commits once learned are not asked for again, nor tarballs brought twice, however often the run was killed; what failed for a
/// while is asked again by the next run. One repository's trouble is counted and the run goes on, but for a rate limit that asks us
/// to wait longer than http.max_wait_seconds three times in a row: Error, run again later. Tarballs: bytes as the service packs
/// them today.
GitHubResult fetch_github(const GitHubServer& server, const GitHubQuery& query);
/// One repository, "owner/name" or "owner/name@ref": a branch, tag or commit; without one the last commit at or before the cutoff.
/// Throws Error if it cannot be brought.
GitHubResult fetch_github_repository(const GitHubServer& server, const std::string& name, const GitHubQuery& query);

/// Whether data.md section 5 drops a repository by its name: mirror-afp-2* (isabelle), ProofNet and miniF2F (lean).
bool is_excluded_repository(const std::string& language, const std::string& full_name);
/// "owner/name" of letters, digits, '-', '_' and '.', neither part "." or "..".
bool is_repository_name(const std::string& full_name);

}  // namespace corollary
