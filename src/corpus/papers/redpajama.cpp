#include "corpus/papers/redpajama.h"

#include <algorithm>
#include <array>
#include <utility>

#include "corpus/papers/latex_scan.h"
#include "corpus/text.h"

namespace corollary {
namespace {

using latex::kNone;
using latex::line_end;

bool is_alphanumeric(char c) { return is_ascii_letter(c) || is_ascii_digit(c); }

/// Answers "does this close somewhere behind?" in constant time, so that text full of openings costs no more than other text.
struct Closings {
  explicit Closings(std::string_view text) : last_brace(text.rfind('}')) {
    if (last_brace != kNone && last_brace > 1) last_bracket = text.rfind("]{", last_brace - 2);
  }
  /// Whether *?(?:[..])?{..} fits at `at`: what its braces hold may be anything, across lines.
  bool argument_at(std::string_view text, std::size_t at) const {
    if (at < text.size() && text[at] == '*') ++at;
    if (last_brace == kNone || at >= text.size()) return false;
    if (text[at] == '{') return last_brace > at;
    return text[at] == '[' && last_bracket != kNone && last_bracket > at;
  }
  std::size_t last_brace, last_bracket = kNone;  ///< of "]{" with a '}' behind it
};

/// The first heading with its braces; \paragraph only if some "}\subparagraph{..}" follows it.
std::size_t first_heading(std::string_view text) {
  const Closings closings(text);
  std::size_t last_subparagraph = kNone;
  constexpr std::string_view kJoint = "}\\subparagraph";
  for (std::size_t at = text.rfind(kJoint); at != kNone; at = at == 0 ? kNone : text.rfind(kJoint, at - 1))
    if (closings.argument_at(text, at + kJoint.size())) {
      last_subparagraph = at;
      break;
    }
  for (std::size_t at = 0; (at = text.find('\\', at)) != kNone; ++at) {
    const std::string_view rest = text.substr(at + 1);
    for (const std::string_view name : {"chapter", "part", "section", "subsection", "subsubsection"})
      if (rest.starts_with(name) && closings.argument_at(text, at + 1 + name.size())) return at;
    constexpr std::string_view kParagraph = "paragraph";
    if (rest.starts_with(kParagraph) && last_subparagraph != kNone) {
      std::size_t open = at + 1 + kParagraph.size();
      if (open < text.size() && text[open] == '*') ++open;
      if (open >= text.size() || open > last_subparagraph) continue;
      // "[..]{" may be passed on the way to the brace that stands before \subparagraph
      const std::size_t brace = text[open] == '{' ? open : text[open] == '[' ? text.find("]{", open) : kNone;
      if (brace != kNone && brace < last_subparagraph) return at;
    }
  }
  return kNone;
}

std::string without_comments(std::string_view text) {
  std::string lines;
  lines.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(line_end(text, at) + 1, text.size());
    if (text[at] != '%') lines.append(text, at, end - at);
    at = end;
  }
  std::string out;
  out.reserve(lines.size());
  for (std::size_t at = 0; at < lines.size();) {
    // the first '%' with a character before it that is no backslash, and one behind it on the line
    std::size_t percent = lines.find('%', at + 1);
    while (percent != kNone && (lines[percent - 1] == '\\' || percent + 1 >= lines.size() || lines[percent + 1] == '\n'))
      percent = lines.find('%', percent + 1);
    if (percent == kNone) {
      out.append(lines, at);
      break;
    }
    std::size_t begin = percent - 1;
    while (begin > at && (static_cast<unsigned char>(lines[begin]) & 0xC0) == 0x80) --begin;  // a character, not a byte
    out.append(lines, at, begin - at);
    at = line_end(lines, percent);
  }
  return out;
}

std::size_t end_of_text(std::string_view text) {
  std::size_t first = text.size();
  for (const std::string_view mark : {"\\appendix", "\\begin{references}", "\\begin{REFERENCES}", "\\begin{thebibliography}"})
    first = std::min(first, text.find(mark));
  const std::size_t bibliography = text.find("\\bibliography{"), brace = text.rfind('}');
  if (bibliography != kNone && brace != kNone && brace > bibliography) first = std::min(first, bibliography);
  return first;
}

/// In the order in which the names first appeared.
using Macros = std::vector<std::pair<std::string, std::string>>;

void set_macro(Macros& macros, std::string_view name, std::string_view value) {
  for (auto& [known, old] : macros)
    if (known == name) {
      old = value;
      return;
    }
  macros.emplace_back(name, value);
}

/// A definition's value if its line ends with '}': all up to that brace. `end` is a line's end found earlier, so that a line full
/// of definitions is searched once.
std::optional<std::string_view> value_at(std::string_view text, std::size_t open, std::size_t& end) {
  if (end < open) end = line_end(text, open);
  if (end == open + 1 || text[end - 1] != '}' || end < open + 2) return std::nullopt;
  return text.substr(open + 1, end - open - 2);
}

std::size_t name_end_at(std::string_view text, std::size_t at) {  // of "\name", or `at`
  if (at >= text.size() || text[at] != '\\') return at;
  std::size_t end = at + 1;
  while (end < text.size() && is_alphanumeric(text[end])) ++end;
  return end > at + 1 ? end : at;
}

/// What Python's \s is, in ASCII.
bool is_pattern_space(char c) { return is_ascii_space(c) || (c >= '\x1c' && c <= '\x1f'); }

void find_macros(std::string_view text, Macros& macros) {
  constexpr std::string_view kNew = "\\newcommand", kDef = "\\def";
  std::size_t line = 0;
  for (std::size_t at = 0; (at = text.find(kNew, at)) != kNone;) {
    std::size_t open = at + kNew.size();
    ++at;
    if (open < text.size() && text[open] == '*') ++open;
    if (open >= text.size() || text[open] != '{') continue;
    const std::size_t end = name_end_at(text, open + 1);
    if (end == open + 1 || text.compare(end, 2, "}{") != 0) continue;
    const auto value = value_at(text, end + 1, line);
    if (!value) continue;
    set_macro(macros, text.substr(open + 1, end - open - 1), *value);
    at = end + 2 + value->size();
  }
  line = 0;
  for (std::size_t at = 0; (at = text.find(kDef, at)) != kNone;) {
    std::size_t begin = at + kDef.size();
    ++at;
    while (begin < text.size() && is_pattern_space(text[begin])) ++begin;
    const std::size_t end = name_end_at(text, begin);
    std::size_t open = end;
    while (open < text.size() && is_pattern_space(text[open])) ++open;
    if (end == begin || open >= text.size() || text[open] != '{') continue;
    const auto value = value_at(text, open, line);
    if (!value) continue;
    set_macro(macros, text.substr(begin, end - begin), *value);
    at = open + 1 + value->size();
  }
}

/// The value went through Python's escapes and back, which these bytes do not survive.
bool is_lost(std::string_view value) {
  return std::any_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x7F || (byte < 0x20 && c != '\t' && c != '\n' && c != '\r');
  });
}

