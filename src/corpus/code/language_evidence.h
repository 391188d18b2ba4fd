#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "corpus/document.h"

namespace corollary {

/// Whether a file that calls itself `language` (by its extension or its source's label) says of itself that it is something else:
/// an interpreter in its first line, an editor's mode line, JSON or XML, or the words of a language with the same extension.
/// Only for what AlgebraicStack's own filters do not see; nullopt: no evidence. Reason "not_the_language", detail says which.
/// Time is linear in the text and short: only extensions with a second meaning are read beyond their first kilobytes.
std::optional<Rejection> wrong_language(const std::string& language, std::string_view path, std::string_view text);

}  // namespace corollary
