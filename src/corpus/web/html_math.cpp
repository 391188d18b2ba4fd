#include "corpus/web/html_math.h"

#include <algorithm>

#include "corpus/text.h"
#include "corpus/web/asciimath.h"
#include "corpus/web/mathml.h"

namespace corollary {
namespace {

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

std::string percent_decoded(std::string_view text, bool plus_is_blank) {
  const auto hex = [](char c) {
    return is_ascii_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_blank ? ' ' : text[i];
    }
  }
  return replace_invalid_utf8(out);
}

/// All text below `node`, in order.
void collect_text(HtmlNode node, std::string& out) {
  for (HtmlNode child = node.first_child(); child; child = child.next()) {
    if (child.is_text())
      out += child.text();
    else if (child.tag() == HtmlTag::Br)
      out += '\n';
    else
      collect_text(child, out);
  }
}
std::string text_below(HtmlNode node) {
  std::string out;
  collect_text(node, out);
  return out;
}

HtmlNode tex_annotation(HtmlNode node) {
  return find_first(node, [](HtmlNode at) {
    return at.tag() == HtmlTag::Annotation && has_any(at.attribute("encoding"), {"x-tex", "TeX", "tex", "LaTeX", "latex"});
  });
}

/// The first <math> below `node`, if it is near: what stands around a formula is small, and boxes in boxes may each ask.
HtmlNode math_below(HtmlNode node, int& budget) {
  for (HtmlNode child = node.first_child(); child && budget > 0; child = child.next()) {
    --budget;
    if (child.tag() == HtmlTag::Math) return child;
    if (HtmlNode found = math_below(child, budget)) return found;
  }
  return {};
}
HtmlNode math_below(HtmlNode node) {
  int budget = 1000;
  return math_below(node, budget);
}

HtmlFormula read_math(HtmlNode node) {
  HtmlFormula formula;
  formula.is_display = node.attribute("display") == "block" || node.attribute("mode") == "display";
  if (const HtmlNode annotation = tex_annotation(node)) {
    formula.latex = text_below(annotation);
    formula.source = MathSource::Annotation;
  }
  if (trim(formula.latex).empty()) {
    formula.latex = node.attribute("alttext");
    formula.source = MathSource::AltText;
  }
  if (trim(formula.latex).empty()) {
    formula.latex = mathml_to_latex(node, {.use_annotation = false});
    formula.source = MathSource::MathMl;
  }
  return formula;
}

/// MathML in an attribute or a script.
std::optional<HtmlFormula> read_math_markup(std::string_view markup) {
  const HtmlTree tree(markup);
  const HtmlNode math = math_below(tree.root());
  if (!math) return std::nullopt;
  return read_math(math);
}

/// What codecogs.com takes in front of a formula to say how it is drawn.
std::string without_drawing_commands(std::string latex) {
  std::string plain;
  for (std::size_t i = 0; i < latex.size(); ++i) {
    const std::string_view rest = std::string_view(latex).substr(i, 7);
    const char meant = rest == "&space;" ? ' ' : rest.starts_with("&plus;") ? '+' : rest.starts_with("&hash;") ? '#' : '\0';
    plain += meant != '\0' ? meant : latex[i];
    if (meant != '\0') i += meant == ' ' ? 6 : 5;
  }
  latex = std::move(plain);
  for (bool again = true; again;) {
    again = false;
    latex = std::string(trim(latex));
    for (const std::string_view command : {"\\inline", "\\bg_", "\\fn_", "\\dpi{", "\\large", "\\small", "\\tiny", "\\huge"}) {
      if (!latex.starts_with(command)) continue;
      std::size_t end = command.size();
      if (command.back() == '{')
        end = std::min(latex.find('}'), latex.size() - 1) + 1;
      else
        while (end < latex.size() && (is_ascii_letter(latex[end]) || is_ascii_digit(latex[end]))) ++end;
      if (command.back() != '{' && command.back() != '_' && end > command.size()) continue;  // another command
      latex.erase(0, end);
      again = true;
    }
  }
  return latex;
}

/// The value of a parameter of an address; nullopt if it has none.
std::optional<std::string> parameter(std::string_view address, std::string_view name) {
  const std::size_t query = address.find('?');
  if (query == std::string_view::npos) return std::nullopt;
  for (std::size_t at = query + 1; at < address.size();) {
    const std::size_t end = std::min(address.find('&', at), address.size());
    const std::string_view pair = address.substr(at, end - at);
    if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=')
      return percent_decoded(pair.substr(name.size() + 1), true);
    at = end + 1;
  }
  return std::nullopt;
}

std::optional<HtmlFormula> read_image(HtmlNode node, std::string_view classes) {
  HtmlFormula formula;
  formula.is_display = has_any(classes, {"display", "block", "center"});
  std::string_view src = node.attribute("src");
  if (src.empty() || src.starts_with("data:")) {  // loaded later by a script
    for (const char* lazy : {"data-src", "data-lazy-src", "data-original"})
      if (const std::string_view later = node.attribute(lazy); !later.empty()) src = later;
  }
  const std::string_view alt = node.attribute("alt");
  const auto take = [&](MathSource source, std::string latex) {
    formula.source = source;
    formula.latex = std::move(latex);
    return formula;
  };
  if (!src.empty() && src.find_first_of("?.") != std::string_view::npos) {
    const std::size_t query = src.find('?');
    const auto after_query = [&] {  // "+" is a plus: these addresses are no forms
      return query == std::string_view::npos ? std::string() : percent_decoded(src.substr(query + 1), false);
    };
    if (has_any(src, {"latex.php"})) {
      if (!trim(alt).empty()) return take(MathSource::WordPressImage, percent_decoded(alt, false));
      return take(MathSource::WordPressImage, parameter(src, "latex").value_or(""));
    }
    if (has_any(src, {"/images/math/codecogs"})) return take(MathSource::CodecogsCache, std::string(alt));
    if (has_any(src, {"codecogs.com"})) {
      std::string latex = without_drawing_commands(after_query());
      return take(MathSource::Codecogs, latex.empty() ? std::string(alt) : std::move(latex));
    }
    if (has_any(src, {"mimetex.cgi", "mathtex.cgi", "/tex.cgi"})) {
      std::string latex = after_query();
      if (latex.starts_with("formdata=")) latex.erase(0, 9);
      return take(MathSource::CgiImage, latex);
    }
    if (has_any(src, {"cht=tx"})) return take(MathSource::CgiImage, parameter(src, "chl").value_or(std::string(alt)));
    if (has_any(src, {"zhihu.com/equation"})) return take(MathSource::DataTex, parameter(src, "tex").value_or(std::string(alt)));
  }
  if (classes.empty()) return std::nullopt;
  if (has_any(classes, {"mwe-math-fallback"})) {
    int steps = 0;
    for (HtmlNode beside = node.previous(); beside && steps < 3; beside = beside.previous(), ++steps)
      if (math_below(beside)) return take(MathSource::WikipediaImage, "");  // beside the <math> it stands for
    return take(MathSource::WikipediaImage, std::string(alt));
  }
  for (const char* formula_class : {"latex", "tex", "latexcenter", "latexdisplay", "latexblock", "latexblockcenter", "math"})
    if (has_token(classes, formula_class)) return take(MathSource::ClassImage, std::string(alt));
  if (has_token(classes, "x-ck12")) return take(MathSource::Ck12Image, percent_decoded(alt, false));
  return std::nullopt;
}

std::optional<HtmlFormula> read_script(HtmlNode node) {
  const std::string_view type = node.attribute("type");
  if (!type.starts_with("math/")) return std::nullopt;
  HtmlFormula formula;
  formula.is_display = has_any(type, {"mode=display", "mode=\"display\""});
  formula.source = MathSource::Script;
  if (type.starts_with("math/asciimath")) {
    formula.latex = asciimath_to_latex(text_below(node)).value_or("");
    formula.source = MathSource::AsciiMath;
  } else if (type.starts_with("math/mml")) {
    return read_math_markup(text_below(node));
  } else {
    formula.latex = text_below(node);
  }
  return formula;
}

/// Whether a script with the source of what MathJax has drawn at `node` follows it, or the box around it.
bool has_script_beside(HtmlNode node) {
  for (int up = 0; up < 2 && node; ++up, node = node.parent()) {
    int steps = 0;
    for (HtmlNode at = node.next(); at && steps < 3; at = at.next(), ++steps)
      if (at.tag() == HtmlTag::Script && at.attribute("type").starts_with("math/")) return true;
  }
  return false;
}

/// What MathJax has drawn, where the page was stored after it ran: its hidden MathML, unless the source stands beside it.
HtmlFormula read_drawn(HtmlNode node) {
  HtmlFormula nothing;
  if (has_script_beside(node)) return nothing;
  if (const HtmlNode math = math_below(node)) return read_math(math);
  HtmlNode holder = node;
  if (!node.has_attribute("data-mathml")) holder = find_first(node, [](HtmlNode at) { return at.has_attribute("data-mathml"); });
  if (!holder) return nothing;
  auto formula = read_math_markup(holder.attribute("data-mathml")).value_or(nothing);
  formula.is_display = formula.is_display || has_any(node.attribute("class"), {"Display"});
  return formula;
}

std::optional<HtmlFormula> by_class(HtmlNode node, std::string_view classes) {
  HtmlFormula formula;
  const auto take = [&](MathSource source, std::string latex, bool is_display) {
    formula.source = source;
    formula.latex = std::move(latex);
    formula.is_display = is_display;
    return formula;
  };
  if (has_any(classes, {"katex"})) {
    if (has_token(classes, "katex-error")) return take(MathSource::Katex, text_below(node), false);
    if (has_token(classes, "wp-katex-eq"))
      return take(MathSource::WpKatex, text_below(node), node.attribute("data-display") == "true");
    if (has_token(classes, "katex") || has_token(classes, "katex-display")) {
      const HtmlNode math = math_below(node);
      if (!math) return std::nullopt;
      formula = read_math(math);
      if (formula.source == MathSource::Annotation) formula.source = MathSource::Katex;
      formula.is_display = formula.is_display || has_token(classes, "katex-display") || has_class(node.parent(), "katex-display");
      return formula;
    }
  }
  if (has_any(classes, {"tex"})) {
    if (has_token(classes, "texerror")) {
      const std::string text = text_below(node);
      const std::size_t open = text.find('{'), close = text.rfind('}');
      const bool has_braces = open != std::string::npos && close != std::string::npos && open < close;
      return take(MathSource::TexError, has_braces ? text.substr(open + 1, close - open - 1) : "", false);
    }
    if (node.has_attribute("data-expr")) return take(MathSource::DataTex, std::string(node.attribute("data-expr")), false);
    if (has_token(classes, "ztext-math") && node.has_attribute("data-tex"))
      return take(MathSource::DataTex, std::string(node.attribute("data-tex")), false);
  }
  if (has_any(classes, {"MathJax", "mjx-chtml"})) {
    if (has_token(classes, "MathJax_Preview")) return take(MathSource::Script, "", false);
    for (const char* drawn : {"MathJax", "MathJax_Display", "MathJax_SVG", "MathJax_CHTML", "MathJax_SVG_Display", "mjx-chtml",
                              "MathJax_MathML", "MathJax_PlainSource"})
      if (has_token(classes, drawn)) return read_drawn(node);
  }
  return std::nullopt;
}

bool is_zero_width(std::string_view text, std::size_t at) {
  const std::string_view next = text.substr(at, 3);
  return next == "\xE2\x80\x8B" || next == "\xE2\x80\x8C" || next == "\xE2\x80\x8D" || next == "\xEF\xBB\xBF" ||
         next == "\xE2\x81\xA0";
}

/// If `latex` is one environment from end to end, its name.
std::string_view whole_environment(std::string_view latex) {
  if (!latex.starts_with("\\begin{")) return {};
  const std::size_t end = latex.find('}');
  if (end == std::string_view::npos) return {};
  const std::string_view name = latex.substr(7, end - 7);
  const std::string close = "\\end{" + std::string(name) + "}";
  return latex.find(close) == latex.size() - close.size() && latex.size() >= end + 1 + close.size() ? name : std::string_view();
}

}  // namespace

