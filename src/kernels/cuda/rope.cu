#include "kernels/rope.h"

#include "kernels/cuda/common.cuh"

namespace corollary::cuda {
namespace {

constexpr int kThreads = 256;

// Traffic per token: the rotated heads read and written once: 4 * num_rotated_heads * head_dim bytes if bf16; the table's row, 4 *
// head_dim bytes, comes from L1 for all heads but the first. A thread turns one pack of a head's lower half with its partner in the
// upper half. 4096 tokens of 64 heads of 128: 134 MB, 28 us at an H200's 4.8 TB/s.
template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads) rope_kernel(Rows<T> x, const std::int32_t* positions, const float* table,
                                                        int max_positions, int half, int packs, float direction, int pieces) {
  const int t = blockIdx.x / pieces, pack = blockIdx.x % pieces * kThreads + threadIdx.x;
  if (pack >= packs) return;
  const int per_half = half / kWidth, head = pack / per_half, i = pack % per_half * kWidth;
  T *const low = x[t] + std::int64_t{head} * 2 * half + i, *const high = low + half;
  const auto a = load<kWidth>(low), b = load<kWidth>(high);
  const std::int64_t position = positions[t];
  if (position < 0 || position >= max_positions) return;
  const float *const cosines = table + position * half + i, *const sines = cosines + std::int64_t{max_positions} * half;
  const auto c = load<kWidth>(cosines), s = load<kWidth>(sines);
  store(low, make_pack<kWidth, T>([&](int j) { return a[j] * c[j] - b[j] * (s[j] * direction); }));
  store(high, make_pack<kWidth, T>([&](int j) { return b[j] * c[j] + a[j] * (s[j] * direction); }));
}

}  // namespace

void rope(Stream& stream, Tensor x, ConstTensor positions, ConstTensor table, std::int64_t num_rotated_heads, bool inverse) {
  const std::int64_t tokens = x.dim(0), half = table.dim(2);
  if (tokens == 0 || num_rotated_heads * half == 0) return;
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    constexpr int kVector = 16 / sizeof(T);
    // Heads begin at multiples of 2 * half, so what stands behind them in a row need not fill a pack.
    const ConstTensor heads = ConstTensor(x).columns(0, num_rotated_heads * 2 * half);
    with_width<T>(half % kVector == 0 && is_aligned(heads, kVector) && is_aligned(table, kVector), [&](auto width) {
      const std::int64_t packs = num_rotated_heads * half / width(), pieces = divide_up(packs, kThreads);
      rope_kernel<T, width()><<<num_blocks(tokens * pieces), kThreads, 0, stream_of(stream)>>>(
          rows_of<T>(x), positions.data<std::int32_t>(), table.data<float>(), static_cast<int>(table.dim(1)),
          static_cast<int>(half), static_cast<int>(packs), inverse ? -1.0f : 1.0f, static_cast<int>(pieces));
    });
  });
  check_launch("queueing rope");
}

}  // namespace corollary::cuda
