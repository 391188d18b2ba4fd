#include <cstdint>
#include <string>
#include <vector>

#include "corpus/text.h"
#include "corpus/web/asciimath.h"

std::vector<std::string> fuzz_seeds() {
  return {"sum_(i=1)^n i^3=((n(n+1))/2)^2", "[[a,b],[c,d]]((n),(k)) {(x if x>=0),(-x text(else)):}",
          "abs(x) |y| || z || root(3)(x) sqrt2/3 "
          "\"if $\" hat(ab) lim_(h->0) frac{1}{2} color(red)(x)"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto latex = corollary::asciimath_to_latex({reinterpret_cast<const char*>(data), size});
  if (latex && (corollary::invalid_utf8_at(*latex) || latex->size() > 64 * (size + 1))) __builtin_trap();
  return 0;
}
