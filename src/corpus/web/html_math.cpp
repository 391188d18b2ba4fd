#include "corpus/web/html_math.h"

#include "corpus/text.h"

namespace corollary {
namespace {

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const auto word : words)
    if (text.find(word) != std::string_view::npos) return true;
  return false;
}

/// Addresses whose query is the formula itself.
bool is_renderer(std::string_view src) { return has_any(src, {"codecogs.com", "mimetex.cgi", "mathtex.cgi"}); }

std::string percent_decoded(std::string_view text) {
  const auto hex = [](char c) {
    return is_ascii_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return replace_invalid_utf8(out);
}

/// All text below `node`, in order; `skip` names elements passed over.
void collect_text(HtmlNode node, std::string& out, std::string_view skip = {}) {
  for (HtmlNode child = node.first_child(); child; child = child.next()) {
    if (child.is_text())
      out += child.text();
    else if (child.name() != skip)
      collect_text(child, out, skip);
  }
}

/// The first <annotation> that holds LaTeX.
HtmlNode tex_annotation(HtmlNode node) {
  for (HtmlNode child = node.first_child(); child; child = child.next()) {
    if (child.name() == "annotation" && has_any(child.attribute("encoding"), {"application/x-tex", "TeX", "LaTeX"})) return child;
    if (HtmlNode found = tex_annotation(child)) return found;
  }
  return {};
}

HtmlFormula read_math(HtmlNode node) {
  HtmlFormula formula;
  formula.is_display = node.attribute("display") == "block";
  if (const HtmlNode annotation = tex_annotation(node))
    collect_text(annotation, formula.latex);
  else if (!node.attribute("alttext").empty())
    formula.latex = node.attribute("alttext");
  else
    collect_text(node, formula.latex, "annotation");
  return formula;
}

}  // namespace

bool is_formula(HtmlNode node) {
  const std::string_view name = node.name();
  if (name == "math") return true;
  if (name == "script") return node.attribute("type").starts_with("math/tex");
  if (name != "img") return false;
  if (has_any(node.attribute("class"), {"mwe-math-fallback"})) return false;  // beside the <math> it stands for
  for (const char* formula_class : {"latex", "tex", "latexcenter", "latexdisplay", "latexblock", "latexblockcenter", "math"})
    if (has_class(node, formula_class)) return true;
  return is_renderer(node.attribute("src")) || has_any(node.attribute("src"), {"latex.php"});
}

HtmlFormula read_formula(HtmlNode node) {
  const std::string_view name = node.name();
  if (name == "math") return read_math(node);
  HtmlFormula formula;
  if (name == "script") {
    collect_text(node, formula.latex);
    formula.is_display = has_any(node.attribute("type"), {"mode=display"});
    return formula;
  }
  formula.is_display = has_any(node.attribute("class"), {"display", "block", "center"});
  const std::string_view alt = node.attribute("alt"), src = node.attribute("src");
  if (const std::size_t query = src.find('?'); is_renderer(src) && query != std::string_view::npos && query + 1 < src.size())
    formula.latex = percent_decoded(src.substr(query + 1));
  else
    formula.latex = alt;
  return formula;
}

std::string without_comments(std::string_view latex) {
  std::string out;
  for (std::size_t i = 0; i < latex.size(); ++i) {
    if (latex[i] == '\\' && i + 1 < latex.size()) {
      out += latex[i++];
      out += latex[i];
    } else if (latex[i] == '%') {
      i = std::min(latex.find('\n', i), latex.size());
      out += '\n';
    } else {
      out += latex[i];
    }
  }
  return out;
}

std::string delimited(const HtmlFormula& formula) {
  const std::string latex = without_comments(formula.latex);
  std::string_view inside = trim(latex);
  bool is_display = formula.is_display;
  const auto strip = [&](std::string_view open, std::string_view close, bool display) {
    if (inside.size() < open.size() + close.size() || !inside.starts_with(open) || !inside.ends_with(close)) return;
    inside = trim(inside.substr(open.size(), inside.size() - open.size() - close.size()));
    is_display = is_display || display;
  };
  strip("$$", "$$", true);
  strip("$", "$", false);
  strip("\\[", "\\]", true);
  strip("\\(", "\\)", false);
  strip("{\\displaystyle", "}", false);  // Wikipedia wraps every formula
  std::string out;
  for (const char c : inside) {
    if (c == '$') continue;
    if (!is_ascii_space(c))
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (out.empty()) return out;
  return is_display ? "$$" + out + "$$" : "$" + out + "$";
}

std::string with_dollar_delimiters(std::string_view text, std::int64_t& formulas) {
  std::string out;
  bool in_dollars = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '\\' && next == '\\') {
      out += "\\\\";
      ++i;
    } else if (text[i] == '\\' && (next == '(' || next == ')' || next == '[' || next == ']')) {
      if (next == '(' || next == '[') ++formulas;
      out += next == '(' || next == ')' ? "$" : "$$";
      ++i;
    } else if (text[i] == '$' && next == '$') {
      if (!in_dollars) ++formulas;
      in_dollars = !in_dollars;
      out += "$$";
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace corollary
