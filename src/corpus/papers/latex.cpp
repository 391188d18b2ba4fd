#include "corpus/papers/latex.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "corpus/text.h"

namespace corollary {
namespace {

using Range = std::pair<std::size_t, std::size_t>;
constexpr std::size_t kNone = std::string_view::npos;

struct Pair {
  std::string_view open, close;
};
/// Text that TeX does not read as TeX. The last two: the manuals of PARI/GP, where '%' begins a result.
constexpr std::array<Pair, 9> kVerbatim = {{{"\\begin{verbatim}", "\\end{verbatim}"},
                                            {"\\begin{verbatim*}", "\\end{verbatim*}"},
                                            {"\\begin{Verbatim}", "\\end{Verbatim}"},
                                            {"\\begin{lstlisting}", "\\end{lstlisting}"},
                                            {"\\begin{minted}", "\\end{minted}"},
                                            {"\\begin{Sinput}", "\\end{Sinput}"},
                                            {"\\begin{Soutput}", "\\end{Soutput}"},
                                            {"\\bprog", "@eprog"},
                                            {"\\bprog", "\\eprog"}}};

bool at_line_start(std::string_view text, std::size_t at) { return at == 0 || text[at - 1] == '\n'; }
std::size_t line_end(std::string_view text, std::size_t at) { return std::min(text.find('\n', at), text.size()); }

/// If verbatim text begins exactly at `at`, where it ends; an environment that is never closed is none.
std::optional<std::size_t> verbatim_end(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (text[at] == '<' && rest.starts_with("<<") && at_line_start(text, at)) {  // a Sweave chunk: <<options>>= ... @
    const std::size_t head = line_end(text, at);
    if (text.substr(at, head - at).find(">>=") == kNone) return std::nullopt;
    for (std::size_t line = head; line < text.size(); line = line_end(text, line + 1))
      if (line + 1 < text.size() && text[line + 1] == '@') return line + 1;
    return text.size();
  }
  if (text[at] != '\\') return std::nullopt;
  if (rest.starts_with("\\verb") && rest.size() > 6 && !is_ascii_letter(rest[5]) && rest[5] != '\n') {
    const std::size_t mark = rest[5] == '*' ? 6 : 5;
    const std::size_t close = text.substr(0, line_end(text, at)).find(rest[mark], at + mark + 1);
    return close != kNone ? std::optional(close + 1) : std::nullopt;
  }
  for (const Pair& pair : kVerbatim) {
    if (!rest.starts_with(pair.open)) continue;
    if (const std::size_t close = rest.find(pair.close, pair.open.size()); close != kNone) return at + close + pair.close.size();
  }
  return std::nullopt;
}

/// Searches for a closing mark that is not there cost the rest of the text: a file gets this many, so that all stay linear.
constexpr int kMaxFailedSearches = 64;

/// Calls other(at) at every place outside verbatim text and on_verbatim(begin, end) for each piece inside; other returns the next
/// place.
template <class OnVerbatim, class Other>
void walk(std::string_view text, OnVerbatim on_verbatim, Other other) {
  int failed = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (failed < kMaxFailedSearches && (text[at] == '\\' || text[at] == '<')) {
      if (const auto end = verbatim_end(text, at)) {
        on_verbatim(at, *end);
        at = *end;
        continue;
      }
      const auto opens_here = [&](const Pair& pair) { return text.substr(at).starts_with(pair.open); };
      failed += std::any_of(kVerbatim.begin(), kVerbatim.end(), opens_here);
    }
    at = other(at);
  }
}

std::string without_latex_comments(std::string_view tex) {
  std::string out;
  out.reserve(tex.size());
  int failed = 0;
  walk(
      tex, [&](std::size_t begin, std::size_t end) { out.append(tex, begin, end - begin); },
      [&](std::size_t at) -> std::size_t {
        constexpr std::string_view kComment = "\\begin{comment}", kEndComment = "\\end{comment}";
        if (tex[at] == '\\') {
          if (failed < kMaxFailedSearches && tex.substr(at).starts_with(kComment)) {
            if (const std::size_t close = tex.find(kEndComment, at); close != kNone) return close + kEndComment.size();
            ++failed;
          }
          out.append(tex, at, 2);  // an escaped character, '%' too
          return at + 2;
        }
        if (tex[at] != '%') {
          out += tex[at];
          return at + 1;
        }
        const std::size_t end = line_end(tex, at), line = out.rfind('\n') + 1;  // rfind's npos + 1 is 0
        const bool is_alone = out.find_first_not_of(" \t", line) == kNone;
        if (!is_alone) return end;
        out.resize(line);  // nothing but the comment: the whole line
        return std::min(end + 1, tex.size());
      });
  return out;
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_ascii_space(text[at])) ++at;
  return at;
}
std::size_t name_end(std::string_view text, std::size_t at) {
  while (at < text.size() && is_ascii_letter(text[at])) ++at;
  return at;
}

