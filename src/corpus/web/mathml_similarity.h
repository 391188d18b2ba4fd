#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "corpus/text.h"

/// How alike two LaTeX formulas are, for tests: what an author wrote against what was read back from its MathML.
namespace corollary::testing {

/// The formula's tokens without what does not show in MathML or has several spellings: spaces, braces, \left and \right, sizes,
/// styles; \le is \leq, ^\prime is ', every upright font is \mathrm.
inline std::vector<std::string> raw_latex_tokens(std::string_view latex) {
  static const std::vector<std::string_view> kDropped = {
      "left",      "right",        "middle",    "big",         "Big",
      "bigg",      "Bigg",         "bigl",      "bigr",        "Bigl",
      "Bigr",      "biggl",        "biggr",     "Biggl",       "Biggr",
      "bigm",      "displaystyle", "textstyle", "scriptstyle", "scriptscriptstyle",
      "limits",    "nolimits",     "quad",      "qquad",       "enspace",
      "space",     "nonumber",     "notag",     "mathstrut",   "strut",
      "mathord",   "mathop",       "mathrel",   "mathbin",     "mathopen",
      "mathclose", "mathinner",    "mathpunct", "ensuremath",  "relax",
      "thinspace", "allowbreak",   "hfill",     "cr",          "hline"};
  static const std::vector<std::pair<std::string_view, std::string_view>> kAliases = {{"centerdot", "cdot"},
                                                                                      {"longmapsto", "mapsto"},
                                                                                      {"smallmatrix", "matrix"},
                                                                                      {"le", "leq"},
                                                                                      {"ge", "geq"},
                                                                                      {"ne", "neq"},
                                                                                      {"to", "rightarrow"},
                                                                                      {"gets", "leftarrow"},
                                                                                      {"land", "wedge"},
                                                                                      {"lor", "vee"},
                                                                                      {"lnot", "neg"},
                                                                                      {"owns", "ni"},
                                                                                      {"vert", "|"},
                                                                                      {"lvert", "|"},
                                                                                      {"rvert", "|"},
                                                                                      {"mid", "|"},
                                                                                      {"Vert", "\\|"},
                                                                                      {"lVert", "\\|"},
                                                                                      {"rVert", "\\|"},
                                                                                      {"parallel", "\\|"},
                                                                                      {"lbrace", "\\{"},
                                                                                      {"rbrace", "\\}"},
                                                                                      {"lbrack", "["},
                                                                                      {"rbrack", "]"},
                                                                                      {"colon", ":"},
                                                                                      {"dots", "ldots"},
                                                                                      {"dotsc", "ldots"},
                                                                                      {"dotsb", "cdots"},
                                                                                      {"dotsm", "cdots"},
                                                                                      {"dotsi", "cdots"},
                                                                                      {"dotso", "ldots"},
                                                                                      {"dfrac", "frac"},
                                                                                      {"tfrac", "frac"},
                                                                                      {"cfrac", "frac"},
                                                                                      {"dbinom", "binom"},
                                                                                      {"tbinom", "binom"},
                                                                                      {"prime", "'"},
                                                                                      {"ast", "*"},
                                                                                      {"text", "mathrm"},
                                                                                      {"textrm", "mathrm"},
                                                                                      {"textup", "mathrm"},
                                                                                      {"mbox", "mathrm"},
                                                                                      {"hbox", "mathrm"},
                                                                                      {"rm", "mathrm"},
                                                                                      {"textnormal", "mathrm"},
                                                                                      {"operatorname", "mathrm"},
                                                                                      {"operatorname*", "mathrm"},
                                                                                      {"bf", "mathbf"},
                                                                                      {"cal", "mathcal"},
                                                                                      {"mathscr", "mathcal"},
                                                                                      {"frak", "mathfrak"},
                                                                                      {"it", "mathit"},
                                                                                      {"Bbb", "mathbb"},
                                                                                      {"bold", "mathbf"},
                                                                                      {"bm", "boldsymbol"},
                                                                                      {"textbf", "mathbf"},
                                                                                      {"textit", "mathit"},
                                                                                      {"emph", "mathit"},
                                                                                      {"textsf", "mathsf"},
                                                                                      {"texttt", "mathtt"},
                                                                                      {"sf", "mathsf"},
                                                                                      {"varnothing", "emptyset"},
                                                                                      {"longrightarrow", "rightarrow"},
                                                                                      {"longleftarrow", "leftarrow"},
                                                                                      {"Longrightarrow", "implies"},
                                                                                      {"Longleftrightarrow", "iff"},
                                                                                      {"smallsetminus", "setminus"},
                                                                                      {"backslash", "setminus"},
                                                                                      {"coloneqq", ":="},
                                                                                      {"perp", "bot"},
                                                                                      {"overrightarrow", "vec"},
                                                                                      {"widehat", "hat"},
                                                                                      {"widetilde", "tilde"},
                                                                                      {"doublecap", "Cap"},
                                                                                      {"restriction", "upharpoonright"},
                                                                                      {"Box", "square"},
                                                                                      {"bigtriangleup", "triangle"},
                                                                                      {"bar", "overline"},
                                                                                      {"lt", "<"},
                                                                                      {"gt", ">"},
                                                                                      {"stackrel", "overset"},
                                                                                      {"hslash", "hbar"},
                                                                                      {"iff", "iff"},
                                                                                      {"sp", "^"},
                                                                                      {"sb", "_"},
                                                                                      {"models", "vDash"},
                                                                                      {"leadsto", "rightsquigarrow"}};
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < latex.size();) {
    const char c = latex[i];
    if (c == '\\' && i + 1 < latex.size()) {
      std::size_t end = i + 1;
      while (end < latex.size() && is_ascii_letter(latex[end])) ++end;
      if (end == i + 1) {
        const char sign = latex[i + 1];
        i += 2;
        if (std::string_view(",:;! >/").find(sign) == std::string_view::npos && !is_ascii_space(sign))
          tokens.push_back(std::string("\\") + sign);
        continue;
      }
      std::string_view word = latex.substr(i + 1, end - i - 1);
      i = end;
      if (word == "operatorname" && i < latex.size() && latex[i] == '*') ++i;
      if (std::find(kDropped.begin(), kDropped.end(), word) != kDropped.end()) {
        if (word == "left" || word == "right" || word == "middle") {
          while (i < latex.size() && latex[i] == ' ') ++i;
          if (i < latex.size() && latex[i] == '.') ++i;
          if (i < latex.size() && (latex[i] == '<' || latex[i] == '>'))
            tokens.push_back(latex[i++] == '<' ? "\\langle" : "\\rangle");
        }
        continue;
      }
      std::string token = "\\" + std::string(word);
      for (const auto& [alias, name] : kAliases)
        if (alias == word) {
          token = is_ascii_letter(name.front()) ? "\\" + std::string(name) : std::string(name);
          break;
        }
      if (token == "\\in" && !tokens.empty() && tokens.back() == "\\not") {
        tokens.back() = "\\notin";
        continue;
      }
      if (token == ":=") {
        tokens.push_back(":");
        token = "=";
      }
      tokens.push_back(token);
      continue;
    }
    ++i;
    if (is_ascii_space(c) || c == '~') continue;
    tokens.push_back(std::string(1, c));
  }
  return tokens;
}

