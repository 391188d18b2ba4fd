#include "corpus/web/html_entities.h"

#include <cstdint>
#include <unordered_map>

#include "corpus/text.h"

namespace corollary {
namespace {

constexpr std::string_view kNames =
#include "corpus/web/html_entity_names.inc"
    ;
constexpr std::size_t kLongestName = 31, kLongestBareName = 6;

struct Entity {
  std::string utf8;
  bool may_lack_semicolon;
};

std::unordered_map<std::string_view, Entity> read_names() {
  std::unordered_map<std::string_view, Entity> names;
  names.reserve(4096);
  for (std::size_t at = 0; at < kNames.size();) {
    const std::size_t end = kNames.find(',', at), blank = kNames.find(' ', at);
    std::string_view name = kNames.substr(at, blank - at);
    Entity entity{{}, name.back() == '!'};
    if (entity.may_lack_semicolon) name.remove_suffix(1);
    std::uint32_t point = 0;
    for (std::size_t i = blank + 1; i <= end; ++i) {
      const char c = kNames[i];
      if (c == '+' || c == ',') {
        append_utf8(entity.utf8, point);
        point = 0;
      } else {
        point = point * 16 + static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
      }
    }
    names.emplace(name, std::move(entity));
    at = end + 1;
  }
  return names;
}

const Entity* find_entity(std::string_view name) {
  static const auto names = read_names();
  const auto at = names.find(name);
  return at != names.end() ? &at->second : nullptr;
}

/// What &#x80; to &#x9F; mean: windows-1252 (0: itself).
constexpr std::uint16_t kC1[32] = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
                                   0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
                                   0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

bool is_alnum(char c) { return is_ascii_letter(c) || is_ascii_digit(c); }

/// Resolves the reference that starts at text[at] == '&'; returns how many bytes it takes, 0 if it is none.
std::size_t resolve(std::string& out, std::string_view text, std::size_t at, bool is_attribute) {
  std::size_t i = at + 1;
  if (i >= text.size()) return 0;
  if (text[i] == '#') {
    const bool is_hex = ++i < text.size() && (text[i] | 0x20) == 'x';
    if (is_hex) ++i;
    const std::size_t first = i;
    std::uint32_t point = 0;
    for (; i < text.size(); ++i) {
      const char c = text[i], lower = static_cast<char>(c | 0x20);
      std::uint32_t digit;
      if (is_ascii_digit(c))
        digit = static_cast<std::uint32_t>(c - '0');
      else if (is_hex && lower >= 'a' && lower <= 'f')
        digit = static_cast<std::uint32_t>(lower - 'a' + 10);
      else
        break;
      if (point <= 0x10FFFF) point = point * (is_hex ? 16 : 10) + digit;
    }
    if (i == first) return 0;
    if (i < text.size() && text[i] == ';') ++i;
    if (point >= 0x80 && point < 0xA0 && kC1[point - 0x80] != 0) point = kC1[point - 0x80];
    append_utf8(out, point == 0 ? 0xFFFD : point);
    return i - at;
  }
  std::size_t end = i;
  while (end < text.size() && end - i <= kLongestName && is_alnum(text[end])) ++end;
  if (end == i) return 0;
  if (end < text.size() && text[end] == ';') {
    if (const Entity* entity = find_entity(text.substr(i, end - i))) {
      out += entity->utf8;
      return end + 1 - at;
    }
  }
  for (std::size_t length = std::min(end - i, kLongestBareName); length >= 2; --length) {
    const Entity* entity = find_entity(text.substr(i, length));
    if (entity == nullptr || !entity->may_lack_semicolon) continue;
    const std::size_t next = i + length;
    if (is_attribute && next < text.size() && (text[next] == '=' || is_alnum(text[next]))) return 0;
    out += entity->utf8;
    return next - at;
  }
  return 0;
}

}  // namespace

void append_unescaped(std::string& out, std::string_view text, bool is_attribute) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t next = std::min(text.find('&', at), text.size());
    out.append(text, at, next - at);
    at = next;
    if (at == text.size()) break;
    if (const std::size_t length = resolve(out, text, at, is_attribute)) {
      at += length;
    } else {
      out += '&';
      ++at;
    }
  }
}

}  // namespace corollary
