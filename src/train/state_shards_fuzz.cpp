// Hostile places of tensors in a shard: whatever they say, an Error or places that lie within their tensors.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "train/state_shards.h"

std::vector<std::string> fuzz_seeds() {
  return {
      R"({"model.norm.weight": {"name": "model.norm.weight", "shape": [8], "rows": [0, 8], "columns": [0, 1], "elements": [4, 8]},
 "lm_head.weight@1": {"name": "lm_head.weight", "shape": [32, 8], "rows": [16, 32], "columns": [0, 8], "elements": [3, 77]}})"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    for (const auto& [tensor, slice] : corollary::parse_slices({reinterpret_cast<const char*>(data), size}, "fuzz")) {
      const std::int64_t columns = slice.global_shape.rank() == 2 ? slice.global_shape[1] : 1;
      const std::int64_t rectangle = (slice.row_end - slice.row_begin) * (slice.col_end - slice.col_begin);
      if (slice.row_end > slice.global_shape[0] || slice.col_end > columns || slice.begin < 0 || slice.end > rectangle)
        __builtin_trap();
      (void)corollary::count_of({slice});
    }
  } catch (const corollary::Error&) {
  }
  return 0;
}
