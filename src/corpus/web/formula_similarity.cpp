#include "corpus/web/formula_similarity.h"

#include <algorithm>
#include <array>
#include <map>

#include "corpus/text.h"

namespace corollary {
namespace {

/// What a text holds beside formulas and code, for the words; `formulas` in order.
void split_text(std::string_view text, std::vector<std::string>& formulas, std::string& words) {
  std::size_t i = 0;
  const auto starts = [&](std::string_view with) { return text.substr(i).starts_with(with); };
  while (i < text.size()) {
    const bool at_line_start = i == 0 || text[i - 1] == '\n';
    if (text[i] == '`') {  // code: to the next run of as many backticks
      std::size_t ticks = 0;
      while (i + ticks < text.size() && text[i + ticks] == '`') ++ticks;
      std::size_t end = i + ticks;
      const std::string fence(ticks, '`');
      do {
        end = text.find(fence, end);
        if (end == std::string_view::npos) break;
        std::size_t run = 0;
        while (end + run < text.size() && text[end + run] == '`') ++run;
        if (run == ticks) break;
        end += run;
      } while (true);
      if (end == std::string_view::npos || (ticks < 3 && text.substr(i, end - i).find("\n\n") != std::string_view::npos)) {
        i += ticks;
        continue;
      }
      words += ' ';
      words += text.substr(i, end - i);
      words += ' ';
      i = end + ticks;
    } else if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '$') {
      words += " ";
      i += 2;
    } else if (text[i] == '$') {
      const std::string_view mark = text.substr(i, 2) == "$$" ? "$$" : "$";
      std::size_t end = i + mark.size();
      while (end < text.size() && !text.substr(end).starts_with(mark)) end += text[end] == '\\' ? 2 : 1;
      if (end >= text.size()) {
        i += mark.size();
        continue;
      }
      formulas.emplace_back(trim(text.substr(i + mark.size(), end - i - mark.size())));
      words += ' ';
      i = end + mark.size();
    } else if (at_line_start && starts("\\begin{")) {
      const std::size_t name_end = text.find('}', i);
      const std::string close = "\\end{" + std::string(text.substr(i + 7, name_end - i - 7)) + "}";
      const std::size_t end = text.find(close, i);
      if (name_end == std::string_view::npos || end == std::string_view::npos) {
        ++i;
        continue;
      }
      formulas.emplace_back(text.substr(i, end + close.size() - i));
      words += ' ';
      i = end + close.size();
    } else {
      words += text[i++];
    }
  }
}

void erase_all(std::string& text, std::string_view what) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) text.erase(at, what.size());
}

/// Signs and commands that TeX sets alike, under one name; \left and \right are a matter of size.
std::string with_one_spelling(std::string_view latex) {
  static const std::map<std::string_view, std::string_view> kSame = {
      {"\\left", ""},           {"\\right", ""},       {"\\ne", "\\neq"},     {"\\le", "\\leq"},     {"\\ge", "\\geq"},
      {"\\to", "\\rightarrow"}, {"\\dfrac", "\\frac"}, {"\\tfrac", "\\frac"}, {"\\lbrace", "\\{"},   {"\\rbrace", "\\}"},
      {"\\vert", "|"},          {"\\lvert", "|"},      {"\\rvert", "|"},      {"\\dots", "\\ldots"}, {"\\land", "\\wedge"},
      {"\\lor", "\\vee"},       {"\\ast", "*"},        {"\\hfill", ""},       {"\\limits", ""},      {"\\mathop", ""}};
  static const std::map<std::string_view, std::string_view> kSigns = {
      {"\u00d7", "\\times"}, {"\u00b1", "\\pm"},  {"\u2212", "-"},       {"\u00b7", "\\cdot"},       {"\u2264", "\\leq"},
      {"\u2265", "\\geq"},   {"\u2260", "\\neq"}, {"\u221e", "\\infty"}, {"\u2192", "\\rightarrow"}, {"\u2202", "\\partial"},
      {"\u2211", "\\sum"},   {"\u222b", "\\int"}, {"\u03b1", "\\alpha"}, {"\u03b2", "\\beta"},       {"\u03c0", "\\pi"},
      {"\u03c9", "\\omega"}, {"\u00f7", "\\div"}, {"\u2026", "\\ldots"}, {"\u02d9", "\\dot"},        {"\u2032", "'"}};
  std::string out;
  for (std::size_t i = 0; i < latex.size();) {
    std::size_t end = i + 1;
    if (latex[i] == '\\') {
      while (end < latex.size() && is_ascii_letter(latex[end])) ++end;
      if (end == i + 1 && end < latex.size()) ++end;
      const auto at = kSame.find(latex.substr(i, end - i));
      out += at != kSame.end() ? at->second : latex.substr(i, end - i);
    } else if ((static_cast<unsigned char>(latex[i]) & 0x80) != 0) {
      while (end < latex.size() && (static_cast<unsigned char>(latex[end]) & 0xC0) == 0x80) ++end;
      const auto at = kSigns.find(latex.substr(i, end - i));
      out += at != kSigns.end() ? at->second : latex.substr(i, end - i);
    } else {
      out += latex[i];
    }
    i = end;
  }
  return out;
}

