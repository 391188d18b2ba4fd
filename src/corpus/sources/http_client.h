#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "corpus/document.h"
#include "corpus/sources/address.h"

namespace corollary {

/// How we ask servers. Every bound is checked as bytes arrive; none needs a signal.
struct HttpConfig {
  int tries = 5;                      ///< of connections that fail or answer 408, 429 or 5xx
  double first_pause_seconds = 1;     ///< before the second try; doubles each time, at most 30
  long connect_timeout_seconds = 20;  ///< to reach the server
  long stall_timeout_seconds = 30;    ///< without a byte per second
  double max_seconds = 0;             ///< of one try, all its redirects together; 0: none
  double max_wait_seconds = 3700;     ///< a server that asks us to wait longer (a spent rate limit) is not waited for
  std::int64_t max_bytes = 0;         ///< of a body, decompressed; 0: none
  int max_redirects = 10;
  bool allow_private_addresses = false;  ///< redirects from a public address to a loopback, link-local or private one
  std::string token = {};  ///< "Authorization: Bearer ..."; sent to the scheme, host and port first asked, nowhere else
  AddressKind (*kind_of)(const sockaddr&) = address_kind;  ///< tests say what counts as public
};

/// What a server answered, or why there was no answer.
struct HttpAnswer {
  long status = 0;                                           ///< of the last hop; 0 if none answered
  std::optional<Rejection> rejection;                        ///< unset if status is 2xx and the body whole
  bool may_retry = false;                                    ///< the same request might fare better later
  std::string url;                                           ///< of the last hop
  std::vector<std::pair<std::string, std::string>> headers;  ///< of the last hop, names in lower case
  std::string error_text;                                    ///< the body of an error, at most 64 KiB
  /// The first header of this lower-case name; empty if there is none.
  std::string header(std::string_view name) const;
};

/// Takes a part of a 200's or 206's body; false stops the transfer: reason "sink_refused".
using BodySink = std::function<bool(long status, std::string_view bytes)>;

/// One connection to a server after another, kept open between requests. Redirects are followed here, hop by hop: only to http and
/// https; an address other than public only if the user's own address was of that kind and no public one came between (checked as
/// the socket is opened, so that no name can hide it; behind a proxy the name itself is judged); the token stays with its origin
/// and goes over plain http only to non-public addresses. Not for several threads at once. Reasons: bad_address, refused_address,
/// refused_redirect, too_many_redirects, no_connection, broken_off, too_slow, too_large, wrong_range, sink_refused, http_STATUS.
/// Throws Error only on stop_requested().
class HttpClient {
 public:
  explicit HttpClient(HttpConfig config = {});
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;

  const HttpConfig& config() const { return config_; }
  /// One try. from_byte > 0 asks for the rest (Range). may_compress: the server may send gzip, which is undone before the sink.
  HttpAnswer get(const std::string& url, const BodySink& sink, const std::vector<std::string>& headers = {},
                 std::int64_t from_byte = 0, bool may_compress = false);

 private:
  struct State;
  HttpConfig config_;
  std::unique_ptr<State> state_;
};

/// A JSON document and where its next page lies.
struct JsonAnswer {
  HttpAnswer http;  ///< rejection is set if there is no document: the reasons above, rate_limited, malformed_json
  Json json;
  std::string next_url;  ///< Link: <...>; rel="next", on the same origin only; empty if there is none
};

/// Asks until there is an answer that more asking would not change: waits as the server says (Retry-After, x-ratelimit-reset), else
/// with doubling pauses; a body that is no JSON counts as broken off. 16 MiB unless config.max_bytes says otherwise.
JsonAnswer get_json(HttpClient& client, const std::string& url, const std::vector<std::string>& headers = {});

/// Seconds that an answer asks us to wait: Retry-After (seconds or a date), else x-ratelimit-reset if nothing remains, else a
/// minute for a 403 or 429 that speaks of a rate limit; nullopt if it asks for nothing. now_seconds: since 1970.
std::optional<double> wait_asked(const HttpAnswer& answer, double now_seconds);
/// Sleeps, waking early if asked to stop.
void pause_for(double seconds);

/// scheme://host:port, lower case, the port always said; empty if it is no http(s) address.
std::string url_origin(const std::string& url);
/// Without user, password, query and fragment: what may stand in a log.
std::string url_for_people(const std::string& url);
/// Every byte but unreserved ones (RFC 3986) as %XX; '/' too unless keep_slash.
std::string percent_encode(std::string_view text, bool keep_slash = false);

}  // namespace corollary