/// Appends the tokens of [at, end of the group) without braces, of scripts first _, then ', then ^.
inline void append_normal(const std::vector<std::string>& raw, std::size_t& at, std::vector<std::string>& out) {
  const auto argument = [&] {
    std::vector<std::string> inside;
    if (at < raw.size() && raw[at] == "{")
      append_normal(raw, ++at, inside);
    else if (at < raw.size() && raw[at] != "}")
      inside.push_back(raw[at++]);
    return inside;
  };
  while (at < raw.size()) {
    if (raw[at] == "}") {
      ++at;
      return;
    }
    if (raw[at] == "{") {
      append_normal(raw, ++at, out);
    } else if (raw[at] == "_" || raw[at] == "^" || raw[at] == "'") {
      std::vector<std::string> below, primes, above;
      while (at < raw.size() && (raw[at] == "_" || raw[at] == "^" || raw[at] == "'")) {
        const std::string sign = raw[at++];
        if (sign == "'") {
          primes.push_back(sign);
          continue;
        }
        const auto inside = argument();
        const bool is_prime =
            sign == "^" && !inside.empty() && std::all_of(inside.begin(), inside.end(), [](const auto& t) { return t == "'"; });
        auto& to = is_prime ? primes : sign == "_" ? below : above;
        if (!is_prime) to.push_back(sign);
        to.insert(to.end(), inside.begin(), inside.end());
      }
      for (const auto* part : {&below, &primes, &above}) out.insert(out.end(), part->begin(), part->end());
    } else if (raw[at] == "\\\\" && at + 1 < raw.size() && raw[at + 1] == "[") {
      out.push_back(raw[at++]);
      while (at < raw.size() && raw[at] != "]") ++at;
      at += at < raw.size();
    } else {
      out.push_back(raw[at++]);
    }
  }
}

inline std::vector<std::string> latex_tokens(std::string_view latex) {
  const auto raw = raw_latex_tokens(latex);
  std::vector<std::string> tokens;
  for (std::size_t at = 0; at < raw.size();) append_normal(raw, at, tokens);
  return tokens;
}

/// 1 - edit distance / length of the longer, over tokens.
inline double latex_similarity(std::string_view left, std::string_view right) {
  const auto a = latex_tokens(left), b = latex_tokens(right);
  if (a.empty() && b.empty()) return 1;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return 1.0 - static_cast<double>(row[b.size()]) / static_cast<double>(std::max(a.size(), b.size()));
}

}  // namespace corollary::testing
