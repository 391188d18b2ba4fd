#pragma once
#include <string>
#include <string_view>

namespace corollary {

/// Appends `text` with its character references resolved as the HTML standard prescribes (13.2.5.72 and following: all named ones,
/// the numeric ones with their windows-1252 exceptions). In an attribute "&copy=" and "&copya" stay what they are.
void append_unescaped(std::string& out, std::string_view text, bool is_attribute);

}  // namespace corollary
