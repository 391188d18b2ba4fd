#include "corpus/language/normalise.h"

#include <utf8proc.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "corpus/text.h"

namespace corollary {
namespace {

/// cc_net's map of punctuation, with what the regular expressions before it leave of the digits.
std::string_view ascii_punctuation(std::uint32_t c) {
  switch (c) {
    case 0xFF0C: case 0x3001: return ",";
    case 0x3002: return ".";
    case 0x201E: case 0x201D: case 0x201C: case 0xAB: case 0xBB: case 0x300D: case 0x300C: case 0x300A: case 0x300B: return "\"";
    case 0xB4: case 0x2019: return "'";
    case 0x2236: case 0xFF1A: return ":";
    case 0xFF1F: return "?";
    case 0xFF01: return "!";
    case 0xFF08: return "(";
    case 0xFF09: return ")";
    case 0xFF1B: return ";";
    case 0x2013: case 0x2501: case 0x25BA: return "-";
    case 0x2014: return " - ";
    case 0xFF0E: return ". ";
    case 0xFF5E: return "~";
    case 0x2026: return "...";
    case 0x3008: return "<";
    case 0x3009: return ">";
    case 0x3010: return "[";
    case 0x3011: return "]";
    case 0xFF05: return "%";
    default: return {};
  }
}

void append_normalised(std::uint32_t c, std::string& out) {
  if (c >= 0x7F && c < 0xA0) return;  // control characters
  std::array<utf8proc_int32_t, 32> parts;
  int boundary = 0;
  const auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(c));
  const auto count = utf8proc_decompose_char(lower, parts.data(), static_cast<utf8proc_ssize_t>(parts.size()), UTF8PROC_DECOMPOSE, &boundary);
  if (count < 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) return append_utf8(out, c);
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    const utf8proc_int32_t part = parts[static_cast<std::size_t>(i)];
    const utf8proc_category_t category = utf8proc_category(part);
    if (category == UTF8PROC_CATEGORY_MN) continue;
    const auto code_point = static_cast<std::uint32_t>(part);
    if (category == UTF8PROC_CATEGORY_ND)
      out += '0';
    else if (const std::string_view ascii = ascii_punctuation(code_point); !ascii.empty())
      out += ascii;
    else
      append_utf8(out, code_point);
  }
}

/// What a code point below 0x10000 becomes, computed once: 512 KB, of which a text touches a few pages.
struct Cell {
  char bytes[7];
  unsigned char length;  ///< or kLong: ask append_normalised
};
constexpr unsigned char kLong = 255;
const std::vector<Cell>& cells() {
  static const std::vector<Cell> table = [] {
    std::vector<Cell> out(0x10000);
    std::string bytes;
    for (std::uint32_t c = 0; c < out.size(); ++c) {
      bytes.clear();
      append_normalised(c, bytes);
      const bool fits = bytes.size() <= sizeof Cell::bytes;
      out[c].length = fits ? static_cast<unsigned char>(bytes.size()) : kLong;
      if (fits) std::memcpy(out[c].bytes, bytes.data(), bytes.size());
    }
    return out;
  }();
  return table;
}

enum Kind : unsigned char { kPlain, kBlank, kDropped, kDollar, kBacktick, kBackslash, kLess, kWide };
struct AsciiTable {
  std::array<Kind, 256> kind{};
  std::array<char, 256> lower{};
  std::array<char, 256> opens{};  ///< 1: dollar, backtick, backslash
};
constexpr AsciiTable kAscii = [] {
  AsciiTable out;
  for (int c = 0; c < 256; ++c) {
    const auto at = static_cast<std::size_t>(c);
    out.lower[at] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c >= '0' && c <= '9' ? '0' : c);
    out.kind[at] = c >= 0x80 ? kWide : c >= '\t' && c <= '\r' ? kBlank : c < 0x20 || c == 0x7F ? kDropped : kPlain;
  }
  for (const char c : {'$', '`', '\\'}) out.opens[static_cast<std::size_t>(c)] = 1;
  out.kind['$'] = kDollar, out.kind['`'] = kBacktick, out.kind['\\'] = kBackslash, out.kind['<'] = kLess;
  return out;
}();
Kind kind_of(char c) { return kAscii.kind[static_cast<unsigned char>(c)]; }

/// Finds the ends of formulas and code. A search that fails has shown that no closing mark follows in its reach, so that each part of
/// the text is searched in vain at most once for each kind of mark.
class Spans {
 public:
  explicit Spans(std::string_view text) : text_(text) {}

