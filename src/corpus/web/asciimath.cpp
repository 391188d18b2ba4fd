#include "corpus/web/asciimath.h"

#include <vector>

#include "corpus/text.h"
#include "corpus/web/asciimath_symbols.h"
#include "corpus/web/mathml_symbols.h"

namespace corollary {
namespace {

using Kind = AsciimathKind;
constexpr std::size_t kMaxBytes = std::size_t{64} << 10;
constexpr int kMaxDepth = 60;

struct Token {
  Kind kind = Kind::kSymbol;
  std::string latex, close;
  std::size_t partner = 0;    // of a bar that opens: the one that closes it
  bool is_partnered = false;  // a bar that closes
  bool is_invisible = false;  // {: and :}
};

std::string escaped_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("#$%&_{}").find(c) != std::string_view::npos) out += '\\';
    if (c == '\\')
      out += "\\textbackslash{}";
    else if (c == '^' || c == '~')
      ((out += '\\') += c) += "{}";
    else
      out += c;
  }
  return out;
}

/// One UTF-8 character, which is valid.
std::string_view character_at(std::string_view text, std::size_t at, char32_t& code_point) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  code_point = size == 1 ? lead : lead & (0xFFu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) code_point = code_point << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3Fu);
  return text.substr(at, size);
}

/// nullopt if a quote or the bracket of text(...) is not closed, or TeX was met.
std::optional<std::vector<Token>> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    Token token;
    if (is_ascii_space(c)) {
      ++at;
      continue;
    }
    if (c == '"') {
      const std::size_t end = text.find('"', at + 1);
      if (end == std::string_view::npos) return std::nullopt;
      token.latex = "\\text{" + escaped_text(text.substr(at + 1, end - at - 1)) + "}";
      at = end + 1;
    } else if (is_ascii_digit(c) || (c == '.' && at + 1 < text.size() && is_ascii_digit(text[at + 1]))) {
      std::size_t end = at;
      while (end < text.size() && is_ascii_digit(text[end])) ++end;
      if (end + 1 < text.size() && text[end] == '.' && is_ascii_digit(text[end + 1]))
        for (++end; end < text.size() && is_ascii_digit(text[end]);) ++end;
      token.latex = std::string(text.substr(at, end - at));
      at = end;
    } else if (c == '\\' && at + 1 < text.size() && is_ascii_letter(text[at + 1])) {
      return std::nullopt;
    } else if (c == 'd' && at + 1 < text.size() && std::string_view("xyzt").find(text[at + 1]) != std::string_view::npos &&
               (at + 2 == text.size() || !is_ascii_letter(text[at + 2]))) {
      token.latex = std::string(text.substr(at, 2));  // dx is one symbol
      at += 2;
    } else if (const AsciimathSymbol* symbol = asciimath_symbol(text.substr(at)); symbol != nullptr) {
      token.kind = symbol->kind;
      token.latex = std::string(symbol->latex);
      token.close = symbol->close;
      token.is_invisible = (symbol->kind == Kind::kOpen || symbol->kind == Kind::kClose) && symbol->latex.empty();
      at += symbol->name.size();
      if (symbol->kind == Kind::kText || symbol->kind == Kind::kColor) {
        while (at < text.size() && is_ascii_space(text[at])) ++at;
        const char open = at < text.size() ? text[at] : '\0', close = open == '('   ? ')'
                                                                      : open == '[' ? ']'
                                                                      : open == '{' ? '}'
                                                                                    : '\0';
        const bool is_quoted = open == '"';
        const std::size_t end = close != '\0' ? text.find(close, at) : is_quoted ? text.find('"', at + 1) : std::string_view::npos;
        if (end == std::string_view::npos) return std::nullopt;
        if (symbol->kind == Kind::kText) {
          token.latex += "{" + escaped_text(text.substr(at + 1, end - at - 1)) + "}";
          token.kind = Kind::kSymbol;
        }
        at = end + 1;
        if (symbol->kind == Kind::kColor) continue;  // its second argument stands for itself
      }
    } else if (is_ascii_letter(c)) {
      token.latex.assign(1, c);
      ++at;
    } else {
      char32_t code_point = 0;
      const std::string_view bytes = character_at(text, at, code_point);
      if (code_point < 0x20 || code_point == '\\' || code_point == '`' || code_point == 0x7F) return std::nullopt;
      const std::string_view known = math_symbol(code_point);
      token.latex = std::string(known.data() != nullptr ? known : bytes);
      at += bytes.size();
      if (token.latex.empty()) continue;
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

/// Finds the partners of brackets, which must have one, and of bars, which need not. False if a bracket has none.
bool pair_brackets(std::vector<Token>& tokens) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    Token& token = tokens[i];
    if (token.kind == Kind::kOpen) {
      open.push_back(i);
    } else if (token.kind == Kind::kBar) {
      if (!open.empty() && tokens[open.back()].kind == Kind::kBar && tokens[open.back()].latex == token.latex &&
          i > open.back() + 1) {
        tokens[open.back()].partner = i;
        token.is_partnered = true;
        open.pop_back();
      } else {
        open.push_back(i);
      }
    } else if (token.kind == Kind::kClose) {
      while (!open.empty() && tokens[open.back()].kind == Kind::kBar) open.pop_back();
      if (open.empty()) return false;
      tokens[open.back()].partner = i;
      open.pop_back();
    }
  }
  for (const std::size_t i : open)
    if (tokens[i].kind == Kind::kOpen) return false;
  return true;
}

