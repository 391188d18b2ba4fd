#include "corpus/web/html_lines.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "corpus/text.h"

namespace corollary {
namespace {

/// Our own list, in the groups of recipe 9.2: licence notices, login and cookies, sharing, votes and replies, navigation, downloads
/// and sales, footers of the great sites, errors and loading.
constexpr auto kPhrases = std::to_array<std::string_view>({
    "all rights reserved",
    "copyright",
    "creative commons",
    "licensed under",
    "terms of use",
    "terms of service",
    "terms and conditions",
    "privacy policy",
    "cookie policy",
    "privacy statement",
    "legal notice",
    "content is available under",
    "user contributions licensed under",
    "unless otherwise stated",
    "unless otherwise noted",
    "report copyright infringement",
    "dmca",
    "log in",
    "login",
    "log out",
    "logged in",
    "sign in",
    "sign up",
    "sign out",
    "signup",
    "register",
    "create account",
    "create an account",
    "forgot password",
    "forgot your password",
    "remember me",
    "your password",
    "password",
    "your email address",
    "email address will not be published",
    "required fields are marked",
    "we use cookies",
    "uses cookies",
    "accept cookies",
    "accept all cookies",
    "cookie settings",
    "by continuing to use",
    "i agree",
    "not a member",
    "already have an account",
    "please enable javascript",
    "javascript is disabled",
    "your browser does not support",
    "requires javascript",
    "share this",
    "share on facebook",
    "share on twitter",
    "share via",
    "share a link to this question",
    "tweet",
    "facebook",
    "twitter",
    "pinterest",
    "linkedin",
    "reddit",
    "whatsapp",
    "instagram",
    "follow us",
    "like us on",
    "subscribe",
    "unsubscribe",
    "newsletter",
    "rss feed",
    "rss",
    "join our",
    "get updates",
    "email this",
    "blogthis",
    "reply",
    "leave a reply",
    "leave a comment",
    "post a comment",
    "add a comment",
    "post reply",
    "reply to this",
    "post your answer",
    "your answer",
    "know someone who can answer",
    "not the answer you're looking for",
    "browse other questions tagged",
    "ask your own question",
    "ask question",
    "improve this question",
    "improve this answer",
    "add comment",
    "cancel reply",
    "view all comments",
    "show more comments",
    "upvote",
    "downvote",
    "report post",
    "quote reply",
    "you must log in to answer",
    "thread closed",
    "posting permissions",
    "you may not post",
    "similar threads",
    "last edited by",
    "no comments",
    "click here to",
    "read more",
    "learn more",
    "see more",
    "show more",
    "load more",
    "view more",
    "jump to",
    "skip to content",
    "skip to main content",
    "back to top",
    "top of page",
    "previous post",
    "next post",
    "previous page",
    "next page",
    "main menu",
    "site map",
    "sitemap",
    "home page",
    "table of contents",
    "all categories",
    "filed under",
    "posted in",
    "tagged with",
    "about us",
    "contact us",
    "contact",
    "faq",
    "help center",
    "print this page",
    "printer friendly",
    "download pdf",
    "download now",
    "free download",
    "buy now",
    "add to cart",
    "shopping cart",
    "add to wishlist",
    "go premium",
    "free trial",
    "upgrade to",
    "in stock",
    "special offer",
    "order now",
    "advertisement",
    "sponsored",
    "advertise with us",
    "retrieved from",
    "this page was last edited",
    "this page was last modified",
    "from wikipedia the free encyclopedia",
    "wikimedia foundation",
    "what links here",
    "related changes",
    "printable version",
    "edit this page",
    "view history",
    "hosted by",
    "powered by",
    "wordpress com",
    "blog at wordpress com",
    "vbulletin",
    "phpbb",
    "page not found",
    "404 not found",
    "access denied",
    "loading",
    "please wait",
    "an error occurred",
    "uh oh there was an error",
    "try again later",
    "request blocked",
    "captcha",
});

/// Words in lower case; an apostrophe belongs to its word.
void split_words(std::string_view line, std::vector<std::string>& words) {
  words.clear();
  std::string word;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    const char c = i < line.size() ? line[i] : ' ';
    const bool is_word = is_ascii_letter(c) || is_ascii_digit(c) || c == '\'' || (static_cast<unsigned char>(c) & 0x80) != 0;
    if (is_word) {
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
}

using Phrases = std::unordered_map<std::string, std::vector<std::vector<std::string>>>;
const Phrases& phrases_by_first_word() {
  static const Phrases phrases = [] {
    Phrases made;
    std::vector<std::string> words;
    for (const std::string_view phrase : kPhrases) {
      split_words(phrase, words);
      made[words[0]].push_back(words);
    }
    return made;
  }();
  return phrases;
}

struct Line {
  std::string_view text;
  bool is_code = false, has_formula = false;
  int level = 0;  ///< of a heading
};

std::vector<Line> read_lines(std::string_view text) {
  std::vector<Line> lines;
  std::string_view fence;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    Line line{text.substr(at, end - at)};
    at = end + 1;
    const std::string_view inside = trim(line.text);
    if (!fence.empty()) {
      line.is_code = true;
      if (inside == fence) fence = {};
    } else if (inside.starts_with("```")) {
      line.is_code = true;
      fence = inside.substr(0, inside.find_first_not_of('`'));
    } else {
      for (std::size_t i = line.text.find('$'); i != std::string_view::npos && !line.has_formula; i = line.text.find('$', i + 1))
        line.has_formula = i == 0 || line.text[i - 1] != '\\';
      line.has_formula = line.has_formula || inside.starts_with("\\begin{");
      std::size_t marks = 0;
      while (marks < line.text.size() && line.text[marks] == '#') ++marks;
      if (marks > 0 && marks <= 6 && marks < line.text.size() && line.text[marks] == ' ') line.level = static_cast<int>(marks);
    }
    lines.push_back(line);
  }
  return lines;
}

bool starts_with_cjk(std::string_view text) {  // U+4E00..U+9FFF are E4 B8 80 .. E9 BF BF
  if (text.size() < 3) return false;
  const auto a = static_cast<unsigned char>(text[0]), b = static_cast<unsigned char>(text[1]);
  return (a == 0xE4 && b >= 0xB8) || (a >= 0xE5 && a <= 0xE9);
}

}  // namespace

LineScore boilerplate_score(std::string_view line) {
  thread_local std::vector<std::string> words;
  split_words(line, words);
  LineScore score;
  score.words = static_cast<int>(words.size());
  const Phrases& phrases = phrases_by_first_word();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto at = phrases.find(words[i]);
    if (at == phrases.end()) continue;
    for (const auto& phrase : at->second) {
      bool is_here = i + phrase.size() <= words.size();
      for (std::size_t k = 1; is_here && k < phrase.size(); ++k) is_here = words[i + k] == phrase[k];
      if (is_here) score.score += static_cast<int>(phrase.size());
    }
  }
  return score;
}

