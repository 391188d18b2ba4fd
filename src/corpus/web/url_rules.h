#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "corpus/document.h"

namespace corollary {

/// The manual filter of OpenWebMath (recipe/data.md 9.5).
struct UrlRulesConfig {
  std::string url_blocklist = {};  ///< a file with more rules, see UrlRules::add; "" for none
  /// As upstream: every rule is a substring of the whole address ("unz.com" then drops kunz.com), and the three strings that lack
  /// their commas, "/authors/", "/serials/" and "read.dukeupress.edu", are one that nothing contains.
  bool as_published = false;
};

/// Address rules. Upstream's list has 63 effective strings; our record of it names 27 (26, and the one of the three), which are
/// here: the other 36 (more author pages, publishers, document mills, forums, publication lists) are not known to us.
class UrlRules {
 public:
  explicit UrlRules(const UrlRulesConfig& config = {});

  /// A rule: "domain:nih.gov" (that host and those below it), "surt:gov,nih)/pubs" (a prefix of surt(), ending at a component), or
  /// any other text: a substring of the address. Throws Error on an empty rule.
  void add(std::string_view rule);
  /// One rule a line; blank lines and lines that begin with '#' say nothing. Throws Error with file and line.
  void add_file(const fs::path& path);

  /// "url_blocked" with the rule as detail. "/search" drops too, unless "//search" is in the address as well.
  std::optional<Rejection> judge(std::string_view url) const;

 private:
  std::vector<std::string> substrings_, domains_, surts_;
};

/// "HTTP://www.A.org:80/b?c" -> "org,a)/b?c": the host's labels from the right, lower case, without "www.", port 80 or 443, user or
/// scheme.
std::string surt(std::string_view url);
/// Lower case, without port and user; "" if there is none.
std::string url_host(std::string_view url);

struct ManualFilterResult {
  std::string text;  ///< without the lines that say "newcommand" more than once
  std::optional<Rejection> rejection;
};
/// All of 9.5 for one document, text as extracted (formulas between $ or $$, other dollars as \$). Reasons: "url_blocked",
/// "too_short" (less than 100 characters), "accented" (more than 1.5 % of the characters), "no_formulas" (libretexts, unless the
/// address has math, phys or stats).
ManualFilterResult manual_filter(const UrlRules& rules, std::string_view url, std::string_view text);

/// Pieces between $ or $$ that do not contain `except`, if that is not empty.
std::int64_t count_formulas(std::string_view text, std::string_view except = {});
/// Of the letters u i o e a with diaeresis, circumflex, grave or acute, in either case; 0 for empty text.
double accented_share(std::string_view text);
/// Without the lines in which "newcommand" stands more than once.
std::string drop_newcommand_lines(std::string_view text);

}  // namespace corollary
