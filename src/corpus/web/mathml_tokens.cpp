// Token elements: identifiers, numbers, operators, text and space.
#include <algorithm>

#include "corpus/text.h"
#include "corpus/web/mathml_converter.h"

namespace corollary::mathml {
namespace {

constexpr char32_t kNoBreakSpace = 0xA0, kApplyFunction = 0x2061, kNotSlash = 0x338;

void collect_text(HtmlNode node, std::string& out, int depth) {
  for (HtmlNode child = node.first_child(); child; child = child.next()) {
    if (child.is_text())
      out += child.text();
    else if (child.is_element() && depth < 400)
      collect_text(child, out, depth + 1);
  }
}

bool all_of(std::string_view text, bool (*is_wanted)(char)) { return std::all_of(text.begin(), text.end(), is_wanted); }

/// Whether U+2061, or nothing but it, follows the identifier (perhaps with scripts): a function's name.
bool is_applied(HtmlNode node) {
  for (int level = 0; node && level < 4; ++level) {
    if (const HtmlNode next = next_part(node)) {
      const std::string_view parent = local_name(node.parent());
      if (!parent.starts_with("msu") && !parent.starts_with("mun") && !parent.starts_with("mov"))
        return sole_character(next) == kApplyFunction;
    }
    node = node.parent();
    if (!local_name(node).starts_with('m') || local_name(node) == "math" || local_name(node) == "mtd") return false;
  }
  return false;
}

const char* combining_command(char32_t c) {
  const bool is_combining = (c >= 0x300 && c <= 0x30C) || (c >= 0x20D6 && c <= 0x20DC);
  return is_combining ? accent_above(c).narrow : nullptr;
}

/// Text in braces of \text or a font: what TeX takes for a command is escaped, blanks of any kind are blanks.
void append_text_character(std::string& out, char32_t c, std::string_view bytes) {
  if (c == '\\')
    out += "\\textbackslash{}";
  else if (c == '~' || c == '^')
    ((out += '\\') += static_cast<char>(c)) += "{}";
  else if (c < 0x80 && std::string_view("#$%&_{}").find(static_cast<char>(c)) != std::string_view::npos)
    (out += '\\') += static_cast<char>(c);
  else if (c == kNoBreakSpace || (c >= 0x2000 && c <= 0x200A) || c == 0x202F)
    out += ' ';
  else if (c < 0x200B || c > 0x2064 || (c > 0x200F && c < 0x2060))
    out += bytes;
}

}  // namespace

char32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned lead = byte(at);
  const int more = lead < 0x80 ? 0 : lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC2 ? 1 : -1;
  char32_t c = more <= 0 ? lead : lead & (0x3Fu >> more);
  for (int i = 1; i <= more; ++i) {
    if ((byte(at + i) & 0xC0u) != 0x80u) {
      ++at;
      return 0xFFFD;
    }
    c = c << 6 | (byte(at + i) & 0x3Fu);
  }
  at += more < 0 ? 1 : more + 1;
  return more < 0 ? 0xFFFD : c;
}

std::string token_text(HtmlNode node, bool keep_edges) {
  std::string raw, out;
  collect_text(node, raw, 0);
  for (const char c : trim(raw)) {
    if (!is_ascii_space(c))
      out += c;
    else if (out.back() != ' ')
      out += ' ';
  }
  if (keep_edges && !out.empty()) {
    if (raw.front() == ' ' && !is_ascii_space(raw[1])) out.insert(0, 1, ' ');
    if (raw.back() == ' ' && !is_ascii_space(raw[raw.size() - 2])) out += ' ';
  }
  return out;
}

char32_t sole_character(HtmlNode node) {
  const HtmlNode token = unwrapped(node);
  const std::string_view name = local_name(token);
  if (name != "mo" && name != "mi" && name != "mtext") return 0;
  const std::string text = token_text(token);
  std::size_t at = 0;
  const char32_t c = text.empty() ? 0 : next_character(text, at);
  return at == text.size() ? c : 0;
}

