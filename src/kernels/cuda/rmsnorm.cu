#include "kernels/rmsnorm.h"

#include "kernels/cuda/common.cuh"

namespace corollary::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kHeld = 4;  // packs of a row that a thread keeps: 8192 columns of bf16, 4096 of f32; what lies beyond is read again

// Traffic per token: x and y once, rstd once: 2 * hidden_size * sizeof(T) + 4 bytes; with an addition x, delta, sum and y:
// 4 * hidden_size * sizeof(T) + 4. One block a token; its row waits in registers, as loaded, for the root of its mean square. 4096
// tokens of 4096 bf16: 67 MB, 14 us at an H200's 4.8 TB/s; with the addition 134 MB, 28 us. Four flops a value: bandwidth is the
// limit.
template <class T, int kWidth, bool kAdds>
__global__ void __launch_bounds__(kThreads)
    forward_kernel(Rows<T> y, float* rstd, Rows<T> sum, Rows<const T> x, Rows<const T> delta, const T* w, int n, float eps) {
  const std::int64_t t = blockIdx.x;
  const T *const in = x[t], *const added = kAdds ? delta[t] : nullptr;
  T *const total = kAdds ? sum[t] : nullptr, *const out = y[t];
  constexpr int kStep = kThreads * kWidth;
  const int first = threadIdx.x * kWidth;

  Pack<T, kWidth> held[kHeld], held_added[kHeld];
#pragma unroll
  for (int k = 0; k < kHeld; ++k) {
    const int i = first + k * kStep;
    if (i >= n) break;
    held[k] = load<kWidth>(in + i);
    if constexpr (kAdds) held_added[k] = load<kWidth>(added + i);
  }
  float sum_sq = 0;
  const auto take = [&](Pack<T, kWidth>& pack, const Pack<T, kWidth>& other, int i) {
    if constexpr (kAdds) {  // the norm is of what is stored
      pack = make_pack<kWidth, T>([&](int j) { return pack[j] + other[j]; });
      store(total + i, pack);
    }
#pragma unroll
    for (int j = 0; j < kWidth; ++j) sum_sq = fmaf(pack[j], pack[j], sum_sq);
  };
#pragma unroll
  for (int k = 0; k < kHeld; ++k)
    if (first + k * kStep < n) take(held[k], held_added[k], first + k * kStep);
  for (int i = first + kHeld * kStep; i < n; i += kStep) {
    Pack<T, kWidth> pack = load<kWidth>(in + i), other = pack;
    if constexpr (kAdds) other = load<kWidth>(added + i);
    take(pack, other, i);
  }

  const float r = 1 / sqrtf(block_sum<kThreads>(sum_sq) / static_cast<float>(n) + eps);
  const auto give = [&](const Pack<T, kWidth>& pack, int i) {
    const Pack<T, kWidth> scale = load<kWidth>(w + i);
    store(out + i, make_pack<kWidth, T>([&](int j) { return pack[j] * r * scale[j]; }));
  };
#pragma unroll
  for (int k = 0; k < kHeld; ++k)
    if (first + k * kStep < n) give(held[k], first + k * kStep);
  for (int i = first + kHeld * kStep; i < n; i += kStep) give(load<kWidth>(kAdds ? total + i : in + i), i);
  if (threadIdx.x == 0) rstd[t] = r;
}

template <bool kAdds>
void forward(Stream& stream, Tensor sum, Tensor y, Tensor rstd, ConstTensor x, ConstTensor delta, ConstTensor w, float eps) {
  const std::int64_t tokens = x.dim(0), n = x.dim(1);
  if (tokens == 0 || n == 0) return;
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    constexpr int kVector = 16 / sizeof(T);
    const bool is_vector = is_aligned(y, kVector) && is_aligned(x, kVector) && is_aligned(w, kVector) &&
                           (!kAdds || (is_aligned(sum, kVector) && is_aligned(delta, kVector)));
    with_width<T>(is_vector, [&](auto width) {
      forward_kernel<T, width(), kAdds><<<num_blocks(tokens), kThreads, 0, stream_of(stream)>>>(
          rows_of<T>(y), rstd.data<float>(), rows_of<T>(sum), rows_of<T>(x), rows_of<T>(delta), w.data<T>(), static_cast<int>(n),
          eps);
    });
  });
  check_launch("queueing rmsnorm_forward");
}