  /// End of the formula that opens at the dollar at `at`; `at` if none does.
  std::size_t formula_end(std::size_t at) {
    const bool is_display = text_.substr(at, 2) == "$$";
    std::size_t& in_vain = is_display ? no_display_before_ : no_inline_before_;
    if (at < in_vain) return at;
    const std::size_t width = is_display ? 2 : 1;
    for (std::size_t i = at + width; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '\\') {
        ++i;
      } else if (c == '$' && (!is_display || text_.substr(i, 2) == "$$")) {
        return i + width;
      } else if (c == '\n' && is_empty_line(i + 1)) {
        in_vain = i;
        return at;
      }
    }
    in_vain = text_.size();
    return at;
  }

  /// End of the code that opens at the backtick at `at`; `at` if none does. Three backticks and more reach beyond paragraphs.
  std::size_t code_end(std::size_t at) {
    if (text_.substr(at, 3) == "```") {
      if (at < no_fence_before_) return at;
      const std::size_t body = std::min(text_.find_first_not_of('`', at), text_.size());
      const std::size_t end = text_.find("```", body);
      if (end != std::string_view::npos) return std::min(text_.find_first_not_of('`', end), text_.size());
      no_fence_before_ = text_.size();
      return at;
    }
    if (at < no_code_before_) return at;
    for (std::size_t i = at + 1; i < text_.size(); ++i) {
      if (text_[i] == '`' && i > at + 1) return i + 1;
      if (text_[i] == '\n' && is_empty_line(i + 1)) {
        no_code_before_ = i;
        return at;
      }
    }
    no_code_before_ = text_.size();
    return at;
  }

 private:
  bool is_empty_line(std::size_t at) const {
    while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t' || text_[at] == '\r')) ++at;
    return at == text_.size() || text_[at] == '\n';
  }
  std::string_view text_;
  std::size_t no_display_before_ = 0, no_inline_before_ = 0, no_code_before_ = 0, no_fence_before_ = 0;
};

/// The code point at `at` and its length in bytes; U+FFFD and the length of the invalid piece.
std::uint32_t decode(std::string_view text, std::size_t at, std::size_t* length) {
  utf8proc_int32_t c = 0;
  const auto rest = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size() - at, 4));
  const utf8proc_ssize_t n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at), rest, &c);
  *length = n > 0 ? static_cast<std::size_t>(n) : 1;
  return n > 0 ? static_cast<std::uint32_t>(c) : 0xFFFD;
}

}  // namespace

void normalise(std::string_view text, const Normalisation& how, std::string& out) {
  text = trim(text);
  const std::vector<Cell>& table = cells();
  Spans spans(text);
  const std::size_t start = out.size();
  out.reserve(start + text.size() + text.size() / 8);
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    switch (kind_of(c)) {
      case kPlain: {
        std::size_t end = at + 1;
        while (end < text.size() && kind_of(text[end]) == kPlain) ++end;
        const std::size_t to = out.size();
        out.append(text, at, end - at);
        for (std::size_t i = to; i < out.size(); ++i) out[i] = kAscii.lower[static_cast<unsigned char>(out[i])];
        at = end;
        break;
      }
      case kBlank:
        out += ' ';
        ++at;
        break;
      case kDropped: ++at; break;
      case kDollar: {
        const std::size_t end = spans.formula_end(at);
        if (end == at)
          out += '$', ++at;
        else if (at = end; how.marks_formulas)
          out += "[EQUATION]";
        break;
      }
      case kBacktick: {
        const std::size_t end = spans.code_end(at);
        if (end == at)
          out += '`', ++at;
        else
          out += "[CODE]", at = end;
        break;
      }
      case kBackslash:
        out += '\\', ++at;
        if (at < text.size() && text[at] == '$') out += '$', ++at;
        break;
      case kLess: {
        const std::size_t mark = text.substr(at, 3) == "<s>" ? 3 : text.substr(at, 4) == "</s>" ? 4 : 0;
        if (mark == 0) out += '<';
        at += std::max<std::size_t>(mark, 1);
        break;
      }
      case kWide: {
        std::size_t length = 1;
        const std::uint32_t code_point = decode(text, at, &length);
        at += length;
        if (code_point >= table.size() || table[code_point].length == kLong)
          append_normalised(code_point, out);
        else
          out.append(table[code_point].bytes, table[code_point].length);
        break;
      }
    }
  }
  while (out.size() > start && out.back() == ' ') out.pop_back();
}

std::string normalise(std::string_view text, const Normalisation& how) {
  std::string out;
  normalise(text, how, out);
  return out;
}

void without_formulas(std::string_view text, std::string& out) {
  Spans spans(text);
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && kAscii.opens[static_cast<unsigned char>(text[end])] == 0) ++end;
    out.append(text, at, end - at);
    at = end;
    if (at == text.size()) break;
    if (text[at] == '\\') {
      out.append(text, at, 2);
      at += 2;
      continue;
    }
    end = text[at] == '$' ? spans.formula_end(at) : spans.code_end(at);
    if (end == at) out += text[at], ++end;
    at = end;
  }
}

}  // namespace corollary