/// Appends with a blank between a control word and a letter.
void append(std::string& out, std::string_view piece) {
  if (piece.empty()) return;
  if (is_ascii_letter(piece.front())) {
    std::size_t at = out.size();
    while (at > 0 && is_ascii_letter(out[at - 1])) --at;
    if (at < out.size() && at > 0 && out[at - 1] == '\\') out += ' ';
  }
  out += piece;
}

struct Item {
  std::string latex;
  bool is_single = false;  // one token, which a script may follow without braces
  bool is_group = false;   // in brackets: `inner` is what they hold, `cells` what commas divide there
  bool is_tall = false;    // has a fraction or a matrix
  std::string inner;
  std::string open;
  std::vector<std::string> cells;
  std::string argument() const { return is_group ? inner : latex; }
};

class Parser {
 public:
  explicit Parser(const std::vector<Token>& tokens) : tokens_(tokens) {}

  /// Up to `end`; false if a command lacks its argument or the nesting is too deep.
  bool expression(std::size_t end, Item& out) {
    std::vector<Item> rows;  // of a matrix, as long as all there is are groups between commas
    bool are_rows = true;
    std::string cell;
    std::size_t pieces = 0;
    while (at_ < end) {
      if (tokens_[at_].kind == Kind::kComma) {
        ++at_;
        are_rows = are_rows && pieces == 1;
        out.cells.push_back(cell);
        append(out.latex, cell);
        out.latex += ',';
        cell.clear();
        pieces = 0;
        continue;
      }
      Item item;
      if (!fraction(end, item)) return false;
      out.is_tall = out.is_tall || item.is_tall;
      append(cell, item.latex);
      are_rows = are_rows && ++pieces == 1 && item.is_group;
      if (are_rows) rows.push_back(std::move(item));
    }
    out.cells.push_back(cell);
    append(out.latex, cell);
    if (!are_rows || rows.empty() || pieces != 1) return true;
    const std::size_t columns = rows.front().cells.size();
    for (const Item& row : rows)
      if (row.cells.size() != columns || (row.open != "(" && row.open != "[") || row.open != rows.front().open) return true;
    if (rows.size() < 2 && columns < 2) return true;
    matrix_.clear();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i > 0) matrix_ += "\\\\";
      for (std::size_t j = 0; j < columns; ++j) (matrix_ += j > 0 ? "&" : "") += rows[i].cells[j];
    }
    matrix_open_ = rows.front().open;
    has_matrix_ = true;
    return true;
  }

 private:
  bool fraction(std::size_t end, Item& out) {
    if (!scripted(end, out)) return false;
    while (at_ < end && tokens_[at_].kind == Kind::kSlash) {
      ++at_;
      Item below;
      if (at_ >= end || !scripted(end, below)) return false;
      if (++fractions_ > kMaxDepth) return false;  // a/b/c/... nests
      Item whole;
      whole.latex = "\\frac{" + out.argument() + "}{" + below.argument() + "}";
      whole.is_tall = true;
      out = std::move(whole);
    }
    fractions_ = 0;
    return true;
  }

  bool scripted(std::size_t end, Item& out) {
    if (tokens_[at_].kind == Kind::kSub || tokens_[at_].kind == Kind::kSup)
      out.latex = "{}";
    else if (!simple(end, out))
      return false;
    bool has_sub = false, has_sup = false;
    while (at_ < end && (tokens_[at_].kind == Kind::kSub || tokens_[at_].kind == Kind::kSup)) {
      const bool is_sub = tokens_[at_].kind == Kind::kSub;
      if (is_sub ? has_sub || has_sup : has_sup) break;
      (is_sub ? has_sub : has_sup) = true;
      ++at_;
      Item script;
      if (at_ >= end || !simple(end, script)) return false;
      const std::string inner = script.argument();
      out.latex += is_sub ? '_' : '^';
      out.latex += script.is_single ? inner : "{" + inner + "}";
      out.is_group = out.is_single = false;
    }
    return true;
  }

  bool simple(std::size_t end, Item& out) {
    const Token& token = tokens_[at_];
    if (token.kind == Kind::kOpen || (token.kind == Kind::kBar && token.partner != 0)) return bracketed(out);
    ++at_;
    const auto argument = [&](Item& item) {
      if (at_ >= end || tokens_[at_].kind == Kind::kComma || tokens_[at_].kind == Kind::kSub || tokens_[at_].kind == Kind::kSup)
        return false;
      if (++depth_ > kMaxDepth) return false;
      const bool ok = simple(end, item);
      --depth_;
      out.is_tall = out.is_tall || item.is_tall;
      return ok;
    };
    Item first, second;
    switch (token.kind) {
      case Kind::kUnary:
        if (!argument(first)) return false;
        out.latex = token.latex + "{" + first.argument() + "}";
        return true;
      case Kind::kWrap:
        if (!argument(first)) return false;
        append(out.latex, first.is_tall ? "\\left" + token.latex : token.latex);
        append(out.latex, first.argument());
        append(out.latex, first.is_tall ? "\\right" + token.close : token.close);
        return true;
      case Kind::kBinary:
      case Kind::kRoot:
        if (!argument(first) || !argument(second)) return false;
        if (token.kind == Kind::kRoot)
          out.latex = "\\sqrt[" + first.argument() + "]{" + second.argument() + "}";
        else
          out.latex = token.latex + "{" + first.argument() + "}{" + second.argument() + "}";
        out.is_tall = out.is_tall || token.latex == "\\frac";
        return true;
      case Kind::kSlash:
        return false;
      default:
        out.latex = token.latex;
        out.is_single = token.latex.size() == 1 || (token.latex.starts_with('\\') && token.latex.find('{') == std::string::npos);
        return true;
    }
  }

  bool bracketed(Item& out) {
    const Token &open = tokens_[at_], &close = tokens_[open.partner];
    const std::size_t end = open.partner;
    if (++depth_ > kMaxDepth) return false;
    ++at_;
    Item inside;
    has_matrix_ = false;
    if (at_ < end && !expression(end, inside)) return false;
    --depth_;
    at_ = end + 1;
    out.open = open.latex;
    if (has_matrix_ && !(close.latex == "\\}" && matrix_open_ == "(")) {  // {(1,2),(3,4)} is a set of points
      has_matrix_ = false;
      out.is_tall = true;
      out.latex = matrix_between(open, close);
      return true;
    }
    has_matrix_ = false;
    out.is_group = true;
    out.is_tall = inside.is_tall;
    out.inner = inside.latex;
    out.cells = std::move(inside.cells);
    const bool grows = inside.is_tall && !(open.is_invisible && close.is_invisible);
    out.latex = grows ? "\\left" + (open.is_invisible ? "." : open.latex) : open.latex;
    append(out.latex, inside.latex);
    append(out.latex, grows ? "\\right" + (close.is_invisible ? "." : close.latex) : close.latex);
    // What {: :} or bars enclose is no group whose brackets may go, but bars do not go.
    if (open.kind == Kind::kBar) out.is_group = false;
    return true;
  }

  std::string matrix_between(const Token& open, const Token& close) const {
    const char* environment = nullptr;
    if (open.latex == "(" && close.latex == ")") environment = "pmatrix";
    if (open.latex == "[" && close.latex == "]") environment = "bmatrix";
    if (open.latex == "\\{" && close.latex == "\\}") environment = "Bmatrix";
    if (open.latex == "\\{" && close.is_invisible) environment = "cases";
    if (open.latex == "|" && close.latex == "|") environment = "vmatrix";
    if (open.latex == "\\|" && close.latex == "\\|") environment = "Vmatrix";
    if (open.is_invisible && close.is_invisible) environment = "matrix";
    if (environment != nullptr) return std::string("\\begin{") + environment + "}" + matrix_ + "\\end{" + environment + "}";
    return "\\left" + (open.is_invisible ? "." : open.latex) + "\\begin{matrix}" + matrix_ + "\\end{matrix}\\right" +
           (close.is_invisible ? "." : close.latex);
  }

  const std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  int depth_ = 0, fractions_ = 0;
  std::string matrix_, matrix_open_;  // of the bracket just read, and the bracket of its rows
  bool has_matrix_ = false;
};

}  // namespace

std::optional<std::string> asciimath_to_latex(std::string_view asciimath) {
  if (asciimath.size() > kMaxBytes || invalid_utf8_at(asciimath)) return std::nullopt;
  auto tokens = tokens_of(asciimath);
  if (!tokens || tokens->empty() || !pair_brackets(*tokens)) return std::nullopt;
  Parser parser(*tokens);
  Item whole;
  if (!parser.expression(tokens->size(), whole)) return std::nullopt;
  return whole.latex;
}

}  // namespace corollary
