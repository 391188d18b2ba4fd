#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <tuple>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "corpus/sources/github_api.h"
#include "corpus/sources/journal.h"

namespace corollary {
namespace {

constexpr std::int64_t kDay = 86'400, kWeek = 7 * kDay;
/// Nothing lies before: the service opened in 2008.
constexpr const char* kBegin = "2008-01-01";

/// As the service names the corpus's languages.
std::string service_language(const std::string& language) {
  static const std::map<std::string, std::string> names = {
      {"coq", "Coq"}, {"isabelle", "Isabelle"}, {"lean", "Lean"}, {"matlab", "MATLAB"}, {"jupyter-notebook", "Jupyter Notebook"},
      {"cpp", "C++"}};
  const auto known = names.find(language);
  return known == names.end() ? language : known->second;
}

/// A search of one stretch of time, seconds from `from` to `to`, both included.
class Search {
 public:
  Search(GitHubApi& api, const GitHubQuery& query, GitHubResult& result)
      : api_(api), query_(query), result_(result), journal_(journal_path(), header(), [this](const Json& line) { learn(line); }) {}

  /// Whether the limit is not reached.
  bool wants_more() const { return std::ssize(result_.repositories) < limit_; }

  /// may_split: where the service would not show all that it found, it is asked about each half.
  void visit(std::int64_t from, std::int64_t to, bool may_split) {
    const std::int64_t per_search = api_.server().results_per_search, page_size = api_.server().page_size;
    for (std::int64_t number = 1; wants_more(); ++number) {
      const Json* page = page_of(from, to, number);
      if (page == nullptr) return;
      const std::int64_t total = (*page)["total"].get<std::int64_t>();
      if (number == 1 && total > per_search && may_split) {
        if (from < to) {
          const std::int64_t middle = from + (to - from) / 2;
          visit(from, middle, true);
          visit(middle + 1, to, true);
          return;
        }
        result_.counts["beyond_search_limit"] += total - per_search;
      }
      for (const Json& entry : (*page)["items"]) add(entry);
      if (number * page_size >= std::min(total, per_search)) return;
    }
  }

  void set_limit(std::int64_t limit) { limit_ = limit; }

 private:
  /// A journal answers one question; other questions have other files.
  Json header() const {
    Json json = {{"journal", "github search 1"}, {"api", api_.server().api}};
    json["language"] = query_.language;
    json["page_size"] = api_.server().page_size;
    return json;
  }
  fs::path journal_path() const {
    std::string name = query_.language;
    for (char& c : name)
      if (c == '/' || c == '.') c = '_';
    return api_.server().cache / "search" / (name + "-" + sha256_hex(header().dump()).substr(0, 12) + ".jsonl");
  }
  void learn(const Json& line) {
    for (const char* key : {"from", "to", "page", "total"})
      if (!line.contains(key) || !line[key].is_number_integer()) return;
    if (!line.contains("items") || !line["items"].is_array()) return;
    pages_[{line["from"], line["to"], line["page"]}] = line;
  }

  std::string query_text(std::int64_t from, std::int64_t to) const {
    return fmt::format("language:\"{}\" created:{}..{}", service_language(query_.language), format_utc(from), format_utc(to));
  }

  /// From the journal, else from the service and into it; nullptr if it cannot be had now.
  const Json* page_of(std::int64_t from, std::int64_t to, std::int64_t number) {
    const auto key = std::make_tuple(from, to, number);
    if (const auto known = pages_.find(key); known != pages_.end()) return &known->second;
    const std::string path = fmt::format("/search/repositories?q={}&sort=stars&order=desc&per_page={}&page={}",
                                         percent_encode(query_text(from, to)), api_.server().page_size, number);
    const JsonAnswer answer = api_.ask(path);
    if (answer.http.rejection) return failed(from, to, number, *answer.http.rejection);
    const Json& json = answer.json;
    if (!json.is_object() || !json.contains("items") || !json["items"].is_array() || !json.contains("total_count") ||
        !json["total_count"].is_number_unsigned())
      return failed(from, to, number, Rejection{"malformed_answer", 0, to_line(json).substr(0, 200)});
    Json line = {{"from", from}, {"to", to}, {"page", number}, {"total", json["total_count"].get<std::int64_t>()}};
    line["items"] = Json::array();
    for (const Json& item : json["items"]) {
      if (const auto repository = repository_from_json(item))
        line["items"].push_back(fields_to_json(*repository));
      else
        line["items"].push_back(nullptr);
    }
    const bool is_incomplete = json.contains("incomplete_results") && json["incomplete_results"] == true;
    if (is_incomplete)  // the service ran out of time: used, but asked again by the next run
      ++result_.counts["incomplete_results"];
    else
      journal_.append(line);
    return &(pages_[key] = std::move(line));
  }
  const Json* failed(std::int64_t from, std::int64_t to, std::int64_t number, const Rejection& rejection) {
    ++result_.counts["search_" + rejection.reason];
    log_warning("search for {} created {} to {}, page {}: {}; going on, the next run asks again", query_.language, format_utc(from),
                format_utc(to), number, rejection.detail);
    return nullptr;
  }

  void add(const Json& entry) {
    if (!wants_more()) return;
    Repository repository;
    try {
      fields_from_json(repository, entry, "search entry");
    } catch (const Error&) {
      ++result_.counts["malformed_entry"];
      return;
    }
    if (!seen_.insert(repository.full_name).second) {  // pages shift while we read them
      ++result_.counts["seen_twice"];
      return;
    }
    result_.repositories.push_back(std::move(repository));
  }

  GitHubApi& api_;
  const GitHubQuery& query_;
  GitHubResult& result_;
  std::int64_t limit_ = 0;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, Json> pages_;
  std::set<std::string> seen_;
  Journal journal_;
};

}  // namespace

std::int64_t parse_utc(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, end = 0;
  const bool is_day = std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &end) == 3 && end == std::ssize(text);
  const bool is_time =
      !is_day && std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute, &second, &end) == 6 &&
      end == std::ssize(text);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  check((is_day || is_time) && date.ok() && hour < 24 && minute < 60 && second < 60 && hour >= 0 && minute >= 0 && second >= 0,
        "not a date: \"", text, "\"; write 2023-04-01 or 2023-04-01T00:00:00Z");
  return std::chrono::sys_days(date).time_since_epoch().count() * kDay + hour * 3600 + minute * 60 + second;
}

std::string format_utc(std::int64_t seconds) {
  const std::int64_t days = seconds / kDay, rest = seconds % kDay;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), rest / 3600, rest / 60 % 60, rest % 60);
}

void search_github(GitHubApi& api, const GitHubQuery& query, GitHubResult& result) {
  const std::int64_t end = parse_utc(query.cutoff);
  Search search(api, query, result);
  search.set_limit(query.limit);
  if (!query.since.empty()) {
    for (std::int64_t week = parse_utc(query.since); week <= end && search.wants_more(); week += kWeek)
      search.visit(week, std::min(week + kWeek - 1, end), true);
  } else if (query.limit <= api.server().results_per_search) {
    search.visit(parse_utc(kBegin), end, false);
  } else {  // more than one search shows: all of them, then those with most stars
    search.set_limit(std::numeric_limits<std::int64_t>::max());
    search.visit(parse_utc(kBegin), end, true);
    std::stable_sort(result.repositories.begin(), result.repositories.end(),
                     [](const Repository& a, const Repository& b) { return a.stars > b.stars; });
    if (std::ssize(result.repositories) > query.limit) result.repositories.resize(static_cast<std::size_t>(query.limit));
  }
  result.counts["found"] = std::ssize(result.repositories);
}

}  // namespace corollary
