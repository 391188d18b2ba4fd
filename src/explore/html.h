#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace corollary {

/// A literal of our own, the only text that enters a page as markup: "<td>"_html.
struct Markup {
  std::string_view text;
};
consteval Markup operator""_html(const char* text, std::size_t size) { return {{text, size}}; }

/// HTML under construction. Strings are escaped as they come in, so text from files (samples, names, configuration) stays text: it
/// cannot open a tag, leave an attribute in double quotes, or end a script. Bytes that are no UTF-8 and control characters become
/// U+FFFD.
class Html {
 public:
  Html& operator<<(Markup markup) { return out_ += markup.text, *this; }
  Html& operator<<(const Html& html) { return out_ += html.out_, *this; }
  Html& operator<<(std::string_view text);
  Html& operator<<(const char* text) { return *this << std::string_view(text); }
  Html& operator<<(const std::string& text) { return *this << std::string_view(text); }
  Html& operator<<(std::int64_t number) { return out_ += std::to_string(number), *this; }
  /// The content of a <script> or <style> of ours, unescaped. Error if it would end the element.
  Html& code(std::string_view content);
  /// <!-- text -->, every "--" in it written "- -", which cannot end it.
  Html& comment(std::string_view text);
  /// JSON for a <script type="application/json">: as ASCII, with '<', '>' and '&' escaped.
  Html& json(const Json& data);
  const std::string& str() const { return out_; }
  bool empty() const { return out_.empty(); }

 private:
  std::string out_;
};

/// 'sha256-...' of an inline element's content, as a Content-Security-Policy names it.
std::string csp_hash(std::string_view content);
/// RFC 4648 with padding.
std::string base64(std::string_view bytes);

}  // namespace corollary
