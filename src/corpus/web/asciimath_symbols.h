#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace corollary {

enum class AsciimathKind : std::uint8_t {
  kSymbol,  ///< stands for `latex`
  kUnary,   ///< `latex` + "{argument}" + braces that close those in `latex`
  kWrap,    ///< `latex` before, `close` behind the argument: abs, floor
  kBinary,  ///< `latex` + "{first}{second}"
  kRoot,    ///< root(index)(radicand)
  kColor,   ///< color(name)(argument): the argument
  kText,    ///< text(...): taken as it is
  kOpen,
  kClose,
  kBar,  ///< | or ||, which open and close
  kSub,
  kSup,
  kSlash,
  kComma,
};

struct AsciimathSymbol {
  std::string_view name, latex, close;
  AsciimathKind kind;
};

/// The longest symbol that `text` begins with; null if there is none.
const AsciimathSymbol* asciimath_symbol(std::string_view text);

}  // namespace corollary
