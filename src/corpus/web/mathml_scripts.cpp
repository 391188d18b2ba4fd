// Scripts, accents, limits.
#include "corpus/web/mathml_converter.h"

namespace corollary::mathml {
namespace {

/// How many primes the expression is, if nothing else.
int primes(HtmlNode node) {
  int count = 0;
  const auto of_token = [](HtmlNode token) {
    switch (sole_character(token)) {
      case '\'':
      case 0x2032:
        return 1;
      case 0x2033:
        return 2;
      case 0x2034:
        return 3;
      case 0x2057:
        return 4;
      default:
        return 0;
    }
  };
  const HtmlNode inner = unwrapped(node);
  const std::string_view name = local_name(inner);
  if (name == "mo" || name == "mi" || name == "mtext") {
    if (const int one = of_token(inner)) return one;
    const std::string text = token_text(inner);
    for (std::size_t at = 0; at < text.size();) {
      const char32_t c = next_character(text, at);
      if (c != '\'' && c != 0x2032) return 0;
      ++count;
    }
    return count;
  }
  if (name != "mrow") return 0;
  for (HtmlNode part = first_part(inner); part; part = next_part(part)) {
    const int more = of_token(part);
    if (more == 0 || count > 8) return 0;
    count += more;
  }
  return count;
}

bool is_single_letter(HtmlNode node) {
  const HtmlNode inner = unwrapped(node);
  if (inner.is_text()) return inner.text().size() == 1;
  const std::string_view name = local_name(inner);
  if (name == "msub") return is_single_letter(first_part(inner));
  if (name != "mi" && name != "mn" && name != "mo") return false;
  const std::string text = token_text(inner);
  std::size_t at = 0;
  if (!text.empty()) next_character(text, at);
  return at == text.size();
}

/// Operators and functions, and what a brace groups: what stands above and below is written with ^ and _.
bool has_limits(HtmlNode base) {
  for (int level = 0; level < 8 && base; ++level) {
    base = unwrapped(base);
    const std::string_view name = local_name(base);
    if (name == "mi" || name == "mo" || name == "mtext") {
      if (base.attribute("movablelimits") == "true") return true;
      const char32_t c = sole_character(base);
      if (c != 0) return is_large_operator(c) || is_integral(c);
      if (name == "mtext") return false;
      return true;  // a word: \operatorname*
    }
    if (name == "munder" || name == "mover") {
      const HtmlNode first = first_part(base);
      const HtmlNode second = first ? next_part(first) : HtmlNode();
      const char32_t c = second ? sole_character(second) : 0;
      if (c == 0x23DE || c == 0x23DF || c == 0xFE37 || c == 0xFE38 || c == 0x23B4 || c == 0x23B5) return true;
      base = first;
      continue;
    }
    if (name == "munderover" || name == "msub" || name == "msup" || name == "msubsup") {
      base = first_part(base);
      continue;
    }
    return false;
  }
  return false;
}

bool is_integral_base(HtmlNode base) {
  const char32_t c = sole_character(base);
  return c != 0 && is_integral(c);
}

}  // namespace

Piece Converter::base(HtmlNode node) {
  const std::size_t start = out_.mark();
  const Piece piece = node ? element(node) : Piece::kNothing;
  if (piece == Piece::kNothing) {
    out_.put("{}");
  } else if (piece == Piece::kRow || piece == Piece::kScripted) {
    out_.insert(start, "{");
    out_.put("}");
  }
  return piece;
}

void Converter::script(char sign, HtmlNode node) {
  if (!node) return;
  const std::size_t before = out_.mark();
  out_.put({&sign, 1});
  const std::size_t start = out_.mark();
  const bool outer = is_script_;
  is_script_ = true;
  const std::int64_t tall = tall_;
  const Piece piece = element(node);
  tall_ = tall;  // scripts are small
  is_script_ = outer;
  if (piece == Piece::kNothing) {
    if (out_.size() == start) out_.take_back(before);
  } else if (piece != Piece::kToken) {
    out_.insert(start, "{");
    out_.put("}");
  }
}

Piece Converter::scripts(HtmlNode node, HtmlNode below, HtmlNode above) {
  if (!node) return Piece::kNothing;
  base(node);
  script('_', below);
  if (const int count = above ? primes(above) : 0; count > 0)
    out_.put(std::string_view("'''''''''''").substr(0, static_cast<std::size_t>(count)));
  else
    script('^', above);
  return Piece::kScripted;
}

Piece Converter::accented(HtmlNode expression, HtmlNode mark, bool is_above) {
  const char32_t c = sole_character(mark);
  const Accent accent = c == 0 ? Accent() : is_above ? accent_above(c) : accent_below(c);
  if (accent.narrow == nullptr) return Piece::kNothing;
  const HtmlNode sign = unwrapped(mark);
  const std::string_view stretchy = sign.attribute("stretchy");
  const bool is_line = sign.attribute("accent") == "false" || c == 0x203E || c == 0x2015 || c == '_' || c == 0x332;
  const bool is_wide = stretchy == "false" ? false : stretchy == "true" || is_line || !is_single_letter(expression);
  out_.put(is_wide ? accent.wide : accent.narrow);
  group(expression);
  return Piece::kAtom;
}

Piece Converter::under_over(HtmlNode expression, HtmlNode below, HtmlNode above) {
  if (!expression) return Piece::kNothing;
  if (below && !first_part(below) && local_name(below) == "mrow") below = {};
  if (above && !first_part(above) && local_name(above) == "mrow") above = {};
  if (!below && !above) return element(expression);
  const bool limits = has_limits(expression);
  if (!limits || !below != !above) {
    if (above && !below && !(limits && sole_character(above) != 0x23DE && sole_character(above) != 0xAF))
      if (const Piece piece = accented(expression, above, true); piece != Piece::kNothing) return piece;
    if (below && !above)
      if (const Piece piece = accented(expression, below, false); piece != Piece::kNothing) return piece;
  }
  if (limits) {
    ++tall_;
    const bool is_name = local_name(unwrapped(expression)) == "mi" || local_name(unwrapped(expression)) == "mo";
    wants_star_ = is_name && sole_character(expression) == 0;
    const std::size_t start = out_.mark();
    const Piece piece = element(expression);
    wants_star_ = false;
    if (piece == Piece::kRow) {
      out_.insert(start, "\\mathop{");
      out_.put("}");
    }
    if (is_integral_base(expression)) out_.put("\\limits");
    script('_', below);
    script('^', above);
    return Piece::kScripted;
  }
  const char32_t arrow = sole_character(expression);
  if (const char* command = arrow != 0 ? extensible_arrow(arrow) : nullptr; command != nullptr) {
    out_.put(command);
    if (below) {
      out_.put("[");
      element(below);
      out_.put("]");
    }
    group(above);
    return Piece::kAtom;
  }
  if (below) {
    out_.put("\\underset");
    group(below);
    if (above) out_.put("{");
  }
  if (above) {
    if (const Piece piece = below ? accented(expression, above, true) : Piece::kNothing; piece == Piece::kNothing) {
      out_.put("\\overset");
      group(above);
      group(expression);
    }
    if (below) out_.put("}");
  } else {
    group(expression);
  }
  return Piece::kAtom;
}

Piece Converter::multiscripts(HtmlNode node) {
  const HtmlNode expression = first_part(node);
  if (!expression) return Piece::kNothing;
  const auto is_none = [](HtmlNode part) {
    const std::string_view name = local_name(part);
    return name == "none" || (name == "mrow" && !first_part(part));
  };
  HtmlNode prescripts = next_part(expression);
  while (prescripts && local_name(prescripts) != "mprescripts") prescripts = next_part(prescripts);
  bool is_first = true;
  const auto pairs = [&](HtmlNode part) {
    while (part && local_name(part) != "mprescripts" && !was_cut_) {
      const HtmlNode above = next_part(part);
      const bool has_above = above && local_name(above) != "mprescripts";
      if (!is_first) out_.put("{}");
      is_first = false;
      if (!is_none(part)) script('_', part);
      if (has_above && !is_none(above)) script('^', above);
      part = has_above ? next_part(above) : above;
    }
  };
  if (prescripts && next_part(prescripts)) {
    out_.put("{}");
    pairs(next_part(prescripts));
  }
  base(expression);
  is_first = true;
  pairs(next_part(expression));
  return Piece::kScripted;
}

}  // namespace corollary::mathml