// With r = rstd and g = dy w:   dx += r g - x r^3 mean(g x),   dw += dy x r.
// Traffic per token: dy, x, dx in, dx out: 4 * hidden_size * sizeof(T) + 4 bytes. dw takes kGroups rows of f32 beside it, mostly
// within L2. 4096 tokens of 4096 bf16: 134 MB, 28 us. One block a group of tokens, in order; a thread keeps its columns' part of dw
// in registers from the first of them to the last. dw is then the sum over groups, in order: the same bits on every GPU.
constexpr int kBackwardThreads = 512;
constexpr int kMostGroups = 256;

/// Columns up to kHeldPacks packs a thread; wider rows take the kernel below.
template <class T, int kWidth, int kHeldPacks>
__global__ void __launch_bounds__(kBackwardThreads)
    backward_kernel(Rows<T> dx, float* dw_parts, Rows<const T> dy, Rows<const T> x, const T* w, const float* rstd, int n,
                    std::int64_t tokens, std::int64_t group_tokens) {
  constexpr int kStep = kBackwardThreads * kWidth;
  const int first = threadIdx.x * kWidth;
  float dw[kHeldPacks][kWidth] = {};
  Pack<T, kWidth> scale[kHeldPacks];
#pragma unroll
  for (int k = 0; k < kHeldPacks; ++k)
    if (first + k * kStep < n) scale[k] = load<kWidth>(w + first + k * kStep);

  const std::int64_t begin = blockIdx.x * group_tokens;
  const std::int64_t end = begin + group_tokens < tokens ? begin + group_tokens : tokens;
  for (std::int64_t t = begin; t < end; ++t) {
    const T *const d_out = dy[t], *const in = x[t];
    T* const d_in = dx[t];
    Pack<T, kWidth> held_dy[kHeldPacks], held_x[kHeldPacks], held_dx[kHeldPacks];
#pragma unroll
    for (int k = 0; k < kHeldPacks; ++k) {
      const int i = first + k * kStep;
      if (i >= n) break;
      held_dy[k] = load<kWidth>(d_out + i);
      held_x[k] = load<kWidth>(in + i);
      held_dx[k] = load<kWidth>(d_in + i);
    }
    const float r = rstd[t];
    float dot = 0;
#pragma unroll
    for (int k = 0; k < kHeldPacks; ++k)
      if (first + k * kStep < n)
#pragma unroll
        for (int j = 0; j < kWidth; ++j) dot = fmaf(held_dy[k][j] * scale[k][j], held_x[k][j], dot);
    const float along_x = r * r * r * (block_sum<kBackwardThreads>(dot) / static_cast<float>(n));
#pragma unroll
    for (int k = 0; k < kHeldPacks; ++k) {
      const int i = first + k * kStep;
      if (i >= n) break;
      store(d_in + i, make_pack<kWidth, T>([&](int j) {
              const float dy_r = held_dy[k][j] * r, v = held_x[k][j];
              dw[k][j] = fmaf(dy_r, v, dw[k][j]);
              return held_dx[k][j] + fmaf(-v, along_x, dy_r * scale[k][j]);
            }));
    }
  }
#pragma unroll
  for (int k = 0; k < kHeldPacks; ++k)
    if (first + k * kStep < n)
#pragma unroll
      for (int j = 0; j < kWidth; ++j) dw_parts[std::int64_t{blockIdx.x} * n + first + k * kStep + j] = dw[k][j];
}

