#pragma once
#include <optional>
#include <string>
#include <vector>

#include "corpus/sources/github.h"

namespace corollary {

/// The REST API behind github.h, shared by its search and its tarballs.
class GitHubApi {
 public:
  explicit GitHubApi(const GitHubServer& server);
  /// `path` begins with "/"; waits first if an earlier answer said that nothing remains. Throws Error after three refusals in a row
  /// that ask for a longer wait than allowed.
  JsonAnswer ask(const std::string& path);
  const GitHubServer& server() const { return server_; }

 private:
  GitHubServer server_;
  HttpClient client_;
  double search_waits_until_ = 0, core_waits_until_ = 0;  ///< seconds since 1970
  int refusals_ = 0;
};

/// An entry of the search's "items", or a repository's own page; nullopt if it is not of that shape.
std::optional<Repository> repository_from_json(const Json& json);

/// Seconds since 1970 of "2023-04-01" or "2023-04-01T12:00:00Z"; Error if it is neither.
std::int64_t parse_utc(const std::string& text);
std::string format_utc(std::int64_t seconds);  ///< "2023-04-01T12:00:00Z"

/// Appends what is found to result.repositories and counts the rest.
void search_github(GitHubApi& api, const GitHubQuery& query, GitHubResult& result);

}  // namespace corollary
