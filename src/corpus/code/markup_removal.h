#pragma once
#include <string>
#include <string_view>

namespace corollary {

/// Removes what a text model cannot use, in the order and by the expressions of AlgebraicStack's notebook conversion, in linear
/// time: Markdown images ![alt](target "title"), whose target and title stay on one line; <img ...>; and <video>, <script> and
/// <iframe> with all up to the next closing tag. Case counts. What never closes stays.
std::string remove_markup(std::string_view text);

/// Removes terminal escapes: ESC [, anything on the line, a letter or one of @[\]^_`{|}~.
std::string remove_terminal_codes(std::string_view text);

/// HTML reduced to its text: tags go, those of blocks, rows and line breaks end a line, cells are apart by a blank, what is in
/// <script>, <style>, <video> and <iframe> goes, the common entities are read. For fragments: web/html_text.h reads pages.
std::string html_fragment_text(std::string_view html);

}  // namespace corollary
