#include "corpus/code/markup_removal.h"

#include <algorithm>
#include <array>
#include <utility>

#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

/// find(), remembering its last answer: asked at growing places it reads the text once, whatever the number of questions.
class Ahead {
 public:
  Ahead(std::string_view text, std::string_view word) : text_(text), word_(word) {}
  std::size_t from(std::size_t at) {
    if (!is_known_ || (next_ != kNone && next_ < at)) {
      next_ = at <= text_.size() ? text_.find(word_, at) : kNone;
      is_known_ = true;
    }
    return next_;
  }

 private:
  std::string_view text_, word_;
  std::size_t next_ = 0;
  bool is_known_ = false;
};

/// !\[[^\]]*\]\((?P<filename>.*?)(?="|\))(?P<title>".*")?\)   The target ends at the first quote from which a title closes with ")
/// on the line, or at the first parenthesis, whichever comes first; one last title serves all quotes of a line.
std::string without_images(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  Ahead bracket(text, "]"), newline(text, "\n"), parenthesis(text, ")"), quote(text, "\"");
  std::size_t copied = 0, title_line = kNone, title_end = kNone;
  for (std::size_t begin = text.find("!["); begin != kNone;) {
    std::size_t end = kNone;
    const std::size_t middle = bracket.from(begin + 2);
    if (middle == kNone) break;
    if (text.substr(middle, 2) == "](") {
      const std::size_t target = middle + 2, line = std::min(newline.from(target), text.size());
      if (line != title_line) {
        title_line = line;
        const std::size_t last = text.substr(target, line - target).rfind("\")");
        title_end = last != kNone ? target + last : kNone;
      }
      const std::size_t closes = parenthesis.from(target), opens = quote.from(target);
      // A quote opens a title only if one closes after it.
      if (opens < line && opens < closes && title_end != kNone && title_end > opens)
        end = title_end + 2;
      else if (closes < line)
        end = closes + 1;
    }
    if (end == kNone) {
      begin = text.find("![", begin + 2);
      continue;
    }
    out.append(text, copied, begin - copied);
    copied = end;
    begin = text.find("![", end);
  }
  return out.append(text, copied, kNone);
}

std::string without_img_tags(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t copied = 0;
  for (std::size_t begin = text.find("<img"); begin != kNone; begin = text.find("<img", copied)) {
    const std::size_t end = text.find('>', begin);
    if (end == kNone) break;
    out.append(text, copied, begin - copied);
    copied = end + 1;
  }
  return out.append(text, copied, kNone);
}

std::string without_elements(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kPairs = {
      {{"<video", "</video>"}, {"<script", "</script>"}, {"<iframe", "</iframe>"}}};
  std::array<Ahead, 3> opens = {Ahead(text, "<video"), Ahead(text, "<script"), Ahead(text, "<iframe")};
  std::array<Ahead, 3> closes = {Ahead(text, "</video>"), Ahead(text, "</script>"), Ahead(text, "</iframe>")};
  std::string out;
  out.reserve(text.size());
  std::size_t copied = 0, at = 0;
  for (;;) {
    std::size_t first = 0;
    for (std::size_t i = 1; i < opens.size(); ++i)
      if (opens[i].from(at) < opens[first].from(at)) first = i;
    const std::size_t begin = opens[first].from(at);
    if (begin == kNone) break;
    const std::size_t close = closes[first].from(begin + kPairs[first].first.size());
    if (close == kNone) {
      at = begin + 1;
      continue;
    }
    out.append(text, copied, begin - copied);
    copied = at = close + kPairs[first].second.size();
  }
  return out.append(text, copied, kNone);
}

struct Entity {
  std::string_view name, text;
};
constexpr Entity kEntities[] = {{"&lt;", "<"},  {"&gt;", ">"},   {"&amp;", "&"}, {"&quot;", "\""},
                                {"&#39;", "'"}, {"&apos;", "'"}, {"&nbsp;", " "}};

}  // namespace

std::string remove_markup(std::string_view text) {
  // Most texts have none of these: no copy is made but the last.
  const bool has_image = text.find("![") != kNone, has_tag = text.find('<') != kNone;
  std::string out = has_image ? without_images(text) : std::string(text);
  if (!has_tag) return out;
  if (out.find("<img") != kNone) out = without_img_tags(out);
  for (const char* open : {"<video", "<script", "<iframe"})
    if (out.find(open) != kNone) return without_elements(out);
  return out;
}

std::string remove_terminal_codes(std::string_view text) {
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = text.find("\x1b["); at != kNone;) {
    std::size_t end = at + 2;
    while (end < text.size() && text[end] != '\n' && !(text[end] >= '@' && text[end] <= '~')) ++end;
    if (end >= text.size() || text[end] == '\n') {  // none on this line
      at = text.find("\x1b[", end);
      continue;
    }
    out.append(text, copied, at - copied);
    copied = end + 1;
    at = text.find("\x1b[", copied);
  }
  return out.append(text, copied, kNone);
}

std::string html_fragment_text(std::string_view html) {
  std::string out;
  for (std::size_t at = 0; at < html.size();) {
    const char c = html[at];
    if (c == '<') {
      const std::size_t end = html.find('>', at);
      if (end == kNone || at + 1 >= html.size() || !(is_ascii_letter(html[at + 1]) || html[at + 1] == '/' || html[at + 1] == '!')) {
        if (end == kNone) return out.append(html, at, kNone);
        out += c;
        ++at;
        continue;
      }
      std::size_t stop = at + 1 + (html[at + 1] == '/');
      while (stop < end && (is_ascii_letter(html[stop]) || is_ascii_digit(html[stop]))) ++stop;
      const bool closes = html[at + 1] == '/';
      const std::string name = ascii_lower(html.substr(at + 1 + closes, std::min<std::size_t>(stop - at - 1 - closes, 16)));
      at = end + 1;
      if (!closes && (name == "script" || name == "style" || name == "video" || name == "iframe")) {
        const std::size_t close = html.find("</" + name, at);
        at = close == kNone ? html.size() : close;
        continue;
      }
      if (name == "td" || name == "th") {
        if (closes) out += ' ';
      } else if (name == "br" || name == "p" || name == "div" || name == "tr" || name == "li" || name == "table" || name == "ul" ||
                 name == "ol" || (name.size() == 2 && name[0] == 'h' && is_ascii_digit(name[1]))) {
        if (!out.empty() && out.back() != '\n') out += '\n';
      }
      continue;
    }
    if (c == '&') {
      const auto entity = std::find_if(std::begin(kEntities), std::end(kEntities),
                                       [&](const Entity& known) { return html.substr(at).starts_with(known.name); });
      if (entity != std::end(kEntities)) {
        out += entity->text;
        at += entity->name.size();
        continue;
      }
    }
    if (is_ascii_space(c)) {  // as a browser shows it
      if (!out.empty() && out.back() != ' ' && out.back() != '\n') out += ' ';
    } else {
      out += c;
    }
    ++at;
  }
  return out;
}

}  // namespace corollary
