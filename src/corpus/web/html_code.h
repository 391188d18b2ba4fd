#pragma once
#include <string>
#include <string_view>

#include "corpus/web/html_tree.h"

namespace corollary {

/// The language of a <pre>, as its class, that of a <code> in it or those of the boxes around it say: "language-python", "lang-py",
/// "highlight-python3", "brush: js", "sourceCode haskell". Lower case; "" if none is named.
std::string code_language(HtmlNode pre);

/// Without empty lines at its ends and blanks at line ends; a no-break space is a blank.
std::string tidy_code(std::string_view code);

/// Parts of a listing that are not code: line numbers, buttons, permalinks.
bool is_unseen_code(HtmlNode node);

}  // namespace corollary
