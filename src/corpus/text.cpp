#include "corpus/text.h"

#include <iconv.h>

#include <cerrno>
#include <memory>

namespace corollary {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the valid UTF-8 character at `at`, or 0; *bad is then the length of the maximal invalid piece, at least 1.
std::size_t utf8_length(std::string_view bytes, std::size_t at, std::size_t* bad) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned char low = 0x80, high = 0xBF;  // what the second byte may be
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  *bad = 1;
  if (length == 0) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i >= bytes.size() || byte(at + i) < low || byte(at + i) > high) {
      *bad = i;
      return 0;
    }
    low = 0x80, high = 0xBF;
  }
  return length;
}

}  // namespace

std::optional<std::int64_t> invalid_utf8_at(std::string_view bytes) {
  std::size_t bad = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = utf8_length(bytes, at, &bad);
    if (length == 0) return static_cast<std::int64_t>(at);
    at += length;
  }
  return std::nullopt;
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  std::size_t bad = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = utf8_length(bytes, at, &bad);
    if (length == 0)
      out += kReplacement;
    else
      out.append(bytes, at, length);
    at += length == 0 ? bad : length;
  }
  return out;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6), put(0x80 | (c & 63));
  } else if (c >= 0xD800 && c <= 0xDFFF) {
    out += kReplacement;
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
  } else if (c <= 0x10FFFF) {
    put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
  } else {
    out += kReplacement;
  }
}

std::string to_utf8(std::string_view bytes, const std::string& charset) {
  std::string name = ascii_lower(charset);
  if (name == "iso-8859-1" || name == "latin1" || name == "ascii" || name == "us-ascii")
    name = "windows-1252";  // as the web reads them
  if (name.empty() || name == "utf-8" || name == "utf8") return replace_invalid_utf8(bytes);
  const iconv_t converter = iconv_open("UTF-8", name.c_str());
  if (converter == reinterpret_cast<iconv_t>(-1)) return replace_invalid_utf8(bytes);
  const std::unique_ptr<void, int (*)(iconv_t)> owner(converter, iconv_close);
  std::string out;
  char* in = const_cast<char*>(bytes.data());
  std::size_t left = bytes.size();
  char chunk[8192];
  while (left > 0) {
    char* to = chunk;
    std::size_t room = sizeof chunk;
    const std::size_t status = iconv(converter, &in, &left, &to, &room);
    const int reason = errno;
    out.append(chunk, sizeof chunk - room);
    if (status != static_cast<std::size_t>(-1) || reason == E2BIG) continue;
    out += kReplacement;  // an invalid piece, or one cut off at the end
    ++in, --left;
  }
  return replace_invalid_utf8(out);
}

std::string normalize_newlines(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      out += '\n';
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else if (text[i] != '\0') {
      out += text[i];
    }
  }
  return out;
}

std::string tidy_lines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  int empty_lines = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    while (!line.empty() && is_ascii_space(line.back())) line.remove_suffix(1);
    if (line.empty()) {
      ++empty_lines;
      continue;
    }
    if (empty_lines > 0 && !out.empty()) out += '\n';
    empty_lines = 0;
    out.append(line) += '\n';
  }
  return out;
}

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_ascii_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ascii_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace corollary
