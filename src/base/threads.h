#pragma once
#include <cstdint>
#include <functional>

namespace corollary {

/// Threads used by everything below: $COROLLARY_THREADS, else the CPUs this process may run on. Set once at start (--threads).
int num_threads();
void set_num_threads(int n);
/// This process is one of `processes` that share the machine's CPUs: its threads become its share, at most the CPUs it may run on,
/// unless $COROLLARY_THREADS or set_num_threads() already said how many.
void share_threads(int processes);

/// Cuts [0, n) into num_threads() contiguous pieces, piece i always the same, and runs f(begin, end, piece) on each at once.
/// Returns when all are done; the first exception is rethrown. Calls inside calls run in place.
/// With sums kept per piece and added in order of pieces, results are the same bits on every run with the same thread count.
void parallel_pieces(std::int64_t n, const std::function<void(std::int64_t begin, std::int64_t end, int piece)>& f);

/// f(i) for i in [0, n), in any order, on all threads, one at a time: for work of uneven size.
void parallel_for(std::int64_t n, const std::function<void(std::int64_t i)>& f);

}  // namespace corollary
