#include "corpus/web/url_rules.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::int64_t kMinCharacters = 100;
constexpr double kMaxAccented = 0.015;

constexpr std::array kSubstrings = {"arxiv-vanity", "proceedings", "bibbase", "bibtex", "issn", "arxiv-export", "bmjopen",
                                    "stackexchange.com/users", "mathoverflow.net/users",
                                    // of the list of 63
                                    "/profile/", "/researcher", "/author/", "/commit", "worldwidescience"};
constexpr std::array kDomains = {"nrsworld.com",
                                 // of the list of 63
                                 "profiles.stanford.edu", "science.gov", "nih.gov", "philpapers.org", "springermedizin.de",
                                 "sciendo.com", "plosone.org", "archive.org", "scribd.com", "issuu.com", "docplayer.net",
                                 "studylib.net", "dokumen.pub", "manualzz.com", "happyslide.net", "unz.com", "eevblog.com",
                                 "wowwiki.com", "tek-tips.com", "skepticforum.com", "8chan.moe"};

bool contains(std::string_view text, std::string_view what) { return text.find(what) != std::string_view::npos; }

/// Scheme and "//" off; an address without a scheme is taken to begin with its host.
std::string_view without_scheme(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return scheme == std::string_view::npos || url.find_first_of("/?#") < scheme ? url : url.substr(scheme + 3);
}

bool is_below(std::string_view host, std::string_view domain) {
  return host == domain || (host.size() > domain.size() && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.');
}

std::int64_t characters(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; });
}

}  // namespace

UrlRules::UrlRules(const UrlRulesConfig& config) {
  substrings_.assign(kSubstrings.begin(), kSubstrings.end());
  if (config.as_published) {
    substrings_.insert(substrings_.end(), kDomains.begin(), kDomains.end());
    substrings_.emplace_back("/authors//serials/read.dukeupress.edu");
  } else {
    domains_.assign(kDomains.begin(), kDomains.end());
    substrings_.insert(substrings_.end(), {"/authors/", "/serials/"});
    domains_.emplace_back("read.dukeupress.edu");
  }
  if (!config.url_blocklist.empty()) add_file(config.url_blocklist);
}

void UrlRules::add(std::string_view rule) {
  const auto rest = [&](std::string_view prefix) { return trim(rule.substr(prefix.size())); };
  rule = trim(rule);
  if (rule.starts_with("domain:"))
    domains_.push_back(ascii_lower(rest("domain:")));
  else if (rule.starts_with("surt:"))
    surts_.emplace_back(rest("surt:"));
  else
    substrings_.emplace_back(rule);
  for (const auto* rules : {&domains_, &surts_, &substrings_})
    check(rules->empty() || !rules->back().empty(), "an empty address rule would drop everything: ", rule);
}

void UrlRules::add_file(const fs::path& path) {
  const std::string text = read_file(path);
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trim(std::string_view(text).substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    try {
      add(line);
    } catch (const Error& error) {
      fail("", path.string(), " line ", number, ": ", error.what());
    }
  }
}

std::optional<Rejection> UrlRules::judge(std::string_view url) const {
  const auto blocked = [](std::string_view rule) { return Rejection{"url_blocked", 0, std::string(rule)}; };
  if (contains(url, "/search") && !contains(url, "//search")) return blocked("/search");
  for (const std::string& rule : substrings_)
    if (contains(url, rule)) return blocked(rule);
  if (!domains_.empty()) {
    const std::string host = url_host(url);
    for (const std::string& domain : domains_)
      if (is_below(host, domain)) return blocked(domain);
  }
  if (!surts_.empty()) {
    const std::string form = surt(url);
    for (const std::string& rule : surts_) {
      if (!form.starts_with(rule)) continue;
      const bool ends_at_component = form.size() == rule.size() || contains(",)/?", form.substr(rule.size(), 1)) ||
                                     contains(",)/?=&", rule.substr(rule.size() - 1));
      if (ends_at_component) return blocked(rule);
    }
  }
  return std::nullopt;
}

std::string url_host(std::string_view url) {
  std::string_view host = without_scheme(trim(url));
  host = host.substr(0, host.find_first_of("/?#\\"));
  host = host.substr(host.rfind('@') + 1);  // npos + 1 is 0
  if (!host.starts_with('[')) host = host.substr(0, host.find(':'));
  while (host.ends_with('.')) host.remove_suffix(1);
  return ascii_lower(host);
}