Piece Converter::token(HtmlNode node, std::string_view name) {
  if (name == "mspace") return space(node);
  MathFont font = math_font(node.attribute("mathvariant"));
  if (font == MathFont::kDefault) font = font_;
  const std::string characters = token_text(node, name == "mtext");
  if (characters.empty()) return Piece::kNothing;
  if (name == "mi") return identifier(characters, font, node);
  if (name == "mn") return number(characters, font);
  if (name == "mo") return operator_sign(characters, font, node);
  if (name == "ms") return text('"' + characters + '"', font);
  return text(characters, font);
}

Piece Converter::character(char32_t c, MathFont font) {
  const StyledLetter styled = plain_letter(c);
  if (styled.font != MathFont::kDefault) {
    if (font == MathFont::kDefault || font == MathFont::kNormal) font = styled.font;
    c = styled.letter;
  }
  if (c < 0x80 && (is_ascii_letter(static_cast<char>(c)) || is_ascii_digit(static_cast<char>(c)))) {
    const char letter = static_cast<char>(c);
    const bool is_plain =
        font == MathFont::kDefault || font == MathFont::kItalic || (is_ascii_digit(letter) && font == MathFont::kNormal);
    if (is_plain)
      out_.put({&letter, 1});
    else
      out_.put_letters(font, {&letter, 1});
    return is_plain ? Piece::kToken : Piece::kAtom;
  }
  const bool is_bold =
      font == MathFont::kBold || font == MathFont::kBoldItalic || font == MathFont::kSansBold || font == MathFont::kSansBoldItalic;
  std::string_view symbol = math_symbol(c);
  std::string own;
  if (symbol.data() == nullptr) {
    append_utf8(own, c);
    symbol = own;
  }
  if (symbol.empty()) return Piece::kNothing;
  if (is_bold) {
    out_.put("\\boldsymbol{");
    out_.put(symbol);
    out_.put("}");
    return Piece::kAtom;
  }
  if (c == kNoBreakSpace && out_.size() == 0) return Piece::kNothing;
  out_.put(symbol);
  if (symbol.front() == '^' || symbol.front() == '_') return Piece::kScripted;
  const bool is_word = symbol.front() == '\\' && all_of(symbol.substr(1), is_ascii_letter);
  return symbol.size() == 1 || is_word || symbol.data() == own.data() || (symbol.front() == '\\' && symbol.size() == 2)
             ? Piece::kToken
             : Piece::kAtom;
}

Piece Converter::characters(std::string_view text, MathFont font) {
  Piece whole = Piece::kNothing;
  int pieces = 0;
  for (std::size_t at = 0; at < text.size() && !out_.is_full();) {
    const char32_t c = next_character(text, at);
    if (c < 0x80 && is_ascii_space(static_cast<char>(c))) continue;
    std::size_t after = at;
    const char32_t following = at < text.size() ? next_character(text, after) : 0;
    Piece piece;
    if (following == kNotSlash) {
      out_.put(c == '=' ? "\\neq" : c == 0x2208 ? "\\notin" : "\\not");
      piece = c == '=' || c == 0x2208 ? Piece::kToken : character(c, font);
      at = after;
    } else if (const char* command = combining_command(following)) {
      out_.put(command);
      out_.put("{");
      character(c, font);
      out_.put("}");
      piece = Piece::kAtom;
      at = after;
    } else {
      piece = character(c, font);
    }
    if (piece == Piece::kNothing) continue;
    whole = ++pieces == 1 ? piece : Piece::kRow;
  }
  return whole;
}

