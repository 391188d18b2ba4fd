#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

std::vector<std::string> fuzz_seeds() {
  return {R"({"a": [1, -2.5e3, true, null, "x\u00e9\ud835\udd38"], "b": {"c": {}}})", R"([[[]], "\\\"", 18446744073709551615])"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto json = corollary::parse_json({reinterpret_cast<const char*>(data), size}, "input");
    if (corollary::parse_json(corollary::to_line(json), "own output") != json) __builtin_trap();
  } catch (const corollary::Error&) {
  }
  return 0;
}
