// How near the memory's pace do the elementwise kernels run? Each line: bytes the kernel must move (every argument once) by the
// fastest call, and its share of what memcpy moves on the same threads here and now. Rows that fit L2 may exceed it.
//   bench_kernels [--benchmark_filter=swiglu]      threads: $COROLLARY_THREADS
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "base/threads.h"
#include "device/buffer.h"
#include "kernels/adamw.h"
#include "kernels/cross_entropy.h"
#include "kernels/embedding.h"
#include "kernels/rmsnorm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"

namespace {
using namespace corollary;

double seconds_of(const auto& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Bytes read and written a second by memcpy on all threads: the best of the pieces of 4 MiB a thread that two 256 MiB buffers are,
/// so that a piece fits between two interruptions and is not in L2 when its turn comes again.
double copy_bytes_per_second() {
  static const double rate = [] {
    const std::int64_t size = 256 << 20, piece = num_threads() * (std::int64_t{4} << 20);
    Buffer from(size), to(size);
    double best = std::numeric_limits<double>::infinity();
    for (int round = 0; round < 5; ++round)
      for (std::int64_t at = 0; at + piece <= size; at += piece)
        best = std::min(best, seconds_of([&] {
                          parallel_pieces(piece, [&](std::int64_t begin, std::int64_t end, int) {
                            std::memcpy(static_cast<char*>(to.data()) + at + begin, static_cast<char*>(from.data()) + at + begin,
                                        static_cast<std::size_t>(end - begin));
                          });
                        }));
    return 2 * static_cast<double>(piece) / best;
  }();
  return rate;
}

/// The fastest call counts: on a shared machine the others tell what the neighbours did.
void measure(benchmark::State& state, std::int64_t bytes, const auto& kernel) {
  double best = std::numeric_limits<double>::infinity();
  for (auto _ : state) best = std::min(best, seconds_of(kernel));
  const double rate = static_cast<double>(bytes) / best;
  state.counters["best_us"] = best * 1e6;
  state.counters["GB/s"] = rate / 1e9;
  state.counters["of_copy"] = rate / copy_bytes_per_second();
}

/// Of uniform values in [-1, 1) times `size`.
OwnedTensor random_tensor(DType dtype, Shape shape, std::uint64_t seed, double size = 1) {
  OwnedTensor x(dtype, shape);
  Random random(seed);
  for (std::int64_t i = 0; i < shape.count(); ++i) {
    const auto value = static_cast<float>((random.next_u32() * 0x1p-31 - 1) * size);
    dtype == DType::bf16 ? void(x.view().data<bf16>()[i] = to_bf16(value)) : void(x.view().data<float>()[i] = value);
  }
  return x;
}
OwnedTensor random_ints(std::int64_t n, std::int64_t below) {
  OwnedTensor x(DType::i32, {n});
  Random random(1);
  for (std::int64_t i = 0; i < n; ++i) x.view().data<std::int32_t>()[i] = static_cast<std::int32_t>(random.below(below));
  return x;
}

Stream stream;
constexpr std::int64_t kTokens = 4096, kHidden = 256, kWide = 1408, kVocab = 8192, kLogitRows = 512;

void adamw_step(benchmark::State& state) {
  const std::int64_t n = state.range(0) * 1'000'000;
  OwnedTensor weights(DType::bf16, {n}), master(DType::f32, {n}), m(DType::f32, {n}), v(DType::f32, {n});
  const OwnedTensor gradient = random_tensor(DType::f32, {n}, 1);
  AdamWStep step{.learning_rate = 1e-3f, .weight_decay = 0.1f, .step = 3};
  measure(state, 30 * n, [&] { adamw(stream, weights, master, m, v, gradient, step); });
}
BENCHMARK(adamw_step)->Arg(10)->Arg(40)->Unit(benchmark::kMillisecond);

void sum_of_squares_10m(benchmark::State& state) {
  const OwnedTensor x = random_tensor(DType::f32, {10'000'000}, 1);
  measure(state, 40'000'000, [&] { benchmark::DoNotOptimize(sum_of_squares(stream, x)); });
}
BENCHMARK(sum_of_squares_10m)->Unit(benchmark::kMillisecond);

void cast_10m_to_bf16(benchmark::State& state) {
  const OwnedTensor x = random_tensor(DType::f32, {10'000'000}, 1);
  OwnedTensor y(DType::bf16, {10'000'000});
  measure(state, 60'000'000, [&] { cast(stream, y, x); });
}
BENCHMARK(cast_10m_to_bf16)->Unit(benchmark::kMillisecond);

struct Rows {
  explicit Rows(DType dtype)
      : x(random_tensor(dtype, {kTokens, kHidden}, 1)),
        dy(random_tensor(dtype, {kTokens, kHidden}, 2)),
        w(random_tensor(dtype, {kHidden}, 3)),
        y(dtype, {kTokens, kHidden}),
        rstd(DType::f32, {kTokens}) {}
  OwnedTensor x, dy, w, y, rstd;
  std::int64_t bytes() const { return x.view().size_bytes(); }
};
DType dtype_of(const benchmark::State& state) { return state.range(0) == 16 ? DType::bf16 : DType::f32; }

void rmsnorm_forward_4096x256(benchmark::State& state) {
  Rows r(dtype_of(state));
  measure(state, 2 * r.bytes(), [&] { rmsnorm_forward(stream, r.y, r.rstd, r.x, r.w, 1e-5f); });
}
BENCHMARK(rmsnorm_forward_4096x256)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

void add_rmsnorm_forward_4096x256(benchmark::State& state) {
  Rows r(dtype_of(state));
  OwnedTensor sum(dtype_of(state), {kTokens, kHidden});
  measure(state, 4 * r.bytes(), [&] { add_rmsnorm_forward(stream, sum, r.y, r.rstd, r.x, r.dy, r.w, 1e-5f); });
}
BENCHMARK(add_rmsnorm_forward_4096x256)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

void rmsnorm_backward_4096x256(benchmark::State& state) {
  Rows r(dtype_of(state));
  OwnedTensor dw(DType::f32, {kHidden});
  rmsnorm_forward(stream, r.y, r.rstd, r.x, r.w, 1e-5f);
  measure(state, 4 * r.bytes(), [&] { rmsnorm_backward(stream, r.y, dw, r.dy, r.x, r.w, r.rstd); });
}
BENCHMARK(rmsnorm_backward_4096x256)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

void swiglu_forward_4096x1408(benchmark::State& state) {
  const OwnedTensor gate_up = random_tensor(dtype_of(state), {kTokens, 2 * kWide}, 1, 3);
  OwnedTensor y(dtype_of(state), {kTokens, kWide});
  measure(state, 3 * y.view().size_bytes(), [&] { swiglu_forward(stream, y, gate_up); });
}
BENCHMARK(swiglu_forward_4096x1408)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

void swiglu_backward_4096x1408(benchmark::State& state) {
  const OwnedTensor gate_up = random_tensor(dtype_of(state), {kTokens, 2 * kWide}, 1, 3);
  const OwnedTensor dy = random_tensor(dtype_of(state), {kTokens, kWide}, 2);
  OwnedTensor d_gate_up(dtype_of(state), {kTokens, 2 * kWide}), y(dtype_of(state), {kTokens, kWide});
  measure(state, 6 * y.view().size_bytes(), [&] { swiglu_backward(stream, d_gate_up, y, dy, gate_up); });
}
BENCHMARK(swiglu_backward_4096x1408)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

void rope_4096x6x64(benchmark::State& state) {
  OwnedTensor x = random_tensor(dtype_of(state), {kTokens, 8 * 64}, 1), table(DType::f32, {2, 512, 32});
  const OwnedTensor positions = random_ints(kTokens, 512);
  rope_table(table, 10000);
  measure(state, 2 * kTokens * 6 * 64 * size_of(dtype_of(state)), [&] { rope(stream, x, positions, table, 6, false); });
}
BENCHMARK(rope_4096x6x64)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

void embedding_forward_4096x256(benchmark::State& state) {
  const OwnedTensor table = random_tensor(dtype_of(state), {kVocab, kHidden}, 1), tokens = random_ints(kTokens, kVocab);
  OwnedTensor x(dtype_of(state), {kTokens, kHidden});
  measure(state, 2 * x.view().size_bytes(), [&] { embedding_forward(stream, x, tokens, table); });
}
BENCHMARK(embedding_forward_4096x256)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

void embedding_backward_4096x256(benchmark::State& state) {
  const OwnedTensor dx = random_tensor(dtype_of(state), {kTokens, kHidden}, 1), tokens = random_ints(kTokens, kVocab);
  OwnedTensor d_table(DType::f32, {kVocab, kHidden});
  measure(state, dx.view().size_bytes() + 8 * dx.view().count(), [&] { embedding_backward(stream, d_table, tokens, dx); });
}
BENCHMARK(embedding_backward_4096x256)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

void cross_entropy_forward_512x8192(benchmark::State& state) {
  const OwnedTensor logits = random_tensor(dtype_of(state), {kLogitRows, kVocab}, 1, 4), targets = random_ints(kLogitRows, kVocab);
  OwnedTensor loss(DType::f32, {kLogitRows});
  measure(state, logits.view().size_bytes(), [&] { cross_entropy_forward(stream, loss, logits, targets); });
}
BENCHMARK(cross_entropy_forward_512x8192)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

void cross_entropy_backward_512x8192(benchmark::State& state) {
  // Called again on its own result, gradients of gradients: as much work on milder numbers.
  OwnedTensor logits = random_tensor(dtype_of(state), {kLogitRows, kVocab}, 1, 4);
  const OwnedTensor targets = random_ints(kLogitRows, kVocab);
  OwnedTensor loss(DType::f32, {kLogitRows});
  measure(state, 2 * logits.view().size_bytes(), [&] { cross_entropy_backward(stream, logits, loss, targets, 1); });
}
BENCHMARK(cross_entropy_backward_512x8192)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::AddCustomContext("threads", std::to_string(num_threads()));
  benchmark::AddCustomContext("memcpy_GB/s", std::to_string(copy_bytes_per_second() / 1e9));
  benchmark::RunSpecifiedBenchmarks();
}