std::string_view math_source_name(MathSource source) {
  constexpr std::array<std::string_view, kMathSources> kNames = {
      "delimiters", "environment", "texerror",        "class-image",    "codecogs", "wordpress-image", "codecogs-cache",
      "cgi-image",  "ck12-image",  "wikipedia-image", "math-container", "wp-katex", "script",          "asciimath",
      "data-tex",   "katex",       "annotation",      "alttext",        "mathml",   "mathjax-element", "class-math"};
  return kNames[static_cast<std::size_t>(source)];
}

std::optional<HtmlFormula> formula_of(HtmlNode node, std::string_view classes) {
  switch (node.tag()) {
    case HtmlTag::Math:
      return read_math(node);
    case HtmlTag::Script:
      return read_script(node);
    case HtmlTag::Img:
      return read_image(node, classes);
    case HtmlTag::Other:
      if (node.name() == "mjx-container") return read_drawn(node);
      if (node.name() == "mml:math" || node.name() == "m:math") return read_math(node);
      break;
    default:
      break;
  }
  return classes.empty() ? std::nullopt : by_class(node, classes);
}

bool is_display_environment(std::string_view name) {
  if (name.ends_with('*')) name.remove_suffix(1);
  for (const std::string_view known : {"equation", "align", "gather", "multline", "eqnarray", "alignat", "flalign", "displaymath",
                                       "xalignat", "xxalignat", "dmath", "math", "subequations"})
    if (name == known) return true;
  return false;
}

