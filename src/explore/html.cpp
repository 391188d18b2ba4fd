#include "explore/html.h"

#include "base/digest.h"
#include "base/error.h"

namespace corollary {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the UTF-8 sequence at the front of `text`, 0 if there is none (overlong, surrogate, beyond U+10FFFF, cut short).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
  if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

}  // namespace

Html& Html::operator<<(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0 || (length == 1 && (c == 0x7F || (c < 0x20 && c != '\n' && c != '\t'))))
      out_ += kReplacement;
    else if (c == '&')
      out_ += "&amp;";
    else if (c == '<')
      out_ += "&lt;";
    else if (c == '>')
      out_ += "&gt;";
    else if (c == '"')
      out_ += "&quot;";
    else if (c == '\'')
      out_ += "&#39;";
    else
      out_ += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return *this;
}

Html& Html::code(std::string_view content) {
  for (const std::string_view end : {"</script", "</style", "<!--"})
    check(content.find(end) == std::string_view::npos, "an embedded script or style holds \"", end, "\", which would end it");
  out_ += content;
  return *this;
}

Html& Html::comment(std::string_view text) {
  out_ += "<!--\n";
  for (const char c : text) {
    if (c == '-' && out_.back() == '-') out_ += ' ';
    out_ += c;
  }
  out_ += "\n-->\n";
  return *this;
}

Html& Html::json(const Json& data) {
  for (const char c : data.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace)) {
    if (c == '<')
      out_ += "\\u003c";
    else if (c == '>')
      out_ += "\\u003e";
    else if (c == '&')
      out_ += "\\u0026";
    else
      out_ += c;
  }
  return *this;
}

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string csp_hash(std::string_view content) {
  const std::string hex = sha256_hex(content);
  std::string raw;
  for (std::size_t i = 0; i < hex.size(); i += 2) raw += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return "'sha256-" + base64(raw) + "'";
}

}  // namespace corollary