std::string apply_line_rules(std::string_view text, const LineRules& rules) {
  std::vector<Line> lines = read_lines(text);
  std::vector<char> is_kept(lines.size(), 1);
  std::int64_t left = 0, total = 0;
  for (const Line& line : lines) total += line.text.empty() ? 0 : 1;
  left = total;
  bool is_cut = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    if (line.text.empty()) continue;
    --left;
    if (line.is_code || line.has_formula) continue;
    if (is_cut) {
      is_kept[i] = 0;
      continue;
    }
    // "|", "»": what stood between links that are gone.
    if (line.text.size() <= 8 && std::none_of(line.text.begin(), line.text.end(), [](char c) {
          return is_ascii_letter(c) || is_ascii_digit(c) || (static_cast<unsigned char>(c) >= 0xC3);
        })) {
      is_kept[i] = 0;
      continue;
    }
    // A number all alone: votes, answers, pages.
    const bool is_alone = (i == 0 || lines[i - 1].text.empty()) && (i + 1 == lines.size() || lines[i + 1].text.empty());
    if (is_alone && line.text.size() <= 4 && std::all_of(line.text.begin(), line.text.end(), is_ascii_digit)) is_kept[i] = 0;
    if (rules.removes_cjk_lines && starts_with_cjk(trim(line.text))) is_kept[i] = 0;
    constexpr std::size_t kMaxLine = 2000;  // no phrase makes a boilerplate of so much text
    if (!rules.removes_boilerplate || line.text.size() > kMaxLine) continue;
    const LineScore score = boilerplate_score(line.text);
    if (score.score == 0) continue;
    const bool is_boilerplate = score.score > rules.ratio * (score.words + 0.001) || score.score > rules.absolute;
    // A heading is dropped by what follows it, and a list's or a sentence's few words decide nothing on their own.
    if (!is_boilerplate) continue;
    is_kept[i] = 0;
    if (left < rules.end && 2 * left < total) is_cut = true;
  }
  if (rules.removes_empty_headings) {
    constexpr std::size_t kLongLine = 16;
    // From the end: `open` is the highest rank above which a heading has text below it.
    std::array<bool, 7> has_text{};  // [n]: since the last kept heading of rank n or higher seen (from below)
    for (std::size_t i = lines.size(); i-- > 0;) {
      if (is_kept[i] == 0 || lines[i].text.empty()) continue;
      if (lines[i].level == 0) {
        const std::string_view inside = trim(lines[i].text);
        const bool is_item = inside.starts_with("- ") || (is_ascii_digit(inside[0]) && inside.find(". ") < 5);
        if (lines[i].is_code || lines[i].has_formula || is_item || inside.size() > kLongLine) has_text.fill(true);
        continue;
      }
      const int level = lines[i].level;
      if (!has_text[static_cast<std::size_t>(level)]) {
        is_kept[i] = 0;
        continue;
      }
      // What follows belongs to this heading; a heading of the same or a lower rank above needs text of its own.
      for (int n = level; n <= 6; ++n) has_text[static_cast<std::size_t>(n)] = false;
    }
  }
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (is_kept[i] != 0) out.append(lines[i].text) += '\n';
  return tidy_lines(out);
}

}  // namespace corollary
