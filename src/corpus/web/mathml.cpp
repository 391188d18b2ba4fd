#include "corpus/web/mathml.h"

#include <array>

#include "corpus/text.h"
#include "corpus/web/mathml_converter.h"

namespace corollary {
namespace mathml {
namespace {

/// Names are short and seldom end alike: most comparisons end before the call of memcmp, which was a quarter of the time.
bool is_any(std::string_view name, std::initializer_list<std::string_view> names) {
  if (name.empty()) return false;
  for (const auto candidate : names)
    if (candidate.size() == name.size() && candidate.back() == name.back() && candidate == name) return true;
  return false;
}

bool is_blank(std::string_view text) {
  for (const char c : text)
    if (!is_ascii_space(c)) return false;
  return true;
}

/// Elements that are always empty. Prefixed, they are ordinary ones to an HTML parser.
bool swallows(HtmlNode node) {
  const std::string_view name = node.name();
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view local = name.substr(colon + 1);
  if (local.starts_with('m'))
    return is_any(local, {"mspace", "mprescripts", "maligngroup", "malignmark", "mglyph", "minus", "max", "min"});
  return is_any(local, {"none", "plus",     "times",     "divide", "power", "root",        "eq",      "neq", "lt",   "gt",
                        "leq",  "geq",      "in",        "notin",  "union", "and",         "or",      "not", "sin",  "cos",
                        "tan",  "exp",      "ln",        "log",    "abs",   "sum",         "product", "int", "diff", "pi",
                        "sep",  "infinity", "intersect", "subset", "limit", "partialdiff", "implies"});
}

HtmlNode counting_from(HtmlNode node) {
  while (node && !node.is_element() && !(node.is_text() && !is_blank(node.text()))) node = node.next();
  return node;
}

bool is_grouping(std::string_view name) {
  return is_any(name, {"mrow", "mstyle", "mpadded", "semantics", "math", "maction", "merror"});
}

}  // namespace

std::string_view local_name(HtmlNode node) {
  if (!node.is_element()) return {};
  const std::string_view name = node.name();
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

HtmlNode first_part(HtmlNode parent) { return counting_from(parent.first_child()); }

HtmlNode next_part(HtmlNode node) {
  if (node.is_element() && swallows(node))
    if (const HtmlNode swallowed = first_part(node)) return swallowed;
  for (;;) {
    if (const HtmlNode next = counting_from(node.next())) return next;
    const HtmlNode parent = node.parent();
    if (!parent.is_element() || !swallows(parent)) return {};
    node = parent;
  }
}

HtmlNode unwrapped(HtmlNode node) {
  // Any honest formula has less: this keeps a tower of single children from being climbed at each of its floors.
  for (int level = 0; level < 16 && node && is_grouping(local_name(node)); ++level) {
    const HtmlNode first = first_part(node);
    if (!first) return node;
    if (local_name(node) != "semantics")
      if (const HtmlNode second = next_part(first)) {
        // KaTeX has \lim as a row of lim and an invisible operator.
        const bool is_applied = local_name(second) == "mo" && second.first_child().text() == "\u2061" && !next_part(second);
        if (!is_applied || local_name(first) != "mi") return node;
      }
    node = first;
  }
  return node;
}

bool is_table(HtmlNode node) { return local_name(node) == "mtable"; }

bool Converter::spend() {
  if (!was_cut_ && ++nodes_ <= options_.max_nodes && !out_.is_full()) return true;
  was_cut_ = true;
  return false;
}

void Converter::group(HtmlNode node) {
  out_.put("{");
  if (node) element(node);
  out_.put("}");
}

Piece Converter::wrapped(std::string_view command, HtmlNode first) {
  out_.put(command);
  out_.mark();
  row(first);
  out_.put("}");
  return Piece::kAtom;
}

Piece Converter::element(HtmlNode node) {
  if (!spend()) return Piece::kNothing;
  if (depth_ >= options_.max_depth) {
    was_cut_ = true;
    return Piece::kNothing;
  }
  ++depth_;
  const Piece piece = node.is_text() ? characters(trim(node.text()), font_) : dispatch(node, local_name(node));
  --depth_;
  return piece;
}

Piece Converter::dispatch(HtmlNode node, std::string_view name) {
  if (is_any(name, {"mo", "mi", "mn", "mtext", "ms", "mspace"})) return token(node, name);
  const HtmlNode first = first_part(node);
  if (is_any(name, {"mrow", "mpadded", "math", "merror"})) return row(first);
  if (is_any(name, {"mstyle"})) return styled(node);
  if (is_any(name, {"msub", "msup", "msubsup", "munder", "mover", "munderover"})) {
    const HtmlNode second = first ? next_part(first) : HtmlNode(), third = second ? next_part(second) : HtmlNode();
    if (name == "msub") return scripts(first, second, {});
    if (name == "msup") return scripts(first, {}, second);
    if (name == "msubsup") return scripts(first, second, third);
    if (name == "munder") return under_over(first, second, {});
    if (name == "mover") return under_over(first, {}, second);
    return under_over(first, second, third);
  }
  if (name == "mfrac") return fraction(node);
  if (name == "msqrt") return root(node, false);
  if (name == "mroot") return root(node, true);
  if (name == "mtable") return table(node, {});
  if (name == "mfenced") return fenced(node);
  if (name == "mphantom") return first ? wrapped("\\phantom{", first) : Piece::kNothing;
  if (name == "menclose") return enclosed(node);
  if (name == "mmultiscripts") return multiscripts(node);
  if (name == "semantics") return first ? element(first) : Piece::kNothing;
  if (name == "maction") {
    HtmlNode chosen = first;
    const std::string_view selection = node.attribute("selection");
    const int steps = selection.size() == 1 && is_ascii_digit(selection[0]) ? selection[0] - '0' : 1;
    for (int i = 1; i < steps && chosen; ++i) chosen = next_part(chosen);
    return chosen || first ? element(chosen ? chosen : first) : Piece::kNothing;
  }
  if (is_any(name, {"annotation", "annotation-xml", "script", "style", "mprescripts", "none", "malignmark", "maligngroup"}))
    return Piece::kNothing;
  if (name == "mglyph") return text(node.attribute("alt"), font_);
  if (is_content(name)) return content(node, name);
  return row(first);  // an element of HTML, or one nobody knows
}

Piece Converter::styled(HtmlNode node) {
  const MathFont outer = font_;
  if (const MathFont font = math_font(node.attribute("mathvariant")); font != MathFont::kDefault) font_ = font;
  const Piece piece = row(first_part(node));
  font_ = outer;
  return piece;
}

Piece Converter::fraction(HtmlNode node) {
  const HtmlNode above = first_part(node), below = above ? next_part(above) : HtmlNode();
  if (!above) return Piece::kNothing;
  const std::string_view thickness = node.attribute("linethickness");
  const bool has_line = !(thickness.starts_with('0') && thickness.find_first_of("123456789") == std::string_view::npos);
  if (node.attribute("bevelled") == "true") {
    base(above);
    out_.put("/");
    if (below) base(below);
    return Piece::kRow;
  }
  // Without a line and without delimiters: two expressions on each other. In parentheses it is \binom, which row() sees to.
  out_.put(has_line ? "\\frac" : "\\genfrac{}{}{0pt}{}");
  group(above);
  group(below);
  ++tall_;
  return Piece::kAtom;
}

Piece Converter::root(HtmlNode node, bool has_index) {
  const HtmlNode first = first_part(node);
  if (!has_index) return wrapped("\\sqrt{", first);
  const HtmlNode index = first ? next_part(first) : HtmlNode();
  out_.put("\\sqrt");
  if (index) {
    out_.put("[");
    const std::size_t start = out_.mark();
    element(index);
    if (out_.since(start).find(']') != std::string_view::npos) {  // would end the argument
      out_.insert(start, "{");
      out_.put("}");
    }
    out_.put("]");
  }
  group(first);
  return Piece::kAtom;
}

Piece Converter::enclosed(HtmlNode node) {
  const std::string_view notation = node.attribute("notation");
  const HtmlNode first = first_part(node);
  const auto has = [&](std::string_view word) { return has_token(notation, word); };
  if (has("box") || has("roundedbox") || has("circle")) return wrapped("\\boxed{", first);
  if (has("updiagonalstrike") && has("downdiagonalstrike")) return wrapped("\\xcancel{", first);
  if (has("updiagonalstrike") || has("horizontalstrike")) return wrapped("\\cancel{", first);
  if (has("downdiagonalstrike")) return wrapped("\\bcancel{", first);
  if (has("radical")) return wrapped("\\sqrt{", first);
  if (has("top") || has("longdiv") || has("actuarial")) return wrapped("\\overline{", first);
  if (has("bottom")) return wrapped("\\underline{", first);
  return row(first);
}

Piece Converter::fenced(HtmlNode node) {
  const auto fence = [&](std::string_view attribute, char32_t usual) -> char32_t {
    if (!node.has_attribute(attribute)) return usual;
    const std::string_view value = trim(node.attribute(attribute));
    std::size_t at = 0;
    return value.empty() ? 0 : next_character(value, at);
  };
  const Delimiters fences{fence("open", '('), fence("close", ')')};
  const HtmlNode first = first_part(node);
  const bool is_alone = first && !next_part(first);
  const HtmlNode inner = is_alone ? unwrapped(first) : HtmlNode();
  if (inner && is_table(inner)) return table(inner, fences);
  if (inner && local_name(inner) == "mfrac" && inner.attribute("linethickness").starts_with('0') && fences.open == '(' &&
      fences.close == ')') {
    const HtmlNode above = first_part(inner);
    out_.put("\\binom");
    group(above);
    group(above ? next_part(above) : HtmlNode());
    ++tall_;
    return Piece::kAtom;
  }
  const std::string separators(node.has_attribute("separators") ? node.attribute("separators") : std::string_view(","));
  const std::size_t start = out_.mark();
  const std::int64_t tall = tall_;
  if (fences.open != 0) delimiter(fences.open);
  std::size_t at = 0, last = 0;
  for (HtmlNode part = first; part; part = next_part(part)) {
    element(part);
    if (was_cut_) break;
    if (!next_part(part)) break;
    while (at < separators.size() && is_ascii_space(separators[at])) ++at;
    if (at < separators.size())
      last = at;
    else
      at = last;  // the last one serves for all that follow
    if (at < separators.size()) character(next_character(separators, at), MathFont::kDefault);
  }
  const bool grows = tall_ != tall && (fences.open != 0 || fences.close != 0);
  if (grows) {
    out_.insert(start, fences.open != 0 ? "\\left" : "\\left.");
    out_.put("\\right");
    if (fences.close == 0) out_.put(".");
  }
  if (fences.close != 0) delimiter(fences.close);
  return fences.open != 0 && fences.close != 0 ? Piece::kAtom : Piece::kRow;
}

Piece Converter::row(HtmlNode first, bool is_whole_cell) {
  struct Open {
    std::size_t at;
    std::int64_t tall;
    char32_t sign;
    bool grows, is_first;
  };
  // Most rows nest few delimiters; what exceeds that many are not paired.
  std::array<Open, 32> open;
  std::size_t opened = 0;
  Piece whole = Piece::kNothing;
  const std::size_t start = out_.size();
  int pieces = 0;
  bool is_fenced = false;
  for (HtmlNode part = first; part && !was_cut_; part = next_part(part)) {
    const std::string_view name = local_name(part);
    // The delimiter may carry the script of the whole: (a+b)^2 as ( a + b and an msup of ) and 2.
    const bool is_scripted = name == "msup" || name == "msub" || name == "msubsup";
    const HtmlNode sign = is_scripted ? unwrapped(first_part(part)) : name == "mo" || name == "mrow" ? unwrapped(part) : HtmlNode();
    const bool is_operator = sign && local_name(sign) == "mo";
    const char32_t c = is_operator ? sole_character(sign) : 0;
    const bool is_delimiter = is_operator && (c == 0 || is_bar(c) || closing_delimiter(c) != 0 || is_closing_delimiter(c));
    const bool can_grow = is_delimiter && sign.attribute("stretchy") != "false" && !sign.has_attribute("maxsize");
    const bool is_first = pieces == 0;
    const HtmlNode following = is_delimiter && !is_scripted ? next_part(part) : HtmlNode();
    const bool is_empty_sign = is_operator && c == 0 && !first_part(sign);
    const bool is_opening_bar = is_bar(c) && (is_first || sign.attribute("form") == "prefix") && (following || c == 0);
    if (is_operator && !is_scripted && (closing_delimiter(c) != 0 || is_opening_bar)) {
      // A table, or a fraction without line, between delimiters is one thing.
      if (const HtmlNode inner = following ? unwrapped(following) : HtmlNode();
          inner && (is_table(inner) || local_name(inner) == "mfrac")) {
        const HtmlNode after = next_part(following), end = after ? unwrapped(after) : HtmlNode();
        const bool ends = end && local_name(end) == "mo";
        const char32_t close = ends ? sole_character(end) : 0;
        const bool is_binomial =
            local_name(inner) == "mfrac" && inner.attribute("linethickness").starts_with('0') && c == '(' && close == ')';
        const bool is_fence = close == closing_delimiter(c) || is_closing_delimiter(close) || (is_bar(c) && close == c) ||
                              (close == 0 && (!after || (ends && !first_part(end))));
        if (is_binomial) {
          const HtmlNode above = first_part(inner);
          out_.put("\\binom");
          group(above);
          group(above ? next_part(above) : HtmlNode());
          ++tall_;
          whole = Piece::kAtom;
        } else if (is_table(inner) && is_fence) {
          whole = table(inner, {c, close});
        }
        if (is_binomial || (is_table(inner) && is_fence)) {
          ++pieces;
          part = after ? after : following;
          continue;
        }
      }
      if (opened < open.size()) open[opened++] = {out_.mark(), tall_, c, can_grow, is_first};
    } else if (is_operator && is_empty_sign && is_first && !is_scripted) {
      if (opened < open.size()) open[opened++] = {out_.mark(), tall_, 0, true, true};  // \left.
      ++pieces;
      continue;
    } else if (is_operator && opened > 0 && (is_closing_delimiter(c) || is_bar(c) || is_empty_sign)) {
      std::size_t match = opened;
      const bool is_bar_sign = is_bar(c);
      while (match > 0) {
        const Open& candidate = open[match - 1];
        const bool is_match = is_bar_sign     ? candidate.sign == c || candidate.sign == 0
                              : is_empty_sign ? candidate.is_first
                                              : !is_bar(candidate.sign);
        if (is_match) break;
        if (is_bar_sign && candidate.sign != c) {
          match = 0;
          break;
        }
        --match;
      }
      if (match > 0) {
        const Open& begin = open[match - 1];
        if (tall_ != begin.tall && begin.grows && (can_grow || is_empty_sign)) {
          out_.insert(begin.at, begin.sign != 0 ? "\\left" : "\\left.");
          out_.put(is_empty_sign ? "\\right." : "\\right");
        }
        is_fenced = begin.is_first && !is_scripted && begin.sign != 0;
        opened = match - 1;
        const Piece last = is_empty_sign ? Piece::kNothing : element(part);
        if (last == Piece::kNothing && !is_empty_sign) continue;
        whole = is_scripted ? Piece::kRow : is_fenced ? Piece::kAtom : Piece::kRow;
        ++pieces;
        continue;
      }
    }
    const Piece piece = element(part);
    if (piece == Piece::kNothing) continue;
    ++pieces;
    whole = pieces == 1 ? piece : Piece::kRow;
  }
  // A brace that nothing closes, before something tall to the row's end: cases.
  if (!is_whole_cell && opened > 0 && open[0].is_first && open[0].sign == '{' && open[0].grows && tall_ != open[0].tall) {
    out_.insert(open[0].at, "\\left");
    out_.put("\\right.");
  }
  return whole == Piece::kRow && out_.is_one_word(start) ? Piece::kAtom : whole;
}

}  // namespace mathml

namespace {

bool is_tex(std::string_view encoding) {
  return encoding.find("x-tex") != std::string_view::npos || encoding.find("TeX") != std::string_view::npos ||
         encoding.find("latex") != std::string_view::npos;
}

/// The TeX annotation of a formula that consists of one <semantics>.
std::string annotation_of(HtmlNode math) {
  HtmlNode only = mathml::first_part(math);
  while (only && mathml::local_name(only) == "mrow" && !mathml::next_part(only)) only = mathml::first_part(only);
  if (!only || mathml::local_name(only) != "semantics") return {};
  for (HtmlNode part = mathml::first_part(only); part; part = mathml::next_part(part))
    if (mathml::local_name(part) == "annotation" && is_tex(part.attribute("encoding"))) return mathml::token_text(part);
  return {};
}

}  // namespace

std::string mathml_to_latex(HtmlNode math, const MathmlOptions& options) {
  const HtmlNode first = mathml::first_part(math);
  if (!first) return {};
  if (options.use_annotation)
    if (std::string annotation = annotation_of(math); !annotation.empty() && annotation.size() <= options.max_bytes)
      return annotation;
  // Text alone is what an author took <math> of a wiki to be: TeX.
  if (first.is_text() && !mathml::next_part(first))
    return first.text().size() <= options.max_bytes ? std::string(trim(first.text())) : std::string();
  mathml::Converter converter(options);
  converter.element(math);
  return converter.was_cut() ? std::string() : converter.finish();
}

}  // namespace corollary
