#include "corpus/web/html_delimiters.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <unordered_set>

#include "corpus/text.h"
#include "corpus/web/math_marks.h"

namespace corollary {
namespace {

using Pair = MathDelimiters::Pair;

bool contains(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

/// Reads a JavaScript string at script[i], a quote; leaves i behind it. nullopt if it does not end.
std::optional<std::string> read_string(std::string_view script, std::size_t& i) {
  const char quote = script[i++];
  std::string out;
  for (; i < script.size(); ++i) {
    if (script[i] == quote) {
      ++i;
      return out;
    }
    if (script[i] == '\\' && i + 1 < script.size()) ++i;
    out += script[i];
  }
  return std::nullopt;
}

/// The text of the list or object that follows the next ':' or '=' behind `at`; "" if there is none near.
std::string_view value_behind(std::string_view page, std::size_t at) {
  constexpr std::size_t kMaxConfigBytes = 4096;
  std::size_t i = at;
  while (i < page.size() && i < at + 8 &&
         (is_ascii_space(page[i]) || page[i] == '"' || page[i] == '\'' || page[i] == ':' || page[i] == '='))
    ++i;
  if (i >= page.size() || page[i] != '[') return {};
  int depth = 0;
  for (std::size_t end = i; end < page.size() && end < i + kMaxConfigBytes; ++end) {
    if (page[end] == '"' || page[end] == '\'') {
      std::size_t behind = end;
      if (!read_string(page.substr(0, std::min(page.size(), i + kMaxConfigBytes)), behind)) return {};
      end = behind - 1;
    } else if (page[end] == '[') {
      ++depth;
    } else if (page[end] == ']' && --depth == 0) {
      return page.substr(i, end + 1 - i);
    }
  }
  return {};
}

/// Whether `word`, in lower case, ends right before page[end], in any case.
bool ends_with_word(std::string_view page, std::size_t end, std::string_view word) {
  if (end < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if ((page[end - word.size() + i] | 0x20) != word[i]) return false;
  return true;
}

/// Calls f behind each place of `letter` until it says true. Rare letters make this as fast as memory.
template <class F>
bool any_behind(std::string_view page, char letter, const F& f) {
  for (std::size_t at = page.find(letter); at != std::string_view::npos; at = page.find(letter, at + 1))
    if (f(at + 1)) return true;
  return false;
}

/// MathJax or KaTeX, in any case.
bool names_renderer(std::string_view page) {
  const auto is_it = [&](std::size_t end) { return ends_with_word(page, end, "mathjax") || ends_with_word(page, end, "katex"); };
  return any_behind(page, 'x', is_it) || any_behind(page, 'X', is_it);
}

/// AsciiMath, in any case, as scripts, their addresses and configurations name it, or a configuration of MathJax with it.
bool names_asciimath(std::string_view page, bool has_renderer) {
  // All spellings of ASCIIMath have an "M" or "m" behind two i; of capitals there are few.
  const auto is_it = [&](std::size_t end) {
    return ends_with_word(page, end, "asciim") && end < page.size() && (page[end] | 0x20) == 'a';
  };
  if (any_behind(page, 'M', is_it)) return true;
  if (!has_renderer) return false;
  const auto find = [&](std::string_view word) { return memmem(page.data(), page.size(), word.data(), word.size()) != nullptr; };
  return find("config=AM_") || find("MML-AM_") || find("asciimath");
}

template <class F>
void each_place(std::string_view page, std::string_view word, const F& f) {
  int places = 0;
  for (std::size_t at = page.find(word); at != std::string_view::npos && places < 16; at = page.find(word, at + 1), ++places)
    f(at + word.size());
}

bool is_command(std::string_view text, std::size_t at) { return at + 1 < text.size() && is_ascii_letter(text[at + 1]); }

/// A "$" formula where the page does not say that "$" is one: what pandoc asks, and a sign of mathematics inside.
bool looks_like_math(std::string_view inside, char after) {
  constexpr std::size_t kMaxBytes = 1000;
  if (inside.empty() || inside.size() > kMaxBytes || is_ascii_space(inside.front()) || is_ascii_space(inside.back())) return false;
  if (is_ascii_digit(after) || contains(inside, "\n\n")) return false;
  if (inside.find_first_of("\\^_{") != std::string_view::npos) return true;
  if (inside.size() == 1) return is_ascii_letter(inside[0]);
  const bool has_relation = inside.find_first_of("=<>+") != std::string_view::npos;
  if (has_relation) return true;
  // "f(x)", "n", "ab", "(x,y)": short and without words
  return inside.size() <= 12 && !contains(inside, " ") && std::any_of(inside.begin(), inside.end(), is_ascii_letter) &&
         !is_ascii_digit(inside.front());
}

class Splitter {
 public:
  Splitter(std::string_view text, const MathDelimiters& delimiters, const std::function<void(const MathPiece&)>& emit)
      : text_(text), delimiters_(delimiters), emit_(emit), budget_(static_cast<std::int64_t>(16 * text.size() + 65536)) {
    stops_.fill(false);
    stops_[static_cast<unsigned char>('\\')] = stops_[static_cast<unsigned char>('$')] = stops_[static_cast<unsigned char>('<')] =
        true;
    for (const Pair& pair : delimiters.pairs) stops_[static_cast<unsigned char>(pair.open[0])] = true;
  }

  void run() {
    std::size_t i = 0;
    while (i < text_.size()) {
      if (!stops_[static_cast<unsigned char>(text_[i])]) {
        ++i;
        continue;
      }
      const std::size_t end = formula_at(i);
      if (end > i) {
        i = start_ = end;
        continue;
      }
      if (text_[i] == '\\' && i + 1 < text_.size()) {
        if (text_[i + 1] == '$') {
          flush(i);
          emit_({text_.substr(i + 1, 1), false, false, true, MathSource::Delimiters});
          start_ = i + 2;
        }
        i += 2;
      } else {
        ++i;
      }
    }
    flush(text_.size());
  }

 private:
  void flush(std::size_t end) {
    if (end > start_) emit_({text_.substr(start_, end - start_), false, false, false, MathSource::Delimiters});
    start_ = end;
  }

  std::size_t take(std::size_t at, std::size_t from, std::size_t to, std::size_t end, bool is_display, MathSource source) {
    flush(at);
    emit_({text_.substr(from, to - from), true, is_display, false, source});
    return end;
  }

  /// Where the formula that opens at `at` ends; `at` if none opens there.
  std::size_t formula_at(std::size_t at) {
    const std::string_view rest = text_.substr(at);
    if (rest[0] == '\\' && rest.starts_with("\\begin{")) return environment_at(at);
    if (rest[0] == '<') return rest.starts_with("<math") ? escaped_math_at(at) : at;
    for (const Pair& pair : delimiters_.pairs) {
      if (!rest.starts_with(pair.open)) continue;
      const bool is_doubtful =
          (pair.open == "$" && !delimiters_.are_dollars_configured) || (pair.open == "$$" && !delimiters_.has_renderer);
      const std::size_t from = at + pair.open.size(), to = find_close(from, pair.close);
      if (to == std::string_view::npos || trim(text_.substr(from, to - from)).empty()) continue;
      const std::size_t end = to + pair.close.size();
      const std::string_view inside = text_.substr(from, to - from);
      if (is_doubtful && !looks_like_math(pair.open == "$" ? inside : trim(inside), end < text_.size() ? text_[end] : ' '))
        return at;
      if (pair.open == "\\(" || pair.open == "\\[") {  // "\\[2pt]" was a line break
        if (at > 0 && text_[at - 1] == '\\') return at;
      }
      return take(at, from, to, end, pair.is_display, pair.is_asciimath ? MathSource::AsciiMath : MathSource::Delimiters);
    }
    return at;
  }

  std::size_t environment_at(std::size_t at) {
    constexpr std::size_t kMaxName = 24;
    const std::size_t name_end = text_.substr(at, 7 + kMaxName).find('}');
    if (name_end == std::string_view::npos || name_end == 7) return at;
    const std::string_view name = text_.substr(at + 7, name_end - 7);
    const bool is_bare = !is_display_environment(name);
    if (is_bare && !delimiters_.has_renderer) return at;
    const std::string close = "\\end{" + std::string(name) + "}";
    const std::size_t to = find_close(at + name_end + 1, close, false);
    if (to == std::string_view::npos) return at;
    return take(at, at, to + close.size(), to + close.size(), name != "math", MathSource::Environment);
  }

  /// "<math>" that was written with character references: TeX as MediaWiki has it.
  std::size_t escaped_math_at(std::size_t at) {
    const std::size_t open = text_.substr(at, 200).find('>');
    if (open == std::string_view::npos) return at;
    const std::size_t from = at + open + 1, to = find_close(from, "</math>", false);
    if (to == std::string_view::npos) return at;
    const std::string_view inside = text_.substr(from, to - from);
    if (contains(inside, "<m")) return take(at, at, to + 7, to + 7, false, MathSource::MathMl);
    return take(at, from, to, to + 7, false, MathSource::Delimiters);
  }

  /// The next `close` outside braces; if braces do not balance, the next at all.
  std::size_t find_close(std::size_t from, const std::string& close, bool heeds_braces = true) {
    constexpr std::size_t kMaxFormula = 20'000;
    const auto known = last_.find(close);
    const std::size_t last =
        known != last_.end() ? known->second : (last_.size() < 64 ? last_[close] = text_.rfind(close) : text_.rfind(close));
    if (last == std::string_view::npos || last < from || budget_ < 0) return std::string_view::npos;
    const std::size_t limit = std::min(text_.size(), from + kMaxFormula);
    std::size_t first = std::string_view::npos, i = from;
    int depth = 0;
    for (; i < limit; ++i) {
      const char c = text_[i];
      if (c == close[0] && text_.compare(i, close.size(), close) == 0) {
        if (depth <= 0 || !heeds_braces) {
          budget_ -= static_cast<std::int64_t>(i - from);
          return i;
        }
        if (first == std::string_view::npos) first = i;
      }
      if (c == '\\')
        ++i;
      else if (c == '{')
        ++depth;
      else if (c == '}')
        --depth;
    }
    budget_ -= static_cast<std::int64_t>(i - from);
    return first;
  }

  std::string_view text_;
  const MathDelimiters& delimiters_;
  const std::function<void(const MathPiece&)>& emit_;
  std::int64_t budget_;
  std::size_t start_ = 0;
  std::array<bool, 256> stops_;
  std::map<std::string, std::size_t> last_;
};

}  // namespace

std::vector<Pair> parse_delimiter_list(std::string_view script, bool is_display) {
  std::vector<Pair> pairs;
  std::vector<std::string> strings;
  std::string key;
  Pair pair;
  pair.is_display = is_display;
  const auto finish = [&] {
    if (strings.size() == 2) {
      pair.open = strings[0];
      pair.close = strings[1];
    }
    constexpr std::size_t kMaxMark = 40;
    if (!pair.open.empty() && !pair.close.empty() && pair.open.size() <= kMaxMark && pair.close.size() <= kMaxMark)
      pairs.push_back(pair);
    strings.clear();
    pair = Pair{};
    pair.is_display = is_display;
  };
  for (std::size_t i = 0; i < script.size();) {
    const char c = script[i];
    if (c == '"' || c == '\'') {
      const auto string = read_string(script, i);
      if (!string) break;
      if (key == "left")
        pair.open = *string;
      else if (key == "right")
        pair.close = *string;
      else if (const std::size_t next = script.find_first_not_of(" \t\n", i);
               next != std::string_view::npos && script[next] == ':') {
        key = *string;  // a quoted name
        continue;
      } else {
        strings.push_back(*string);
      }
      key.clear();
    } else if (is_ascii_letter(c)) {
      std::size_t end = i;
      while (end < script.size() && is_ascii_letter(script[end])) ++end;
      const std::string_view word = script.substr(i, end - i);
      if (key == "display" && (word == "true" || word == "false")) {
        pair.is_display = word == "true";
        key.clear();
      } else {
        key = word;
      }
      i = end;
    } else {
      if (c == ']' || c == '}') finish();
      ++i;
    }
  }
  return pairs;
}

MathDelimiters find_math_delimiters(std::string_view page) {
  MathDelimiters found;
  found.pairs = {{"\\[", "\\]", true},
                 {"\\(", "\\)", false},
                 {"$$", "$$", true},
                 {"$", "$", false},
                 {"[itex]", "[/itex]", false},
                 {"[math]", "[/math]", false},
                 {"[latex]", "[/latex]", false},
                 {"[texx]", "[/texx]", false},
                 {"[tex]", "[/tex]", true},
                 {"[TEX]", "[/TEX]", true},
                 {"[MATH]", "[/MATH]", false},
                 {"[LATEX]", "[/LATEX]", false}};
  found.has_renderer = names_renderer(page);
  const auto add = [&](const Pair& pair) {
    const auto same = std::find_if(found.pairs.begin(), found.pairs.end(), [&](const Pair& at) { return at.open == pair.open; });
    if (pair.open == "$") found.are_dollars_configured = true;
    if (same != found.pairs.end())
      *same = pair;
    else if (found.pairs.size() < 64)
      found.pairs.push_back(pair);
  };
  if (found.has_renderer) {
    each_place(page, "inlineMath", [&](std::size_t at) {
      for (const Pair& pair : parse_delimiter_list(value_behind(page, at), false)) add(pair);
    });
    each_place(page, "displayMath", [&](std::size_t at) {
      for (const Pair& pair : parse_delimiter_list(value_behind(page, at), true)) add(pair);
    });
    each_place(page, "delimiters", [&](std::size_t at) {
      const std::string_view value = value_behind(page, at);
      const bool is_asciimath = !contains(value, "left");
      for (Pair pair : parse_delimiter_list(value, false)) {
        pair.is_asciimath = is_asciimath;
        add(pair);
      }
    });
    each_place(page, "ignoreClass", [&](std::size_t at) {
      const std::size_t quote = page.substr(at, 8).find_first_of("\"'");
      if (quote == std::string_view::npos) return;
      std::size_t i = at + quote;
      if (i + 1 < page.size() && page[i] == page[at - 12]) i = page.substr(i + 1, 8).find_first_of("\"'") + i + 1;  // a quoted name
      if (i >= page.size() || (page[i] != '"' && page[i] != '\'')) return;
      const auto names = read_string(page.substr(0, std::min(page.size(), i + 400)), i);
      if (!names) return;
      for (std::size_t from = 0; from < names->size();) {
        const std::size_t end = std::min(names->find('|', from), names->size());
        if (end > from) found.ignored_classes.push_back(names->substr(from, end - from));
        from = end + 1;
      }
    });
  }
  if (names_asciimath(page, found.has_renderer) &&
      std::none_of(found.pairs.begin(), found.pairs.end(), [](const Pair& at) { return at.open == "`"; }))
    found.pairs.push_back({"`", "`", false, true});
  std::stable_sort(found.pairs.begin(), found.pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.open.size() > b.open.size(); });
  for (const Pair& pair : found.pairs)
    if (found.openers.find(pair.open[0]) == std::string::npos) found.openers += pair.open[0];
  found.is_on = found.has_renderer;
  return found;
}

bool has_latex_command(std::string_view text) {
  static const std::unordered_set<std::string_view> kCommands(kMathCommands.begin(), kMathCommands.end());
  for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at + 1)) {
    if (!is_command(text, at)) continue;
    std::size_t end = at + 1;
    while (end < text.size() && is_ascii_letter(text[end])) ++end;
    if (kCommands.contains(text.substr(at + 1, end - at - 1))) return true;
  }
  return false;
}

void split_math(std::string_view text, const MathDelimiters& delimiters, const std::function<void(const MathPiece&)>& emit) {
  Splitter(text, delimiters, emit).run();
}

}  // namespace corollary
