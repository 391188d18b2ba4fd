#include "corpus/sources/http_client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxErrorText = 64 << 10, kMaxHeaderBytes = 256 << 10;

using OwnedUrl = std::unique_ptr<CURLU, void (*)(CURLU*)>;
using OwnedList = std::unique_ptr<curl_slist, void (*)(curl_slist*)>;

OwnedUrl parsed(const std::string& url) {
  OwnedUrl handle(curl_url(), curl_url_cleanup);
  if (handle && curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) handle.reset();
  return handle;
}
std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool is_redirect(long status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

/// Whether the environment sends this scheme through a proxy, as libcurl reads it (upper case HTTP_PROXY is ignored there too).
bool has_proxy(const std::string& scheme) {
  const auto is_set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  return (scheme == "https" ? is_set("https_proxy") || is_set("HTTPS_PROXY") : is_set("http_proxy")) || is_set("all_proxy") ||
         is_set("ALL_PROXY");
}

}  // namespace

std::string HttpAnswer::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

struct HttpClient::State {
  std::unique_ptr<CURL, void (*)(CURL*)> curl{curl_easy_init(), curl_easy_cleanup};

  // Of the hop in progress; callbacks find it here.
  const HttpConfig* config = nullptr;
  const BodySink* sink = nullptr;
  HttpAnswer* answer = nullptr;
  bool is_first_hop = true, is_proxied = false, is_too_large = false, is_wrong_range = false, sink_refused = false;
  AddressKind trusted = AddressKind::is_public;  ///< what redirects may reach besides public addresses
  std::string refused;                           ///< the kind of an address that was not connected to
  std::int64_t from_byte = 0, body_bytes = 0;
  std::size_t header_bytes = 0;

  bool may_reach(AddressKind kind) const {
    return is_first_hop || config->allow_private_addresses || kind == AddressKind::is_public ||
           (kind == trusted && (kind == AddressKind::loopback || kind == AddressKind::is_private));
  }

  /// Whether a 206 begins where we asked and holds something: "Content-Range: bytes FIRST-LAST/LENGTH".
  bool is_range_right() const {
    const std::string range = answer->header("content-range");
    long long first = 0, last = 0;
    return std::sscanf(range.c_str(), "bytes %19lld-%19lld", &first, &last) == 2 && first == from_byte && last >= first;
  }

  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& state = *static_cast<State*>(self);
    const AddressKind kind = state.config->kind_of(address->addr);
    if (!state.is_proxied && !state.may_reach(kind)) {
      state.refused = address_kind_name(kind);
      return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }

  static std::size_t on_header(char* bytes, std::size_t one, std::size_t n, void* self) {
    auto& state = *static_cast<State*>(self);
    const std::string_view line(bytes, one * n);
    if ((state.header_bytes += line.size()) > kMaxHeaderBytes) return 0;
    if (line.starts_with("HTTP/")) state.answer->headers.clear();  // of an interim answer
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos)
      state.answer->headers.emplace_back(ascii_lower(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
    // 416 says all it has to say here; some servers announce a body for it that never comes.
    long status = 0;
    if (line == "\r\n") curl_easy_getinfo(state.curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status == 206 && !state.is_range_right()) {
      state.is_wrong_range = true;
      return 0;
    }
    return status == 416 ? 0 : line.size();
  }

  static std::size_t on_body(char* bytes, std::size_t one, std::size_t n, void* self) {
    auto& state = *static_cast<State*>(self);
    const std::string_view part(bytes, one * n);
    long status = 0;
    curl_easy_getinfo(state.curl.get(), CURLINFO_RESPONSE_CODE, &status);
    state.body_bytes += static_cast<std::int64_t>(part.size());
    if (status != 200 && status != 206) {
      std::string& text = state.answer->error_text;
      text.append(part.substr(0, kMaxErrorText - text.size()));
      // An endless error page is cut off; what it says is known by then.
      return state.body_bytes > std::int64_t{1} << 24 ? 0 : part.size();
    }
    const std::int64_t whole_bytes = state.body_bytes + (status == 206 ? state.from_byte : 0);
    if (state.config->max_bytes > 0 && whole_bytes > state.config->max_bytes) {
      state.is_too_large = true;
      return 0;
    }
    if (!(*state.sink)(status, part)) {
      state.sink_refused = true;
      return 0;
    }
    return part.size();
  }

  static int on_progress(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return stop_requested() ? 1 : 0; }

  /// The kind of the address this hop spoke to; behind a proxy, of the name asked for.
  AddressKind kind_reached(const std::string& host) const {
    if (is_proxied) return address_kind_of_host(host).value_or(AddressKind::is_public);
    char* text = nullptr;
    curl_easy_getinfo(curl.get(), CURLINFO_PRIMARY_IP, &text);
    sockaddr_in in4 = {};
    sockaddr_in6 in6 = {};
    if (text != nullptr && ::inet_pton(AF_INET, text, &in4.sin_addr) == 1) {
      in4.sin_family = AF_INET;
      return config->kind_of(reinterpret_cast<const sockaddr&>(in4));
    }
    if (text != nullptr && ::inet_pton(AF_INET6, text, &in6.sin6_addr) == 1) {
      in6.sin6_family = AF_INET6;
      return config->kind_of(reinterpret_cast<const sockaddr&>(in6));
    }
    return AddressKind::is_public;  // unknown: trust it the least
  }
};

HttpClient::HttpClient(HttpConfig config) : config_(std::move(config)) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  check(global == CURLE_OK, "libcurl cannot start: ", curl_easy_strerror(global));
  state_ = std::make_unique<State>();
  check(state_->curl != nullptr, "out of memory for libcurl");
  check(config_.token.find_first_of("\r\n") == std::string::npos, "a token cannot hold line breaks: correct it");
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

HttpAnswer HttpClient::get(const std::string& url, const BodySink& sink, const std::vector<std::string>& headers,
                           std::int64_t from_byte, bool may_compress) {
  const auto start = std::chrono::steady_clock::now();
  const auto seconds_left = [&] {
    return config_.max_seconds - std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  HttpAnswer answer;
  State& state = *state_;
  CURL* curl = state.curl.get();
  state.config = &config_, state.sink = &sink, state.answer = &answer, state.from_byte = from_byte;
  state.is_too_large = state.is_wrong_range = state.sink_refused = false;
  state.refused.clear();
  const auto refuse = [&](std::string reason, std::string detail, bool may_retry = false) {
    answer.rejection = Rejection{std::move(reason), 0, std::move(detail)};
    answer.may_retry = may_retry;
    return answer;
  };

  const std::string origin = url_origin(url), range = std::to_string(from_byte) + "-";
  answer.url = url;
  if (origin.empty()) return refuse("bad_address", "not an http or https address: " + url);
  for (int hop = 0;; ++hop) {
    const OwnedUrl here = parsed(answer.url);
    const std::string scheme = part_of(here.get(), CURLUPART_SCHEME), host = part_of(here.get(), CURLUPART_HOST);
    state.is_first_hop = hop == 0;
    state.is_proxied = has_proxy(scheme);
    state.body_bytes = 0, state.header_bytes = 0;
    answer.headers.clear();
    answer.error_text.clear();
    answer.status = 0;
    const auto literal = address_kind_of_host(host);
    if (state.is_proxied && literal && !state.may_reach(*literal))
      return refuse("refused_address",
                    std::string("a redirect to a ") + address_kind_name(*literal) + " address: " + url_for_people(answer.url));

    curl_easy_reset(curl);
    OwnedList list(nullptr, curl_slist_free_all);
    const auto add_header = [&](const std::string& line) { list.reset(curl_slist_append(list.release(), line.c_str())); };
    for (const std::string& line : headers) add_header(line);
    if (!config_.token.empty() && url_origin(answer.url) == origin) {
      if (scheme != "https" && literal.value_or(AddressKind::is_public) == AddressKind::is_public)
        return refuse("refused_address", "a token does not go over plain http: use https in " + url_for_people(url));
      add_header("Authorization: Bearer " + config_.token);
    }
    curl_easy_setopt(curl, CURLOPT_URL, answer.url.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list.get());
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "corollary");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, config_.connect_timeout_seconds);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, config_.stall_timeout_seconds);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, State::open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &state);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, State::on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &state);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, State::on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &state);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, State::on_progress);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (may_compress) curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (from_byte > 0) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
    if (hop > 0 && !config_.allow_private_addresses) {
      // A connection opened when the user asked for its address himself was not checked against this redirect.
      curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
      // no_proxy would let a name past the proxy whose address nobody checks.
      if (state.is_proxied) curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
    }
    if (config_.max_bytes > 0) curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(config_.max_bytes));
    if (config_.max_seconds > 0)
      curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max(1.0, 1000 * seconds_left())));

    const CURLcode code = curl_easy_perform(curl);
    check(!stop_requested(), "stopped while reading ", url_for_people(url), ": run again to go on");
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    if (!state.refused.empty())
      return refuse("refused_address", "a redirect from " + url_for_people(url) + " to a " + state.refused +
                                           " address: " + url_for_people(answer.url));
    if (state.is_too_large || code == CURLE_FILESIZE_EXCEEDED)
      return refuse("too_large", "more than " + std::to_string(config_.max_bytes) + " bytes");
    if (state.sink_refused) return refuse("sink_refused", "the bytes could not be kept");
    if (state.is_wrong_range)
      return refuse("wrong_range", "the server sent bytes " + answer.header("content-range") + " for " + range, true);
    const bool is_error_page_cut = code == CURLE_WRITE_ERROR && answer.status >= 300;
    if (code != CURLE_OK && !is_error_page_cut) {
      const bool is_useless = code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT;
      return refuse(is_useless                         ? "bad_address"
                    : code == CURLE_OPERATION_TIMEDOUT ? "too_slow"
                    : answer.status == 0               ? "no_connection"
                                                       : "broken_off",
                    curl_easy_strerror(code), !is_useless);
    }
    if (!is_redirect(answer.status)) break;

    const AddressKind kind = state.kind_reached(host);
    if (hop == 0 || kind == AddressKind::is_public) state.trusted = kind;
    char* next = nullptr;  // resolved against this hop's address
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &next);
    if (next == nullptr || url_origin(next).empty())
      return refuse("refused_redirect", "HTTP status " + std::to_string(answer.status) + " to \"" + answer.header("location") +
                                            "\", which is no http or https address");
    if (hop == config_.max_redirects)
      return refuse("too_many_redirects", std::to_string(hop + 1) + " redirects from " + url_for_people(url));
    answer.url = next;
  }
  if (answer.status >= 200 && answer.status < 300) return answer;
  const long status = answer.status;
  return refuse("http_" + std::to_string(status), "HTTP status " + std::to_string(status),
                status == 408 || status == 429 || status >= 500);
}

std::string url_origin(const std::string& url) {
  const OwnedUrl handle = parsed(url);
  if (!handle) return {};
  const std::string scheme = part_of(handle.get(), CURLUPART_SCHEME), host = part_of(handle.get(), CURLUPART_HOST);
  if ((scheme != "http" && scheme != "https") || host.empty()) return {};
  return scheme + "://" + ascii_lower(host) + ":" + part_of(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string url_for_people(const std::string& url) {
  const OwnedUrl handle = parsed(url);
  if (!handle) return url.substr(0, url.find_first_of("?#"));
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT})
    curl_url_set(handle.get(), part, nullptr, 0);
  return part_of(handle.get(), CURLUPART_URL);
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    if (is_ascii_letter(c) || is_ascii_digit(c) || std::string_view("-._~").find(c) != std::string_view::npos ||
        (keep_slash && c == '/')) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%', out += "0123456789ABCDEF"[byte >> 4], out += "0123456789ABCDEF"[byte & 15];
    }
  }
  return out;
}

void pause_for(double seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < until && !stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

}  // namespace corollary