std::string surt(std::string_view url) {
  url = trim(url);
  std::string host = url_host(url);
  if (host.starts_with("www.")) host.erase(0, 4);
  std::string form;
  for (std::string_view left = host; !left.empty();) {
    const std::size_t dot = left.rfind('.');
    const std::string_view label = left.substr(dot + 1);
    if (!form.empty()) form += ',';
    form += label;
    left = dot == std::string_view::npos ? "" : left.substr(0, dot);
  }
  const std::string_view address = without_scheme(url);
  const std::size_t path = address.find_first_of("/?#");
  std::string_view authority = address.substr(0, path);
  authority = authority.substr(authority.rfind('@') + 1);
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && !authority.ends_with(']')) {
    const std::string_view port = authority.substr(colon + 1);
    if (!port.empty() && port != "80" && port != "443") form += ":" + std::string(port);
  }
  form += ')';
  std::string_view rest = path == std::string_view::npos ? "" : address.substr(path);
  rest = rest.substr(0, rest.find('#'));
  if (!rest.starts_with('/')) form += '/';
  return form.append(rest);
}

std::int64_t count_formulas(std::string_view text, std::string_view except) {
  std::int64_t count = 0;
  // The next '$' that no backslash precedes.
  const auto dollar = [&](std::size_t from) {
    for (;; ++from) {
      from = text.find('$', from);
      if (from == std::string_view::npos || from == 0 || text[from - 1] != '\\') return from;
    }
  };
  for (std::size_t at = dollar(0); at != std::string_view::npos;) {
    const std::size_t width = text.substr(at).starts_with("$$") ? 2 : 1, begin = at + width;
    std::size_t end = dollar(begin);
    while (width == 2 && end != std::string_view::npos && !text.substr(end).starts_with("$$")) end = dollar(end + 1);
    if (end == std::string_view::npos) break;
    const std::string_view formula = text.substr(begin, end - begin);
    if (!formula.empty() && (except.empty() || !contains(formula, except))) ++count;
    at = dollar(end + width);
  }
  return count;
}

double accented_share(std::string_view text) {
  const std::int64_t all = characters(text);
  std::int64_t accented = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '\xc3') continue;  // U+00C0 to U+00FF
    auto c = static_cast<unsigned char>(text[i + 1]);
    c = c >= 0xa0 ? static_cast<unsigned char>(c - 0x20) : c;                                   // to the upper case
    const bool is_vowel = (c >= 0x80 && c <= 0x84 && c != 0x83) || (c >= 0x88 && c <= 0x8f) ||  // A without tilde, E, I
                          (c >= 0x92 && c <= 0x96 && c != 0x95) || (c >= 0x99 && c <= 0x9c);    // O without tilde, U
    accented += is_vowel;
  }
  return all == 0 ? 0 : static_cast<double>(accented) / static_cast<double>(all);
}

std::string drop_newcommand_lines(std::string_view text) {
  std::string kept;
  kept.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t newline = text.find('\n', at), end = newline == std::string_view::npos ? text.size() : newline + 1;
    const std::string_view line = text.substr(at, end - at);
    at = end;
    const std::size_t first = line.find("newcommand");
    if (first != std::string_view::npos && contains(line.substr(first + 1), "newcommand")) continue;
    kept += line;
  }
  return kept;
}

ManualFilterResult manual_filter(const UrlRules& rules, std::string_view url, std::string_view text) {
  ManualFilterResult result;
  result.rejection = rules.judge(url);
  if (result.rejection) return result;
  result.text = drop_newcommand_lines(text);
  const auto reject = [&](const char* reason, std::string detail) { result.rejection = Rejection{reason, 0, std::move(detail)}; };
  const bool is_off_topic =
      contains(url, "libretexts") && !contains(url, "math") && !contains(url, "phys") && !contains(url, "stats");
  if (const std::int64_t n = characters(result.text); n < kMinCharacters)
    reject("too_short", std::to_string(n) + " characters");
  else if (is_off_topic && count_formulas(result.text, "PageIndex") == 0)
    reject("no_formulas", "libretexts");
  else if (accented_share(result.text) > kMaxAccented)
    reject("accented", "");
  return result;
}

}  // namespace corollary