std::string without_comments(std::string_view latex) {
  if (latex.find('%') == std::string_view::npos) return std::string(latex);
  std::string out;
  for (std::size_t i = 0; i < latex.size(); ++i) {
    if (latex[i] == '\\' && i + 1 < latex.size()) {
      out += latex[i++];
      out += latex[i];
    } else if (latex[i] == '%') {
      const std::size_t end = latex.find('\n', i);
      if (end == std::string_view::npos && out.find('\n') == std::string::npos) {  // one line: a % sign not escaped
        out += "\\%";
        continue;
      }
      i = std::min(end, latex.size());
      out += '\n';
    } else {
      out += latex[i];
    }
  }
  return out;
}

std::string delimited(std::string_view source, bool is_display, bool& is_block) {
  const std::string latex = without_comments(source);
  std::string_view inside = trim(latex);
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
  std::string_view environment = whole_environment(inside);
  for (const std::string_view name : {"equation", "equation*", "displaymath", "math"}) {
    if (environment != name) continue;
    inside = trim(inside.substr(8 + name.size(), inside.size() - 14 - 2 * name.size()));
    is_display = name != "math";
    environment = whole_environment(inside);
    break;
  }
  std::string out;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const char c = inside[i];
    if (c == '\\' && inside.substr(i).starts_with("\\textcolor[")) {  // the colour model and colour; what is coloured stays
      const std::string_view near = inside.substr(i, 100);
      const std::size_t model = near.find(']');
      const std::size_t end = model == std::string_view::npos ? model : near.find('}', model);
      if (end != std::string_view::npos && near.substr(model + 1).starts_with('{')) {
        i += end;
        continue;
      }
    }
    if (c == '\\' && i + 1 < inside.size() && !is_ascii_space(inside[i + 1])) {
      out += c;
      out += inside[++i];
    } else if (c == '$') {
      continue;
    } else if (c == '<' && (inside.substr(i).starts_with("<br>") || inside.substr(i).starts_with("<br />") ||
                            inside.substr(i).starts_with("<br/>"))) {
      i = inside.find('>', i);  // of forums that put it into the address of the image
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (c == '\xE2' || c == '\xEF') {
      if (is_zero_width(inside, i))
        i += 2;
      else
        out += c;
    } else if (c == '\xC2' && i + 1 < inside.size() && inside[i + 1] == '\xA0') {
      ++i;
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (!is_ascii_space(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  // A backslash at the end would make the closing "$" a literal one.
  std::size_t slashes = 0;
  while (slashes < out.size() && out[out.size() - 1 - slashes] == '\\') ++slashes;
  if (slashes % 2 == 1) out += ' ';
  if (out.ends_with(' ')) {
    while (out.ends_with(' ')) out.pop_back();
    slashes = 0;
    while (slashes < out.size() && out[out.size() - 1 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 1) out += ' ';
  }
  if (out.empty() || out == "\\begingroup" || out == "\\endgroup") return {};
  is_block = is_display;
  if (!environment.empty() && is_display_environment(environment) && environment != "subequations") {
    is_block = true;
    return out;
  }
  return is_display ? "$$" + out + "$$" : "$" + out + "$";
}

}  // namespace corollary
