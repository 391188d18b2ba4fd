#include "corpus/web/math_marks.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "corpus/web/math_marks.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace corollary::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// All markers hold one of: "math" with any first letter case, "tex" before a dot or quote, "cogs". About 25 instructions for a
// vector: far less than it takes to unpack its bytes.
std::size_t find_candidate(const std::uint8_t* bytes, std::size_t from, std::size_t size) {
  const hn::ScalableTag<std::uint8_t> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto is = [&](auto v, char c) HWY_ATTR { return hn::Eq(v, hn::Set(d, static_cast<std::uint8_t>(c))); };
  const auto is_lower = [&](auto v) HWY_ATTR { return hn::Lt(hn::Sub(v, hn::Set(d, 'a')), hn::Set(d, 26)); };
  for (; from + lanes + 3 <= size; from += lanes) {
    const auto v0 = hn::LoadU(d, bytes + from), v1 = hn::LoadU(d, bytes + from + 1), v2 = hn::LoadU(d, bytes + from + 2),
               v3 = hn::LoadU(d, bytes + from + 3);
    const auto math = hn::And(hn::And(is(hn::Or(v0, hn::Set(d, 0x20)), 'm'), is(v1, 'a')), hn::And(is(v2, 't'), is(v3, 'h')));
    const auto tex =
        hn::And(hn::And(is(v0, 't'), is(v1, 'e')), hn::And(is(v2, 'x'), hn::Or(is(v3, '.'), hn::Or(is(v3, '"'), is(v3, '\'')))));
    const auto cogs = hn::And(hn::And(is(v0, 'c'), is(v1, 'o')), hn::And(is(v2, 'g'), is(v3, 's')));
    const auto command = hn::And(is(v0, '\\'), hn::And(is_lower(v1), is_lower(v2)));
    const auto any = hn::Or(hn::Or(math, tex), hn::Or(cogs, command));
    const auto first = hn::FindFirstTrue(d, any);
    if (first >= 0) return from + static_cast<std::size_t>(first);
  }
  for (; from + 2 < size; ++from) {  // the end, letter by letter
    const std::uint8_t *const p = bytes + from, c = p[0];
    if (c == '\\' && p[1] >= 'a' && p[1] <= 'z' && p[2] >= 'a' && p[2] <= 'z') return from;
    if ((c | 0x20) == 'm' || c == 't' || c == 'c') return from;
  }
  return size;
}

}  // namespace
}  // namespace corollary::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary {
namespace {

HWY_EXPORT(find_candidate);

/// Where in each marker its four letters stand.
constexpr std::array<std::size_t, kMathMarkers.size()> kAnchors = {0, 0, 1, 0, 2, 2, 4, 0, 7, 7};

/// For each letter the commands that begin with it.
struct CommandsByLetter {
  std::array<std::vector<int>, 26> of;
  CommandsByLetter() {
    for (std::size_t i = 0; i < kMathCommands.size(); ++i)
      of[static_cast<std::size_t>(kMathCommands[i][0] - 'a')].push_back(static_cast<int>(i));
  }
};

}  // namespace

MathHit find_math_mark(std::string_view bytes, std::int64_t from) {
  static const CommandsByLetter commands;
  for (auto at = static_cast<std::size_t>(from); at < bytes.size(); ++at) {
    at = HWY_DYNAMIC_DISPATCH(find_candidate)(reinterpret_cast<const std::uint8_t*>(bytes.data()), at, bytes.size());
    if (at >= bytes.size()) break;
    if (bytes[at] == '\\') {
      const std::string_view rest = bytes.substr(at + 1);
      for (const int which : commands.of[static_cast<std::size_t>(rest[0] - 'a')])
        if (rest.starts_with(kMathCommands[static_cast<std::size_t>(which)]))
          return {static_cast<std::int64_t>(at), MathMark::command, which};
      return {static_cast<std::int64_t>(at), MathMark::backslash, 0};
    }
    for (std::size_t i = 0; i < kMathMarkers.size(); ++i)
      if (at >= kAnchors[i] && bytes.substr(at - kAnchors[i]).starts_with(kMathMarkers[i]))
        return {static_cast<std::int64_t>(at - kAnchors[i]), MathMark::marker, static_cast<int>(i)};
  }
  return {-1, MathMark::backslash, 0};
}

}  // namespace corollary
#endif  // HWY_ONCE
