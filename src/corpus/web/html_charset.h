#pragma once
#include <string>
#include <string_view>

namespace corollary {

/// The charset a page names: byte order mark, else <meta> in its first 2048 bytes; "" if none. Lower case, as the page spells it.
std::string html_charset(std::string_view html);

/// The page as UTF-8 without byte order mark, as the HTML standard finds its encoding (13.2.3): a byte order mark, else the charset
/// of the HTTP header (`http_charset`, may be ""), else <meta>, else UTF-8 if the bytes are that, else windows-1252. Labels mean
/// what the Encoding standard says ("iso-8859-1" and "ascii" are windows-1252, "gb2312" is gb18030, "shift_jis" is windows-31j,
/// "utf-16" in a <meta> is utf-8). A charset that is no charset, or that contradicts bytes which are valid UTF-8 beyond ASCII, is
/// not believed; what stays undecodable becomes U+FFFD.
std::string html_to_utf8(std::string_view html, std::string_view http_charset = {});

/// "charset" of a Content-Type header's value, lower case; "" if it has none.
std::string charset_of_content_type(std::string_view value);

}  // namespace corollary