/// The place behind the group whose '{' is at `at`; nothing if it does not close within `limit` bytes.
std::optional<std::size_t> group_end(std::string_view text, std::size_t at, std::size_t limit) {
  int depth = 0;
  for (std::size_t i = at; i < text.size() && i - at <= limit; ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '{')
      ++depth;
    else if (text[i] == '}' && --depth == 0)
      return i + 1;
  }
  return std::nullopt;
}

using Macros = std::map<std::string, std::string, std::less<>>;
constexpr std::size_t kMaxValue = 1000;

bool is_plain_value(std::string_view value) {
  for (const std::string_view word :
       {"#", "@", "\\def", "\\newcommand", "\\csname", "\\expandafter", "\\if", "\\fi", "\\else", "\\let", "\\global", "\\catcode",
        "\\futurelet", "\\vskip", "\\hskip", "\\begingroup", "\\bgroup"})
    if (value.find(word) != kNone) return false;
  return true;
}

/// If a definition of a macro without arguments starts at the backslash `at`: adds it, returns the place behind it.
std::optional<std::size_t> read_definition(std::string_view tex, std::size_t at, Macros& macros) {
  const std::size_t command_end = name_end(tex, at + 1);
  const std::string_view command = tex.substr(at + 1, command_end - at - 1);
  const bool is_def = command == "def" || command == "gdef", is_operator = command == "DeclareMathOperator";
  if (!is_def && !is_operator && command != "newcommand" && command != "renewcommand" && command != "providecommand")
    return std::nullopt;
  std::size_t i = command_end;
  const bool has_star = i < tex.size() && tex[i] == '*';
  if (has_star) ++i;
  i = skip_blanks(tex, i);
  const bool in_braces = !is_def && i < tex.size() && tex[i] == '{';
  if (in_braces) i = skip_blanks(tex, i + 1);
  if (i >= tex.size() || tex[i] != '\\') return std::nullopt;
  const std::size_t name_begin = i + 1;
  i = name_end(tex, name_begin);
  const std::string name(tex.substr(name_begin, i - name_begin));
  if (name.empty()) return std::nullopt;
  if (in_braces) {
    i = skip_blanks(tex, i);
    if (i >= tex.size() || tex[i] != '}') return std::nullopt;
    ++i;
  }
  i = skip_blanks(tex, i);
  if (i >= tex.size() || tex[i] != '{') return std::nullopt;  // '[': it has arguments
  const auto end = group_end(tex, i, kMaxValue);
  if (!end) return std::nullopt;
  std::string value(tex.substr(i + 1, *end - i - 2));
  if (!is_plain_value(value)) return std::nullopt;
  if (is_operator) value = std::string(has_star ? "\\operatorname*{" : "\\operatorname{") + value + "}";
  macros[name] = std::move(value);
  return end;
}

/// Takes the definitions out of the text.
std::string take_macros(std::string_view tex, Macros& macros) {
  std::string out;
  out.reserve(tex.size());
  walk(
      tex, [&](std::size_t begin, std::size_t end) { out.append(tex, begin, end - begin); },
      [&](std::size_t at) -> std::size_t {
        if (tex[at] != '\\') {
          out += tex[at];
          return at + 1;
        }
        if (const auto end = read_definition(tex, at, macros)) return *end;
        out.append(tex, at, 2);
        return at + 2;
      });
  return out;
}

/// Uses of macros replaced by their values, outside verbatim text, until `max_bytes` are written; then the rest stays as it is.
std::string write_out(std::string_view tex, const Macros& macros, std::size_t max_bytes) {
  std::string out;
  out.reserve(tex.size());
  walk(
      tex, [&](std::size_t begin, std::size_t end) { out.append(tex, begin, end - begin); },
      [&](std::size_t at) -> std::size_t {
        if (tex[at] != '\\') {
          out += tex[at];
          return at + 1;
        }
        const std::size_t end = name_end(tex, at + 1);
        const auto macro = end > at + 1 ? macros.find(tex.substr(at + 1, end - at - 1)) : macros.end();
        if (macro == macros.end() || out.size() + macro->second.size() > max_bytes) {
          const std::size_t copy_end = std::min(std::max(end, at + 2), tex.size());
          out.append(tex, at, copy_end - at);
          return copy_end;
        }
        out += macro->second;
        // \x ends with a control word and letters follow it in the text: keep them apart
        if (end < tex.size() && is_ascii_letter(tex[end]) && !out.empty() && is_ascii_letter(out.back())) out += ' ';
        return end;
      });
  return out;
}

