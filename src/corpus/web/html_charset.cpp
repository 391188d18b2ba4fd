#include "corpus/web/html_charset.h"

#include <algorithm>
#include <unordered_map>

#include "corpus/text.h"

namespace corollary {
namespace {

/// What follows "charset" and "=" at head[at].
std::string charset_at(std::string_view head, std::size_t at) {
  std::size_t i = at;
  const auto skip_blanks = [&] {
    while (i < head.size() && is_ascii_space(head[i])) ++i;
  };
  skip_blanks();
  if (i >= head.size() || head[i] != '=') return "";
  ++i;
  skip_blanks();
  if (i < head.size() && (head[i] == '"' || head[i] == '\'')) ++i;
  skip_blanks();
  std::size_t end = i;
  while (end < head.size() && (is_ascii_letter(head[end]) || is_ascii_digit(head[end]) ||
                               std::string_view("-_:.+").find(head[end]) != std::string_view::npos))
    ++end;
  return ascii_lower(head.substr(i, end - i));
}

/// The name the C library should be asked for.
std::string encoding_of_label(std::string label) {
  static const std::unordered_map<std::string_view, std::string_view> kLabels = {{"utf8", "utf-8"},
                                                                                 {"unicode-1-1-utf-8", "utf-8"},
                                                                                 {"x-unicode20utf8", "utf-8"},
                                                                                 {"iso-8859-1", "windows-1252"},
                                                                                 {"iso8859-1", "windows-1252"},
                                                                                 {"iso88591", "windows-1252"},
                                                                                 {"iso_8859-1", "windows-1252"},
                                                                                 {"latin1", "windows-1252"},
                                                                                 {"latin-1", "windows-1252"},
                                                                                 {"l1", "windows-1252"},
                                                                                 {"ascii", "windows-1252"},
                                                                                 {"us-ascii", "windows-1252"},
                                                                                 {"ansi_x3.4-1968", "windows-1252"},
                                                                                 {"cp819", "windows-1252"},
                                                                                 {"ibm819", "windows-1252"},
                                                                                 {"x-cp1252", "windows-1252"},
                                                                                 {"cp1252", "windows-1252"},
                                                                                 {"iso-8859-9", "windows-1254"},
                                                                                 {"latin5", "windows-1254"},
                                                                                 {"iso-8859-11", "windows-874"},
                                                                                 {"tis-620", "windows-874"},
                                                                                 {"gb2312", "gb18030"},
                                                                                 {"gbk", "gb18030"},
                                                                                 {"x-gbk", "gb18030"},
                                                                                 {"gb_2312-80", "gb18030"},
                                                                                 {"chinese", "gb18030"},
                                                                                 {"csgb2312", "gb18030"},
                                                                                 {"shift_jis", "cp932"},
                                                                                 {"shift-jis", "cp932"},
                                                                                 {"sjis", "cp932"},
                                                                                 {"x-sjis", "cp932"},
                                                                                 {"windows-31j", "cp932"},
                                                                                 {"ms_kanji", "cp932"},
                                                                                 {"x-euc-jp", "euc-jp"},
                                                                                 {"euc-kr", "cp949"},
                                                                                 {"ks_c_5601-1987", "cp949"},
                                                                                 {"korean", "cp949"},
                                                                                 {"windows-949", "cp949"},
                                                                                 {"ksc5601", "cp949"},
                                                                                 {"big5", "big5-hkscs"},
                                                                                 {"x-x-big5", "big5-hkscs"},
                                                                                 {"big5-hkscs", "big5-hkscs"},
                                                                                 {"koi", "koi8-r"},
                                                                                 {"koi8", "koi8-r"},
                                                                                 {"koi8_r", "koi8-r"},
                                                                                 {"x-cp1251", "windows-1251"},
                                                                                 {"cp1251", "windows-1251"},
                                                                                 {"win-1251", "windows-1251"},
                                                                                 {"x-mac-roman", "macintosh"},
                                                                                 {"unicode", "utf-16le"},
                                                                                 {"utf-16", "utf-16le"}};
  const auto at = kLabels.find(label);
  return at != kLabels.end() ? std::string(at->second) : label;
}

}  // namespace

std::string html_charset(std::string_view html) {
  if (html.starts_with("\xEF\xBB\xBF")) return "utf-8";
  if (html.starts_with("\xFE\xFF")) return "utf-16be";
  if (html.starts_with("\xFF\xFE")) return "utf-16le";
  const std::string head = ascii_lower(html.substr(0, 2048));
  for (std::size_t at = head.find("charset"); at != std::string::npos; at = head.find("charset", at + 1)) {
    const std::size_t tag = head.rfind('<', at);
    if (tag == std::string::npos) continue;
    const bool is_meta = head.compare(tag, 5, "<meta") == 0 || head.compare(tag, 5, "<?xml") == 0;
    if (!is_meta) continue;
    if (std::string name = charset_at(head, at + 7); !name.empty()) return name;
  }
  if (head.starts_with("<?xml")) {
    const std::size_t at = head.substr(0, head.find("?>")).find("encoding");
    if (at != std::string::npos) return charset_at(head, at + 8);
  }
  return "";
}

std::string charset_of_content_type(std::string_view value) {
  const std::string lower = ascii_lower(value);
  const std::size_t at = lower.find("charset");
  return at == std::string::npos ? "" : charset_at(lower, at + 7);
}

std::string html_to_utf8(std::string_view html, std::string_view http_charset) {
  const bool has_mark = html.starts_with("\xEF\xBB\xBF") || html.starts_with("\xFE\xFF") || html.starts_with("\xFF\xFE");
  std::string label = has_mark ? html_charset(html) : ascii_lower(trim(http_charset));
  if (label.empty()) {
    label = html_charset(html);
    if (!has_mark && label.starts_with("utf-16")) label = "utf-8";  // it could not have been read
  }
  std::string encoding = encoding_of_label(label);
  const bool is_utf8 = !has_mark && !invalid_utf8_at(html);
  const bool is_wide = encoding.starts_with("utf-16") || encoding.starts_with("utf-32") || encoding.starts_with("iso-2022") ||
                       encoding == "hz-gb-2312";
  if (is_utf8 && !is_wide) encoding = "utf-8";
  if (encoding.empty()) encoding = "windows-1252";
  std::string utf8 = encoding == "utf-8" && is_utf8 ? std::string(html) : to_utf8(html, encoding);
  if (utf8.starts_with("\xEF\xBB\xBF")) utf8.erase(0, 3);
  return utf8;
}

}  // namespace corollary
