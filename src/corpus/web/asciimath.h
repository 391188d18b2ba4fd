#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace corollary {

/// The LaTeX, without delimiters, of an AsciiMath formula (UTF-8, without its backquotes), by the grammar and the symbols of
/// asciimath.org. More strict than its script, which draws anything: nullopt for brackets or quotes that nothing closes or opens, a
/// command without its argument, a backslash before a letter (that is TeX), invalid UTF-8, more than 64 KiB, brackets and commands
/// nested more than 60 deep. Brackets around numerators, denominators, scripts and arguments go, as its script has it. Linear in
/// the formula times its depth. Never throws but for want of memory.
std::optional<std::string> asciimath_to_latex(std::string_view asciimath);

}  // namespace corollary