/// Macros within macros' values: a few rounds, so that cycles end; what grows beyond measure stays as it was.
void write_out_values(Macros& macros) {
  for (int round = 0; round < 4; ++round) {
    bool has_changed = false;
    for (auto& [name, value] : macros) {
      std::string written = write_out(value, macros, kMaxValue);
      if (written == value || written.size() > kMaxValue) continue;
      value = std::move(written);
      has_changed = true;
    }
    if (!has_changed) return;
  }
}

/// The first place at or after `from` where one of the commands stands as a whole word.
std::size_t find_command(std::string_view tex, std::size_t from, const std::vector<std::string_view>& commands) {
  std::size_t first = kNone;
  for (const std::string_view command : commands) {
    for (std::size_t at = tex.find(command, from); at != kNone && at < first; at = tex.find(command, at + 1)) {
      const std::size_t end = at + command.size();
      const bool is_word = !is_ascii_letter(command.back()) || end >= tex.size() || !is_ascii_letter(tex[end]);
      const bool is_escaped = at > 0 && tex[at - 1] == '\\';
      if (!is_word || is_escaped) continue;
      first = at;
      break;
    }
  }
  return first;
}

/// Verbatim text as blanks of the same length: what stands there commands nothing.
std::string without_verbatim(std::string_view tex) {
  std::string out(tex);
  walk(
      tex,
      [&](std::size_t begin, std::size_t end) {
        std::fill(out.begin() + static_cast<std::ptrdiff_t>(begin), out.begin() + static_cast<std::ptrdiff_t>(end), ' ');
      },
      [](std::size_t at) { return at + 1; });
  return out;
}

Range body_range(const std::string& plain) {
  const std::string blanked = without_verbatim(plain);
  const std::string_view tex = blanked;
  constexpr std::string_view kBegin = "\\begin{document}";
  std::size_t begin = find_command(tex, 0, {kBegin}), end = tex.size();
  begin = begin == kNone ? 0 : begin + kBegin.size();
  end = std::min(end, find_command(tex, begin, {"\\end{document}", "\\bye"}));
  const std::size_t first = find_command(tex, begin,
                                         {"\\chapter", "\\part", "\\section", "\\subsection", "\\subsubsection", "\\paragraph",
                                          "\\subparagraph", "\\begin{abstract}", "\\abstract"});
  if (first < end) begin = first;
  end = std::min(end, find_command(tex, begin,
                                   {"\\begin{references}", "\\begin{REFERENCES}", "\\begin{thebibliography}", "\\bibliography{",
                                    "\\printbibliography"}));
  // LaTeX's \appendix takes no argument; one that does heads an appendix file, which is text.
  if (const std::size_t appendix = find_command(tex, begin, {"\\appendix"}); appendix < end)
    if (const std::size_t after = appendix + 9; after >= tex.size() || tex[after] != '{') end = appendix;
  return {begin, std::max(begin, end)};
}

}  // namespace

std::string clean_latex(std::string_view tex) {
  Macros macros;
  const std::string plain = take_macros(without_latex_comments(tex), macros);
  write_out_values(macros);
  const auto [begin, end] = body_range(plain);
  const std::string_view body = std::string_view(plain).substr(begin, end - begin);
  return tidy_lines(write_out(body, macros, 4 * tex.size() + (1 << 16)));
}

double tex_program_density(std::string_view tex) {
  std::size_t bytes = 0;
  for (const std::string_view word :
       {"\\def", "\\edef", "\\gdef", "\\xdef", "\\let", "\\expandafter", "\\csname", "\\catcode", "\\else", "\\fi", "\\futurelet",
        "\\newif", "\\begingroup", "\\endgroup", "\\setbox", "\\relax"})
    for (std::size_t at = tex.find(word); at != kNone; at = tex.find(word, at + word.size())) {
      const std::size_t end = at + word.size();
      if (end >= tex.size() || !is_ascii_letter(tex[end])) bytes += word.size();
    }
  return tex.empty() ? 0 : static_cast<double>(bytes) / static_cast<double>(tex.size());
}

}  // namespace corollary
