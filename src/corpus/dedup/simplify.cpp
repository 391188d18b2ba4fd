#include "corpus/dedup/simplify.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "corpus/text.h"

namespace corollary {
namespace {

// datatrove's list, U+FF11 (a digit) included; beside it go U+0000-0008, 000B-001F and 007F-009F.
constexpr std::u32string_view kPunctuation =
    U"!/\u2014\u201d:\uff05\uff11\u3008&(\u3001\u2501\\\u3010#%\u300c\u300d\uff0c\u3011\uff1b+^]~\u201c\u300a\u201e';\u2019{|\u2236"
    U"\u00b4[=-`*\uff0e\uff08\u2013\uff1f\uff01\uff1a$\uff5e\u00ab\u3009,><\u300b)?\uff09\u3002\u2026@_.\"}\u25ba\u00bb";

bool is_space(char32_t c) {  // Python's \s
  return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_dropped(char32_t c) { return c < 32 || (c >= 127 && c < 160) || kPunctuation.find(c) != std::u32string_view::npos; }

/// What one code point becomes, in UTF-8: at most three Jamo (9 bytes) or three musical signs (12).
struct Folded {
  std::uint8_t length = 0;
  char bytes[15] = {};
};

Folded fold(std::int32_t code_point) {
  Folded out;
  const std::int32_t lower = utf8proc_tolower(code_point);
  if (is_space(static_cast<char32_t>(lower))) return {1, {' '}};
  if (is_dropped(static_cast<char32_t>(lower))) return out;
  std::array<std::int32_t, 32> parts{};
  int boundary = UTF8PROC_BOUNDCLASS_START;
  utf8proc_ssize_t n =
      utf8proc_decompose_char(lower, parts.data(), parts.size(), static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE), &boundary);
  if (n < 1 || n > static_cast<utf8proc_ssize_t>(parts.size())) parts[0] = lower, n = 1;  // not assigned
  std::string bytes;
  for (utf8proc_ssize_t i = 0; i < n; ++i) {
    const auto part = parts[static_cast<std::size_t>(i)];
    const auto category = utf8proc_category(part);
    if (category == UTF8PROC_CATEGORY_MN) continue;
    if (category == UTF8PROC_CATEGORY_ND) return {1, {'0'}};
    append_utf8(bytes, static_cast<std::uint32_t>(part));
  }
  out.length = static_cast<std::uint8_t>(std::min(bytes.size(), sizeof out.bytes));
  std::memcpy(out.bytes, bytes.data(), out.length);
  return out;
}

/// fold() of every code point, remembered by pages of 256, each filled when first asked for, by whichever thread comes first.
const Folded& folded(std::uint32_t code_point) {
  using Page = std::array<Folded, 256>;
  static std::array<std::atomic<const Page*>, 0x1100> pages{};
  auto& slot = pages[code_point >> 8];
  const Page* page = slot.load(std::memory_order_acquire);
  if (page == nullptr) {
    auto* fresh = new Page;  // kept to the end of the process
    for (std::uint32_t i = 0; i < 256; ++i) (*fresh)[i] = fold(static_cast<std::int32_t>((code_point & ~255U) | i));
    if (slot.compare_exchange_strong(page, fresh, std::memory_order_acq_rel))
      page = fresh;
    else
      delete fresh;
  }
  return (*page)[code_point & 255];
}

/// The code point at `at` and its length, U+FFFD with length 1 where there is none.
std::uint32_t decode(std::string_view text, std::size_t at, std::size_t& length) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(at);
  length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (length == 1) return lead;
  if (length != 0 && lead <= 0xf4 && at + length <= text.size()) {
    std::uint32_t c = lead & (0x7fU >> length);
    bool ok = true;
    for (std::size_t i = 1; i < length; ++i) {
      ok &= (byte(at + i) & 0xc0) == 0x80;
      c = c << 6 | (byte(at + i) & 0x3f);
    }
    constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
    if (ok && c >= kLeast[length] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff)) return c;
  }
  length = 1;
  return 0xfffd;
}

bool is_cased(std::uint32_t c) {
  const auto category = utf8proc_category(static_cast<std::int32_t>(c));
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT;
}

struct AsciiTable {
  std::array<char, 128> to{};
  std::array<std::uint8_t, 128> kept{}, merges{};
  AsciiTable() {
    for (std::uint32_t c = 0; c < 128; ++c) {
      const Folded& f = folded(c);
      to[c] = f.bytes[0];
      kept[c] = f.length;
      merges[c] = f.length == 1 && (f.bytes[0] == ' ' || f.bytes[0] == '0');
    }
  }
};

}  // namespace

void simplify_text(std::string_view text, std::string& out) {
  static const AsciiTable ascii;
  std::size_t used = 0, room = 0;
  char last = ' ';  // so that no blank comes first

  const auto make_room = [&](std::size_t at) {  // a quarter more than what is left, so few texts need it twice
    out.resize(std::max(out.size(), used + (text.size() - at) + (text.size() - at) / 4 + 64));
    room = out.size() - 32;
  };
  out.clear();
  make_room(0);
  for (std::size_t at = 0; at < text.size();) {
    if (used >= room) make_room(at);
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x80) {
      const char to = ascii.to[c];
      const bool is_kept = ascii.kept[c] & static_cast<unsigned>(!(ascii.merges[c] & static_cast<unsigned>(last == to)));
      out[used] = to;
      used += is_kept;
      last = is_kept ? to : last;
      ++at;
      continue;
    }
    std::size_t length = 0;
    std::uint32_t code_point = decode(text, at, length);
    if (code_point == 0x3a3) {  // capital sigma ends a word in another small letter
      std::uint32_t before = 0;
      if (at >= 1) {
        std::size_t start = at - 1, ignored = 0;
        while (start > 0 && at - start < 4 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
        before = decode(text, start, ignored);
      }
      std::size_t ignored = 0;
      const bool is_last = at + length >= text.size() || !is_cased(decode(text, at + length, ignored));
      if (before != 0 && is_cased(before) && is_last) code_point = 0x3c2;
    }
    at += length;
    const Folded& f = folded(code_point);
    if (f.length == 0 || (f.length == 1 && f.bytes[0] == last && (last == ' ' || last == '0'))) continue;
    std::memcpy(out.data() + used, f.bytes, sizeof f.bytes);
    used += f.length;
    last = f.length == 1 ? f.bytes[0] : '\0';
  }
  if (used > 0 && out[used - 1] == ' ') --used;
  out.resize(used);
}

}  // namespace corollary
