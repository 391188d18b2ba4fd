#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "corpus/sources/http_client.h"
#include "corpus/text.h"

namespace corollary {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// The target of rel="next" in a Link header (RFC 8288): <address>; rel="next", <address>; rel="last"
std::string next_link(std::string_view header) {
  while (!header.empty()) {
    const std::size_t open = header.find('<'), close = header.find('>', open == std::string_view::npos ? 0 : open);
    if (open == std::string_view::npos || close == std::string_view::npos) return {};
    const std::string_view target = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    const std::string_view parameters = header.substr(0, header.find('<'));
    if (parameters.find("rel=\"next\"") != std::string_view::npos || parameters.find("rel=next") != std::string_view::npos)
      return std::string(target);
  }
  return {};
}

}  // namespace

std::optional<double> wait_asked(const HttpAnswer& answer, double now_seconds) {
  if (answer.status < 400) return std::nullopt;
  if (const std::string asked = answer.header("retry-after"); !asked.empty()) {
    if (const auto seconds = whole_number(asked)) return static_cast<double>(*seconds);
    if (const std::time_t date = curl_getdate(asked.c_str(), nullptr); date > 0)
      return std::max(0.0, static_cast<double>(date) - now_seconds);
  }
  if (answer.status != 403 && answer.status != 429) return std::nullopt;
  if (answer.header("x-ratelimit-remaining") == "0")
    // A second more: the clocks differ, and asking too early counts against us.
    if (const auto reset = whole_number(answer.header("x-ratelimit-reset")))
      return std::max(1.0, static_cast<double>(*reset) - now_seconds + 1);
  if (answer.status == 429 || ascii_lower(answer.error_text).find("rate limit") != std::string::npos) return 60;
  return std::nullopt;
}

JsonAnswer get_json(HttpClient& client, const std::string& url, const std::vector<std::string>& headers) {
  const HttpConfig& config = client.config();
  const std::size_t max_bytes = config.max_bytes > 0 ? static_cast<std::size_t>(config.max_bytes) : std::size_t{16} << 20;
  double pause_seconds = config.first_pause_seconds;
  for (int tried = 1;; ++tried) {
    JsonAnswer answer;
    std::string body;
    bool is_too_large = false;
    answer.http = client.get(
        url,
        [&](long, std::string_view bytes) {
          is_too_large = body.size() + bytes.size() > max_bytes;
          if (!is_too_large) body += bytes;
          return !is_too_large;
        },
        headers, 0, true);
    std::optional<Rejection>& rejection = answer.http.rejection;
    if (is_too_large) rejection = Rejection{"too_large", 0, "more than " + std::to_string(max_bytes) + " bytes"};
    if (!rejection) {
      try {
        answer.json = parse_json(body, url_for_people(url));
        const std::string next = next_link(answer.http.header("link"));
        if (url_origin(next) == url_origin(url)) answer.next_url = next;  // a page elsewhere would be a redirect nobody checked
        return answer;
      } catch (const Error& error) {
        rejection = Rejection{"malformed_json", 0, error.what()};
        answer.http.may_retry = true;
      }
    }
    const auto asked = wait_asked(answer.http, static_cast<double>(std::time(nullptr)));
    if (asked) {
      rejection = Rejection{"rate_limited", 0, rejection->detail + ", which asks to wait " + format_seconds(*asked)};
      answer.http.may_retry = *asked <= config.max_wait_seconds;
    }
    if (!answer.http.may_retry || tried >= config.tries) return answer;
    const double seconds = asked.value_or(pause_seconds);
    if (!asked) pause_seconds = std::min(2 * pause_seconds, 30.0);
    log_warning("{}: {}; asking again in {}", url_for_people(url), rejection->detail, format_seconds(seconds));
    pause_for(seconds);
    check(!stop_requested(), "stopped while waiting for ", url_for_people(url), ": run again to go on");
  }
}

}  // namespace corollary
