#include "corpus/code/theorem_names.h"

#include <algorithm>

#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::size_t kNone = std::string_view::npos;
constexpr std::string_view kIsabelleCommands[] = {"lemma", "theorem", "corollary", "proposition", "schematic_goal"};
constexpr std::size_t kMaxHeadBytes = 1024;

/// Blanks and comments (* ... *), which nest.
std::size_t skip_isabelle_blanks(std::string_view text, std::size_t at) {
  for (;;) {
    while (at < text.size() && is_ascii_space(text[at])) ++at;
    if (!text.substr(at).starts_with("(*")) return at;
    int depth = 0;
    do {
      if (text.substr(at).starts_with("(*"))
        ++depth, at += 2;
      else if (text.substr(at).starts_with("*)"))
        --depth, at += 2;
      else
        ++at;
    } while (depth > 0 && at < text.size());
  }
}

/// From an opening bracket to after its partner; at if there is none.
std::size_t skip_brackets(std::string_view text, std::size_t at, char open, char close) {
  int depth = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    depth += text[i] == open;
    depth -= text[i] == close;
    if (depth == 0) return i + 1;
  }
  return at;
}

}  // namespace

bool is_isabelle_letter(char c) {
  return is_ascii_letter(c) || is_ascii_digit(c) || c == '_' || c == '\'' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

bool is_lean_letter(char c) { return is_isabelle_letter(c) || c == '!' || c == '?'; }

IsabelleHead isabelle_head(std::string_view whole, std::size_t at) {
  const std::string_view text = whole.substr(at, kMaxHeadBytes);
  const auto* const command = std::find_if(std::begin(kIsabelleCommands), std::end(kIsabelleCommands),
                                           [&](std::string_view word) { return text.starts_with(word); });
  if (command == std::end(kIsabelleCommands) || (at > 0 && is_isabelle_letter(whole[at - 1]))) return {};
  std::size_t next = command->size();
  if (next < text.size() && is_isabelle_letter(text[next])) return {};
  next = skip_isabelle_blanks(text, next);
  if (text.substr(next).starts_with("(in") && next + 3 < text.size() && is_ascii_space(text[next + 3]))
    next = skip_isabelle_blanks(text, skip_brackets(text, next, '(', ')'));
  const std::size_t begin = next;
  std::size_t end = begin;
  if (next < text.size() && text[next] == '"') {  // a name in quotes, if a colon follows
    const std::size_t quote = text.find('"', next + 1);
    if (quote == kNone) return {true, {}};
    next = skip_isabelle_blanks(text, quote + 1);
    if (next < text.size() && text[next] == ':') return {true, text.substr(begin + 1, quote - begin - 1)};
    return {true, {}};
  }
  while (end < text.size()) {
    if (is_isabelle_letter(text[end])) {
      ++end;
    } else if (text.substr(end).starts_with("\\<")) {  // a symbol: foo\<^sub>1
      const std::size_t close = text.find('>', end);
      if (close == kNone || close - end > 40) break;
      end = close + 1;
    } else {
      break;
    }
  }
  next = skip_isabelle_blanks(text, end);
  if (next < text.size() && text[next] == '[') next = skip_isabelle_blanks(text, skip_brackets(text, next, '[', ']'));
  const bool has_colon = next < text.size() && text[next] == ':';
  return {true, has_colon ? text.substr(begin, end - begin) : std::string_view()};
}

std::string_view lean_name(std::string_view text, std::size_t at) {
  if (at >= text.size() || !is_ascii_space(text[at])) return {};
  while (at < text.size() && is_ascii_space(text[at])) ++at;
  std::size_t end = at;
  constexpr std::string_view kOpens[] = {"\u2983", "\u00ab", "\u00bb"};
  while (end < text.size() && (is_lean_letter(text[end]) || (end > at && text[end] == '-'))) {
    if (text.substr(end).starts_with(kOpens[0])) break;
    if (text[end] == '.' && text.substr(end).starts_with(".{")) break;
    ++end;
  }
  std::string_view name = text.substr(at, end - at);
  if (name.starts_with("_root_.")) name.remove_prefix(7);
  return name;
}

std::string squeezed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text)
    if (!is_ascii_space(c)) out += c;
  return out;
}

std::size_t next_blank_line(std::string_view text, std::size_t at) {
  for (std::size_t line = text.find('\n', at); line != kNone;) {
    std::size_t end = line + 1;
    while (end < text.size() && text[end] != '\n' && is_ascii_space(text[end])) ++end;
    if (end < text.size() && text[end] == '\n') return line;
    line = end < text.size() ? text.find('\n', end) : kNone;
  }
  return text.size();
}

}  // namespace corollary
