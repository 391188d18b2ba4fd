#include "base/threads.h"

#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <thread>

#include "base/error.h"

namespace corollary {
namespace {

int threads_in_environment() {
  const char* given = std::getenv("COROLLARY_THREADS");
  return given != nullptr ? std::max(0, std::atoi(given)) : 0;
}

int default_threads() {
  if (const int given = threads_in_environment(); given > 0) return given;
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
  return 1;
}

struct Pool {
  int threads = default_threads();
  bool is_chosen = threads_in_environment() > 0;
  std::unique_ptr<tbb::global_control> limit;
  std::unique_ptr<tbb::task_arena> arena;
  void resize(int n) {
    threads = n;
    limit = std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(n));
    arena = std::make_unique<tbb::task_arena>(n);
  }
  Pool() { resize(threads); }
};

Pool& pool() {
  static Pool instance;
  return instance;
}

thread_local bool inside = false;
struct Inside {
  Inside() { inside = true; }
  ~Inside() { inside = false; }
};

}  // namespace

int num_threads() { return pool().threads; }
void set_num_threads(int n) {
  check(n > 0, "threads must be at least 1, is ", n);
  pool().resize(n);
  pool().is_chosen = true;
}
void share_threads(int processes) {
  const int share = static_cast<int>(std::thread::hardware_concurrency()) / std::max(1, processes);
  if (!pool().is_chosen) pool().resize(std::clamp(share, 1, num_threads()));
}

void parallel_pieces(std::int64_t n, const std::function<void(std::int64_t, std::int64_t, int)>& f) {
  const int pieces = num_threads();
  const auto run = [&](int piece) {
    const std::int64_t begin = n * piece / pieces, end = n * (piece + 1) / pieces;
    if (begin < end) f(begin, end, piece);
  };
  if (inside || pieces == 1) {
    for (int piece = 0; piece < pieces; ++piece) run(piece);
    return;
  }
  pool().arena->execute([&] {
    tbb::parallel_for(
        0, pieces, 1,
        [&](int piece) {
          const Inside mark;
          run(piece);
        },
        tbb::static_partitioner{});
  });
}

void parallel_for(std::int64_t n, const std::function<void(std::int64_t)>& f) {
  if (inside || num_threads() == 1) {
    for (std::int64_t i = 0; i < n; ++i) f(i);
    return;
  }
  pool().arena->execute([&] {
    tbb::parallel_for(
        std::int64_t{0}, n, std::int64_t{1},
        [&](std::int64_t i) {
          const Inside mark;
          f(i);
        },
        tbb::simple_partitioner{});
  });
}

}  // namespace corollary