/// Braces around one sign or command, and around a whole formula, gone.
std::string without_needless_braces(std::string out) {
  for (bool again = true; again;) {
    again = false;
    std::string next;
    for (std::size_t i = 0; i < out.size();) {
      if (out[i] == '\\' && i + 1 < out.size()) {  // a command, or an escaped brace
        next += out[i];
        next += out[i + 1];
        i += 2;
        continue;
      }
      if (out[i] == '{') {
        std::size_t end = i + 1;
        if (end < out.size() && out[end] == '\\') {
          ++end;
          if (end < out.size() && !is_ascii_letter(out[end])) ++end;
          while (end < out.size() && is_ascii_letter(out[end])) ++end;
        } else if (end < out.size() && out[end] != '}' && out[end] != '{') {
          ++end;
          while (end < out.size() && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) ++end;
        }
        if (end < out.size() && out[end] == '}' && end > i + 1) {
          next.append(out, i + 1, end - i - 1);
          i = end + 1;
          again = true;
          continue;
        }
      }
      next += out[i++];
    }
    out = std::move(next);
  }
  while (out.size() >= 2 && out.front() == '{' && out.back() == '}') {
    int depth = 0;
    std::size_t i = 0;
    for (; i < out.size(); ++i) {
      if (out[i] == '\\') {
        ++i;
        continue;
      }
      depth += out[i] == '{' ? 1 : out[i] == '}' ? -1 : 0;
      if (depth == 0) break;
    }
    if (i + 1 != out.size()) break;
    out = out.substr(1, out.size() - 2);
  }
  return out;
}

std::map<std::string, std::int64_t> count_words(std::string_view text) {
  std::vector<std::string> formulas;
  std::string plain;
  split_text(text, formulas, plain);
  std::map<std::string, std::int64_t> counts;
  std::string word;
  for (const char c : ascii_lower(plain) + " ") {
    if (is_ascii_letter(c) || is_ascii_digit(c) || (static_cast<unsigned char>(c) & 0x80) != 0) {
      word += c;
    } else if (!word.empty()) {
      ++counts[word];
      word.clear();
    }
  }
  return counts;
}

}  // namespace

std::vector<std::string> formulas_in(std::string_view text) {
  std::vector<std::string> formulas;
  std::string words;
  split_text(text, formulas, words);
  return formulas;
}

std::string without_lists_and_tables(std::string_view text) {
  std::string out;
  std::size_t indentation = 0;  // of the item we are in, its mark included; 0: none
  bool in_code = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t blanks = std::min(line.find_first_not_of(' '), line.size());
    const std::string_view inside = line.substr(blanks);
    if (inside.starts_with("```")) in_code = !in_code;
    if (!inside.empty() && blanks < indentation) indentation = 0;
    std::size_t digits = 0;
    while (digits < inside.size() && is_ascii_digit(inside[digits])) ++digits;
    const std::size_t mark = inside.starts_with("- ") ? 2 : digits > 0 && inside.substr(digits).starts_with(". ") ? digits + 2 : 0;
    if (!in_code && mark > 0 && indentation == 0) indentation = blanks + mark;
    const auto keep_displays = [&] {
      for (std::size_t i = line.find("$$"); i != std::string_view::npos;) {
        const std::size_t close = line.find("$$", i + 2);
        if (close == std::string_view::npos) break;
        out.append(line, i, close + 2 - i) += '\n';
        i = line.find("$$", close + 2);
      }
    };
    if (indentation > 0 || (!in_code && inside.starts_with("#"))) {
      keep_displays();
      continue;
    }
    std::string outside;  // of formulas
    bool in_formula = false;
    for (const char c : line) {
      if (c == '$') in_formula = !in_formula;
      if (!in_formula) outside += c;
    }
    if (!in_code && outside.find(" | ") != std::string::npos) {
      keep_displays();
      continue;
    }
    out.append(line) += '\n';
  }
  return out;
}