std::string with_macro(const std::string& text, const std::string& name, const std::string& value) {
  std::size_t at = text.find(name);
  if (at == kNone) return text;
  std::string out;
  std::size_t done = 0;
  for (; at != kNone; at = text.find(name, at)) {
    const std::size_t end = at + name.size();
    if (end >= text.size()) break;
    if (is_alphanumeric(text[end])) {
      ++at;
      continue;
    }
    out.append(text, done, at - done) += value;
    done = end;
    at = end + 1;  // the character behind the name belongs to the match
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return out.append(text, done);
}

RedPajamaText lost(std::string reason, std::int64_t offset = 0, std::string detail = {}) {
  return {{}, Rejection{std::move(reason), offset, std::move(detail)}};
}

}  // namespace

RedPajamaText redpajama_clean(const std::vector<PaperFile>& files) {
  std::vector<std::string_view> texts;
  const bool is_single = files.size() == 1 && files[0].path == "paper.tex";
  std::size_t total = 0;
  for (const PaperFile& file : files) {
    if (!is_single && !file.path.ends_with(".tex")) continue;
    if (const auto at = invalid_utf8_at(file.bytes)) return lost("invalid_utf8", *at, file.path);
    texts.push_back(file.bytes);
    total += file.bytes.size();
  }
  Macros macros;
  constexpr std::size_t kMostMacros = 5000;  // names are searched one after the other, as there; a real paper has hundreds
  for (const std::string_view text : texts) {
    find_macros(text, macros);
    if (macros.size() > kMostMacros) return lost("macro_value", 0, "more than " + std::to_string(kMostMacros) + " macros");
  }
  RedPajamaText result;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::string text;
    if (const std::size_t begin = first_heading(texts[i]); begin != kNone) {
      text = without_comments(texts[i].substr(begin));
      text.resize(end_of_text(text));
      const std::size_t most = 64 * total + (1 << 20);  // macros that double: the original went on until memory ended
      for (const auto& [name, value] : macros) {
        if (is_lost(value)) return lost("macro_value", 0, name);
        text = with_macro(text, name, value);
        if (text.size() > most) return lost("too_large", 0, "macros grow beyond " + std::to_string(most) + " bytes");
      }
    }
    if (i > 0) result.text += '\n';
    result.text += text;
  }
  if (result.text.empty()) return lost("nothing_left");
  return result;
}

}  // namespace corollary
