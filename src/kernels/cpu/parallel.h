#pragma once
#include <cstdint>

#include "base/threads.h"

namespace corollary::cpu {

/// Bytes a kernel must touch before a second thread pays for its start: a parallel region costs 5 to 10 us, and one core moves
/// about 10 bytes a nanosecond.
inline constexpr std::int64_t kParallelBytes = 256 << 10;

/// f(begin, end) over contiguous parts of [0, n), on all threads if n items of `item_bytes` are worth it. The parts depend on the
/// thread count, so f must compute each item by itself.
template <class F>
void parallel_items(std::int64_t n, std::int64_t item_bytes, const F& f) {
  if (n <= 0) return;
  if (n * item_bytes < kParallelBytes) return f(std::int64_t{0}, n);
  parallel_pieces(n, [&](std::int64_t begin, std::int64_t end, int) { f(begin, end); });
}

}  // namespace corollary::cpu