std::vector<std::string> in_page_order(std::string_view text, const std::vector<std::string>& displays,
                                       const std::vector<std::string>& inlines) {
  std::vector<std::pair<std::size_t, const std::string*>> placed;
  for (const auto* list : {&displays, &inlines}) {
    const std::string mark = list == &displays ? "$$" : "$";
    std::size_t from = 0, last = 0;
    for (const std::string& formula : *list) {
      const std::size_t at = text.find(mark + formula + mark, from);
      if (at != std::string_view::npos) {
        last = at;
        from = at + formula.size();
      }
      placed.emplace_back(last, &formula);
    }
  }
  std::stable_sort(placed.begin(), placed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> out;
  for (const auto& [at, formula] : placed) out.push_back(*formula);
  return out;
}

std::string plain_formula(std::string_view latex) {
  std::string out;
  for (const char c : latex)
    if (!is_ascii_space(c)) out += c;
  return out;
}

std::string normalized_formula(std::string_view latex) {
  std::string out = plain_formula(latex);
  erase_all(out, "\xC2\xA0");
  erase_all(out, "\\displaystyle");
  for (std::size_t at = out.find("\\label{"); at != std::string::npos; at = out.find("\\label{", at)) {
    const std::size_t end = out.find('}', at);
    if (end == std::string::npos) break;
    out.erase(at, end + 1 - at);
  }
  for (const std::string_view name : {"equation", "equation*"}) {
    const std::string open = "\\begin{" + std::string(name) + "}", close = "\\end{" + std::string(name) + "}";
    if (out.starts_with(open) && out.ends_with(close)) out = out.substr(open.size(), out.size() - open.size() - close.size());
  }
  return without_needless_braces(with_one_spelling(out));
}

std::string joined_formulas(const std::vector<std::string>& formulas, std::string (*normalize)(std::string_view)) {
  std::string out;
  for (const std::string& formula : formulas) {
    if (!out.empty()) out += '\n';
    out += normalize(formula);
  }
  return out;
}

std::int64_t edit_distance(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return static_cast<std::int64_t>(a.size() + b.size());
  // Rows of the table are bytes of `a`, 64 to a block; a column is a byte of `b`. Vertical differences of a column are kept as the
  // bits that are +1 and those that are -1; the horizontal difference is carried from block to block.
  const std::size_t blocks = (a.size() + 63) / 64;
  std::vector<std::array<std::uint64_t, 256>> matches(blocks);
  for (auto& block : matches) block.fill(0);
  for (std::size_t i = 0; i < a.size(); ++i) matches[i / 64][static_cast<unsigned char>(a[i])] |= std::uint64_t{1} << (i % 64);
  std::vector<std::uint64_t> plus(blocks, ~std::uint64_t{0}), minus(blocks, 0);
  auto distance = static_cast<std::int64_t>(a.size());
  const std::uint64_t last_bit = std::uint64_t{1} << ((a.size() - 1) % 64);
  for (const char c : b) {
    std::uint64_t carry_plus = 1, carry_minus = 0;  // the first row counts up
    for (std::size_t i = 0; i < blocks; ++i) {
      const std::uint64_t vp = plus[i], vn = minus[i];
      const std::uint64_t eq_raw = matches[i][static_cast<unsigned char>(c)];
      const std::uint64_t xv = eq_raw | vn, eq = eq_raw | carry_minus;
      const std::uint64_t xh = (((eq & vp) + vp) ^ vp) | eq;
      std::uint64_t hp = vn | ~(xh | vp), hn = vp & xh;
      if (i + 1 == blocks) distance += (hp & last_bit) != 0 ? 1 : (hn & last_bit) != 0 ? -1 : 0;
      const std::uint64_t out_plus = hp >> 63, out_minus = hn >> 63;
      hp = hp << 1 | carry_plus;
      hn = hn << 1 | carry_minus;
      plus[i] = hn | ~(xv | hp);
      minus[i] = hp & xv;
      carry_plus = out_plus, carry_minus = out_minus;
    }
  }
  return distance;
}

double edit_similarity(std::string_view a, std::string_view b) {
  const auto longer = static_cast<double>(std::max(a.size(), b.size()));
  return longer == 0 ? 1 : 1 - static_cast<double>(edit_distance(a, b)) / longer;
}

std::int64_t formulas_in_common(const std::vector<std::string>& expected, const std::vector<std::string>& found) {
  std::vector<std::string> a, b;
  for (const auto& formula : expected) a.push_back(normalized_formula(formula));
  for (const auto& formula : found) b.push_back(normalized_formula(formula));
  std::vector<std::int64_t> row(b.size() + 1, 0);
  for (const std::string& formula : a) {
    std::int64_t diagonal = 0;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::int64_t above = row[j];
      row[j] = formula == b[j - 1] ? diagonal + 1 : std::max(above, row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

WordScore word_score(std::string_view expected, std::string_view found) {
  const auto a = count_words(expected), b = count_words(found);
  std::int64_t in_a = 0, in_b = 0, common = 0;
  for (const auto& [word, n] : a) in_a += n;
  for (const auto& [word, n] : b) in_b += n;
  for (const auto& [word, n] : a)
    if (const auto at = b.find(word); at != b.end()) common += std::min(n, at->second);
  if (in_a == 0 && in_b == 0) return {1, 1, 1};
  WordScore score;
  score.precision = in_b > 0 ? static_cast<double>(common) / static_cast<double>(in_b) : 0;
  score.recall = in_a > 0 ? static_cast<double>(common) / static_cast<double>(in_a) : 0;
  if (common > 0) score.f1 = 2 * score.precision * score.recall / (score.precision + score.recall);
  return score;
}

}  // namespace corollary