/// The same for rows of any width: nothing is kept, dw's part is added to in memory by the one thread that owns the column.
template <class T>
__global__ void __launch_bounds__(kBackwardThreads)
    wide_backward_kernel(Rows<T> dx, float* dw_parts, Rows<const T> dy, Rows<const T> x, const T* w, const float* rstd, int n,
                         std::int64_t tokens, std::int64_t group_tokens) {
  float* const dw = dw_parts + std::int64_t{blockIdx.x} * n;
  for (int i = threadIdx.x; i < n; i += kBackwardThreads) dw[i] = 0;
  const std::int64_t begin = blockIdx.x * group_tokens;
  const std::int64_t end = begin + group_tokens < tokens ? begin + group_tokens : tokens;
  for (std::int64_t t = begin; t < end; ++t) {
    const T *const d_out = dy[t], *const in = x[t];
    T* const d_in = dx[t];
    const float r = rstd[t];
    float dot = 0;
    for (int i = threadIdx.x; i < n; i += kBackwardThreads) dot = fmaf(widen(d_out[i]) * widen(w[i]), widen(in[i]), dot);
    const float along_x = r * r * r * (block_sum<kBackwardThreads>(dot) / static_cast<float>(n));
    for (int i = threadIdx.x; i < n; i += kBackwardThreads) {
      const float dy_r = widen(d_out[i]) * r, v = widen(in[i]);
      dw[i] = fmaf(dy_r, v, dw[i]);
      d_in[i] = narrow<T>(widen(d_in[i]) + fmaf(-v, along_x, dy_r * widen(w[i])));
    }
  }
}

/// dw[i] += sum of parts[g,i] over g: a warp takes 32 columns, each of its block's warps every eighth group.
__global__ void __launch_bounds__(kThreads) add_parts_kernel(float* dw, const float* parts, int groups, int n) {
  constexpr int kWarps = kThreads / 32;
  __shared__ float sums[kWarps][32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, i = blockIdx.x * 32 + lane;
  float sum = 0;
  if (i < n)
#pragma unroll 4
    for (int g = warp; g < groups; g += kWarps) sum += parts[std::int64_t{g} * n + i];
  sums[warp][lane] = sum;
  __syncthreads();
  if (warp > 0 || i >= n) return;
  for (int other = 1; other < kWarps; ++other) sum += sums[other][lane];
  dw[i] += sum;
}

}  // namespace

void rmsnorm_forward(Stream& stream, Tensor y, Tensor rstd, ConstTensor x, ConstTensor w, float eps) {
  forward<false>(stream, {}, y, rstd, x, {}, w, eps);
}

void add_rmsnorm_forward(Stream& stream, Tensor sum, Tensor y, Tensor rstd, ConstTensor x, ConstTensor delta, ConstTensor w,
                         float eps) {
  forward<true>(stream, sum, y, rstd, x, delta, w, eps);
}

void rmsnorm_backward(Stream& stream, Tensor dx, Tensor dw, ConstTensor dy, ConstTensor x, ConstTensor w, ConstTensor rstd) {
  const std::int64_t tokens = x.dim(0), n = x.dim(1);
  if (tokens == 0 || n == 0) return;
  const std::int64_t group_tokens = divide_up(tokens, kMostGroups), groups = divide_up(tokens, group_tokens);
  auto* const parts = static_cast<float*>(stream.workspace(groups * n * 4));
  with_element(x.dtype(), [&](auto element) {
    using T = decltype(element);
    constexpr int kVector = 16 / sizeof(T);
    const auto launch = [&](auto kernel) {
      kernel<<<num_blocks(groups), kBackwardThreads, 0, stream_of(stream)>>>(rows_of<T>(dx), parts, rows_of<T>(dy), rows_of<T>(x),
                                                                             w.data<T>(), rstd.data<float>(), static_cast<int>(n),
                                                                             tokens, group_tokens);
    };
    const bool is_vector = is_aligned(dx, kVector) && is_aligned(dy, kVector) && is_aligned(x, kVector) && is_aligned(w, kVector);
    constexpr int kPacks = sizeof(T) / 2;  // of bf16 one, of f32 two: 4096 columns
    if (is_vector && n <= kPacks * kVector * kBackwardThreads)
      launch(backward_kernel<T, kVector, kPacks>);
    else if (is_vector && n <= 2 * kPacks * kVector * kBackwardThreads)
      launch(backward_kernel<T, kVector, 2 * kPacks>);
    else if (n <= 4 * kBackwardThreads)
      launch(backward_kernel<T, 1, 4>);
    else
      launch(wide_backward_kernel<T>);
  });
  check_launch("queueing rmsnorm_backward");
  add_parts_kernel<<<num_blocks(divide_up(n, 32)), kThreads, 0, stream_of(stream)>>>(dw.data<float>(), parts,
                                                                                     static_cast<int>(groups), static_cast<int>(n));
  check_launch("queueing the sum of rmsnorm_backward");
}

}  // namespace corollary::cuda