Piece Converter::identifier(std::string_view text, MathFont font, HtmlNode node) {
  std::size_t at = 0;
  next_character(text, at);
  if (at == text.size()) {
    at = 0;
    const char32_t c = next_character(text, at);
    if (is_bar(c)) {  // KaTeX's | and \|; as relations they are <mo>
      out_.put(c == '|' || c == 0x2223 ? "|" : "\\|");
      return Piece::kToken;
    }
    if (c < 0x80 && is_ascii_letter(static_cast<char>(c))) {
      if (font == MathFont::kItalic && has_class(node, "MJX-tex-mathit")) {
        out_.put_letters(font, text);
        return Piece::kAtom;
      }
      if (font == MathFont::kNormal && is_applied(node)) {
        out_.put("\\operatorname{");
        out_.put(text);
        out_.put("}");
        return Piece::kAtom;
      }
    }
    return characters(text, font);
  }
  if (const std::string_view command = function_command(text); command.data() != nullptr && font != MathFont::kBold) {
    wants_star_ = false;
    out_.put(command);
    return Piece::kToken;
  }
  const auto is_name = [](char c) {
    return is_ascii_letter(c) || is_ascii_digit(c) || c == ' ' || c == '-' || c == '.' || c == '\'';
  };
  std::string name;
  bool is_ascii = true, has_plain_word = false;
  for (at = 0; at < text.size();) {
    const std::size_t start = at;
    const char32_t c = next_character(text, at);
    if (c == ' ' || c == 0x2009 || c == kNoBreakSpace || c == 0x2006)
      name += "\\,";
    else if (c < 0x80 && is_name(static_cast<char>(c)))
      name += static_cast<char>(c), has_plain_word = true;
    else if (const auto symbol = math_symbol(c); symbol.data() != nullptr && symbol.empty())
      continue;
    else
      is_ascii = false, name += text.substr(start, at - start);
  }
  if (!is_ascii && !has_plain_word) return characters(text, font);
  if (!is_ascii) {
    // Words of another script, or symbols among letters.
    return this->text(text, font);
  }
  if (std::string spaced = name; spaced.find("\\,") != std::string::npos) {
    for (std::size_t i; (i = spaced.find("\\,")) != std::string::npos;) spaced.replace(i, 2, " ");
    if (const std::string_view command = function_command(spaced); command.data() != nullptr) {
      wants_star_ = false;
      out_.put(command);
      return Piece::kToken;
    }
  }
  if (font == MathFont::kDefault || font == MathFont::kNormal) {
    const bool is_function = wants_star_ || is_applied(node);
    out_.put(wants_star_ ? "\\operatorname*{" : is_function ? "\\operatorname{" : "\\mathrm{");
    wants_star_ = false;
    out_.put(name);
    out_.put("}");
  } else {
    out_.put_letters(font, name);
  }
  return Piece::kAtom;
}

Piece Converter::number(std::string_view text, MathFont font) {
  if (!all_of(text, [](char c) { return is_ascii_digit(c) || c == '.' || c == ','; })) return characters(text, font);
  const bool is_plain = font == MathFont::kDefault || font == MathFont::kNormal || font == MathFont::kItalic;
  if (is_plain)
    out_.put(text);
  else
    out_.put_letters(font, text);
  return is_plain && text.size() == 1 ? Piece::kToken : Piece::kAtom;
}

void Converter::delimiter(char32_t c) { character(c, MathFont::kDefault); }

Piece Converter::operator_sign(std::string_view text, MathFont font, HtmlNode node) {
  std::size_t at = 0;
  const char32_t c = next_character(text, at);
  if (at == text.size()) {
    if (c == kApplyFunction) return Piece::kNothing;
    // \big( has a size of its own: 1.2em, 1.8em (MathJax: 1.623), 2.4em (2.047), 3em (2.470).
    const bool is_delimiter = closing_delimiter(c) != 0 || is_closing_delimiter(c) || is_bar(c);
    if (const std::string_view size = is_delimiter ? node.attribute("minsize") : std::string_view();
        size.size() >= 3 && is_ascii_digit(size[0]) && size.ends_with("em")) {
      const int tenths = (size[0] - '0') * 10 + (size[1] == '.' && is_ascii_digit(size[2]) ? size[2] - '0' : 0);
      out_.put(tenths <= 12 ? "\\big" : tenths <= 18 ? "\\Big" : tenths <= 24 && !size.starts_with("2.47") ? "\\bigg" : "\\Bigg");
    }
    if (is_bar(c) && c == 0x2225 && node.attribute("stretchy") == "false" && node.attribute("fence") == "false") {
      out_.put("\\|");  // MathJax's
      return Piece::kToken;
    }
    if ((c == '<' || c == '>') && node.attribute("fence") == "true") {
      out_.put(c == '<' ? "\\langle" : "\\rangle");
      return Piece::kToken;
    }
    const bool is_word = is_ascii_letter(static_cast<char>(c)) && c < 0x80;
    return character(c, is_word && font == MathFont::kDefault ? MathFont::kNormal : font);
  }
  if (const std::string_view command = function_command(text); command.data() != nullptr) {
    wants_star_ = false;
    out_.put(command);
    return Piece::kToken;
  }
  constexpr std::pair<std::string_view, std::string_view> kDigraphs[] = {
      {"<=", "\\leq"},    {">=", "\\geq"}, {"!=", "\\neq"},     {"->", "\\to"},        {"=>", "\\Rightarrow"},
      {"...", "\\ldots"}, {"||", "\\|"},   {"|->", "\\mapsto"}, {"<-", "\\leftarrow"}, {"<=>", "\\Leftrightarrow"},
      {"<<", "\\ll"},     {">>", "\\gg"}};
  for (const auto& [sign, command] : kDigraphs)
    if (sign == text) {
      out_.put(command);
      return Piece::kToken;
    }
  if (std::any_of(text.begin(), text.end(), is_ascii_letter)) return identifier(text, font, node);
  return characters(text, font);
}

Piece Converter::text(std::string_view text, MathFont font) {
  std::string out;
  bool has_content = false;
  std::size_t at = 0, count = 0;
  char32_t only = 0;
  while (at < text.size()) {
    const std::size_t start = at;
    const char32_t c = next_character(text, at);
    append_text_character(out, c, text.substr(start, at - start));
    has_content = has_content || (c != ' ' && c != kNoBreakSpace && !(c >= 0x2000 && c <= 0x200F) && !(c >= 0x2060 && c <= 0x2064));
    only = c;
    ++count;
  }
  if (!has_content) return characters(text, MathFont::kDefault);
  if (count == 1 && only >= 0x80 && math_symbol(only).data() != nullptr) return character(only, font);
  if (count == 1 && only < 0x80 && !is_ascii_letter(static_cast<char>(only))) return character(only, MathFont::kDefault);
  out_.put(font == MathFont::kBold        ? "\\textbf{"
           : font == MathFont::kItalic    ? "\\textit{"
           : font == MathFont::kSans      ? "\\textsf{"
           : font == MathFont::kMonospace ? "\\texttt{"
                                          : "\\text{");
  out_.put(out);
  out_.put("}");
  return Piece::kAtom;
}

Piece Converter::space(HtmlNode node) {
  const std::string_view width = node.attribute("width");
  constexpr std::pair<std::string_view, std::string_view> kNamed[] = {
      {"thinmathspace", "\\,"},          {"mediummathspace", "\\:"},    {"thickmathspace", "\\;"},
      {"veryverythickmathspace", "\\;"}, {"verythickmathspace", "\\;"}, {"negativethinmathspace", "\\!"}};
  std::string_view command;
  for (const auto& [name, value] : kNamed)
    if (name == width) command = value;
  if (command.empty()) {
    int hundredths = 0, digits_after = -1;
    std::size_t at = width.starts_with('-') ? 1 : 0;
    for (; at < width.size() && at < 8 && (is_ascii_digit(width[at]) || width[at] == '.'); ++at) {
      if (width[at] == '.')
        digits_after = 0;
      else if (digits_after < 2)
        hundredths = hundredths * 10 + (width[at] - '0'), digits_after += digits_after >= 0;
    }
    for (int i = std::max(digits_after, 0); i < 2; ++i) hundredths *= 10;
    if (width.ends_with("px") || width.ends_with("pt")) hundredths /= 12;
    if (width.ends_with("ex")) hundredths /= 2;
    if (width.starts_with('-'))
      command = hundredths >= 10 ? "\\!" : "";
    else
      command = hundredths < 10    ? ""
                : hundredths < 20  ? "\\,"
                : hundredths < 25  ? "\\:"
                : hundredths < 30  ? "\\;"
                : hundredths < 45  ? "~"
                : hundredths < 80  ? "\\enspace"
                : hundredths < 160 ? "\\quad"
                                   : "\\qquad";
  }
  if (command.empty()) return Piece::kNothing;
  out_.put(command);
  return Piece::kAtom;
}

}  // namespace corollary::mathml
