#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "device/cuda/check.h"
#include "device/stream.h"
#include "device/tensor.h"

// What the kernels of this folder share: loads and stores of up to sixteen bytes, sums of a block in a fixed order, launches.
// All here run at the speed of memory, so a thread issues its loads before it needs the first of them, and what a block needs twice
// it keeps in registers.
namespace corollary::cuda {

// ---- elements ----

__device__ inline float widen(float x) { return x; }
__device__ inline float widen(bf16 x) { return __uint_as_float(std::uint32_t{x.bits} << 16); }

/// To nearest, ties to even; a NaN stays one, of any payload.
template <class T>
__device__ T narrow(float x);
template <>
__device__ inline float narrow<float>(float x) {
  return x;
}
template <>
__device__ inline bf16 narrow<bf16>(float x) {
  std::uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return {bits};
}
/// Bit for bit as to_bf16(), NaNs too.
__device__ inline bf16 narrow_exactly(float x) {
  if (isnan(x)) return {static_cast<std::uint16_t>(__float_as_uint(x) >> 16 | 0x40)};
  return narrow<bf16>(x);
}
/// The value that is left when x is stored as T.
template <class T>
__device__ float rounded(float x) {
  return widen(narrow<T>(x));
}

/// `kWidth` neighbours of a row as they lie in memory. Kept like this while they wait: half the registers of floats if T is bf16.
template <class T, int kWidth>
struct Pack {
  static_assert(kWidth == 1 || sizeof(T) * kWidth % 4 == 0);
  using Word = std::conditional_t<(sizeof(T) * kWidth < 4), std::uint16_t, std::uint32_t>;
  static constexpr int kWords = static_cast<int>(sizeof(T) * kWidth / sizeof(Word));
  Word words[kWords];

  __device__ float operator[](int i) const {
    if constexpr (sizeof(T) == 4) return __uint_as_float(words[i]);
    if constexpr (kWidth == 1) return __uint_as_float(std::uint32_t{words[0]} << 16);
    return __uint_as_float(i % 2 == 0 ? words[i / 2] << 16 : words[i / 2] & 0xffff0000u);
  }
  /// Of elements of 16 bits.
  __device__ std::uint16_t bits(int i) const {
    if constexpr (kWidth == 1) return static_cast<std::uint16_t>(words[0]);
    return static_cast<std::uint16_t>(words[i / 2] >> i % 2 * 16);
  }
};
/// Makes the compiler forget what it has computed of the pack, so that it waits as words, not as the floats of its first use.
template <int kWidth>
__device__ void hold(Pack<bf16, kWidth>& pack) {
#pragma unroll
  for (auto& word : pack.words) {
    if constexpr (kWidth == 1)
      asm volatile("" : "+h"(word));
    else
      asm volatile("" : "+r"(word));
  }
}
template <int kWidth>
__device__ void hold(Pack<float, kWidth>&) {}

/// value(i) for i in [0, kWidth), rounded to T; each is asked for once.
template <int kWidth, class T, class F>
__device__ Pack<T, kWidth> make_pack(F value) {
  Pack<T, kWidth> pack;
  if constexpr (sizeof(T) == 4) {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) pack.words[i] = __float_as_uint(value(i));
  } else if constexpr (kWidth == 1) {
    pack.words[0] = narrow<bf16>(value(0)).bits;
  } else {
#pragma unroll
    for (int i = 0; i < kWidth; i += 2) {
      const float low = value(i), high = value(i + 1);
      asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pack.words[i / 2]) : "f"(high), "f"(low));
    }
  }
  return pack;
}

/// bits(i) for i in [0, kWidth): elements of 16 bits.
template <int kWidth, class T, class F>
__device__ Pack<T, kWidth> make_bits_pack(F bits) {
  Pack<T, kWidth> pack = {};
#pragma unroll
  for (int i = 0; i < kWidth; ++i) pack.words[i / 2] |= static_cast<decltype(pack.words[0] + 0)>(bits(i)) << i % 2 * 16;
  return pack;
}

template <int kBytes>
struct Access;  // the widest machine access that divides kBytes
template <>
struct Access<2> {
  using type = std::uint16_t;
};
template <>
struct Access<4> {
  using type = std::uint32_t;
};
template <>
struct Access<8> {
  using type = uint2;
};
template <>
struct Access<16> {
  using type = uint4;
};
template <class T, int kWidth>
using AccessOf = typename Access<(sizeof(T) * kWidth < 16 ? sizeof(T) * kWidth : 16)>::type;

/// `p` must be aligned as is_aligned() below asks.
template <int kWidth, class T>
__device__ Pack<std::remove_const_t<T>, kWidth> load(T* p) {
  using A = AccessOf<T, kWidth>;
  Pack<std::remove_const_t<T>, kWidth> pack;
  A parts[sizeof(pack) / sizeof(A)];
#pragma unroll
  for (std::size_t i = 0; i < sizeof(pack) / sizeof(A); ++i) parts[i] = reinterpret_cast<const A*>(p)[i];
  memcpy(&pack, parts, sizeof(pack));
  return pack;
}
template <class T, int kWidth>
__device__ void store(T* p, const Pack<T, kWidth>& pack) {
  using A = AccessOf<T, kWidth>;
  A parts[sizeof(pack) / sizeof(A)];
  memcpy(parts, &pack, sizeof(pack));
#pragma unroll
  for (std::size_t i = 0; i < sizeof(pack) / sizeof(A); ++i) reinterpret_cast<A*>(p)[i] = parts[i];
}

// ---- sums of a block, in the same order always ----

// Each step adds the same two numbers in both lanes of a pair, so all lanes end with the same bits; __fadd_rn keeps the compiler
// from fusing the first addition with a product before it, which would break that.
__device__ inline float add(float a, float b) { return __fadd_rn(a, b); }
__device__ inline double add(double a, double b) { return __dadd_rn(a, b); }
template <class T>
__device__ T warp_sum(T x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x = add(x, __shfl_xor_sync(~0u, x, distance));
  return x;
}
__device__ inline float warp_max(float x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x = fmaxf(x, __shfl_xor_sync(~0u, x, distance));
  return x;
}

template <int kThreads, class T, class Reduce>
__device__ T block_reduce(T x, T nothing, Reduce warp_reduce) {
  constexpr int kWarps = kThreads / 32;
  static_assert(kThreads % 32 == 0 && kWarps <= 32);
  __shared__ T of_warps[kWarps];
  x = warp_reduce(x);
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = x;
  __syncthreads();
  x = threadIdx.x % 32 < kWarps ? of_warps[threadIdx.x % 32] : nothing;
  __syncthreads();  // of_warps serves the next call
  return warp_reduce(x);
}
/// Every thread of the block gets the sum. All threads must call.
template <int kThreads, class T>
__device__ T block_sum(T x) {
  return block_reduce<kThreads>(x, T{0}, [](T y) { return warp_sum(y); });
}
template <int kThreads>
__device__ float block_max(float x) {
  return block_reduce<kThreads>(x, -INFINITY, [](float y) { return warp_max(y); });
}

// ---- the host's side ----

/// A matrix as a kernel takes it.
template <class T>
struct Rows {
  T* data;
  std::int64_t stride;
  __device__ T* operator[](std::int64_t row) const { return data + row * stride; }
};
template <class T>
Rows<T> rows_of(Tensor x) {
  return {static_cast<T*>(x.raw()), x.row_stride()};
}
template <class T>
Rows<const T> rows_of(ConstTensor x) {
  return {static_cast<const T*>(x.raw()), x.row_stride()};
}

inline cudaStream_t stream_of(const Stream& stream) { return static_cast<cudaStream_t>(stream.native()); }

/// x begins where an access of `width` elements may, or of sixteen bytes if they are more.
inline bool begins_aligned(ConstTensor x, std::int64_t width) {
  const std::int64_t bytes = width * size_of(x.dtype()), access = bytes < 16 ? bytes : 16;
  return reinterpret_cast<std::uintptr_t>(x.raw()) % static_cast<std::uintptr_t>(access) == 0;
}
/// Every row of x can be taken `width` elements at a time, with none left over.
inline bool is_aligned(ConstTensor x, std::int64_t width) {
  return begins_aligned(x, width) && x.row_stride() % width == 0 && (x.shape().rank() == 0 || x.dim(-1) % width == 0);
}

/// f(T()) with the element type that `dtype` names: float or bf16.
template <class F>
void with_element(DType dtype, F f) {
  dtype == DType::f32 ? f(float()) : f(bf16());
}
/// f(std::integral_constant<int, width>()): sixteen bytes of T at a time if `is_vector`, else one element.
template <class T, class F>
void with_width(bool is_vector, F f) {
  is_vector ? f(std::integral_constant<int, 16 / sizeof(T)>()) : f(std::integral_constant<int, 1>());
}

inline std::int64_t divide_up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }
/// As a kernel's number of blocks.
inline unsigned num_blocks(std::int64_t n) {
  check(n < std::int64_t{1} << 31, "a CUDA grid of ", n, " blocks: pass fewer rows at a time");
  return static_cast<unsigned>(n);
}

/// Throws Error if the launch before it was refused. What fails while running shows at Stream::synchronize().
inline void check_launch(Message what) { check_cuda(cudaGetLastError(), what); }

// ---- runs: as many elements as memory holds, each by itself ----

constexpr int kRunThreads = 256;

/// body.run<width>(i) takes elements [i, i + width): kWidth at a time, the last few singly.
template <int kWidth, class Body>
__global__ void __launch_bounds__(kRunThreads) run_kernel(Body body, std::int64_t n) {
  std::int64_t i = (std::int64_t{blockIdx.x} * kRunThreads + threadIdx.x) * kWidth;
  if (i + kWidth <= n)
    body.template run<kWidth>(i);
  else
    for (; i < n; ++i) body.template run<1>(i);
}
template <int kWidth, class Body>
void launch_run(Stream& stream, std::int64_t n, bool is_vector, const Body& body, Message what) {
  if (n == 0) return;
  if (is_vector)
    run_kernel<kWidth><<<num_blocks(divide_up(n, kRunThreads * kWidth)), kRunThreads, 0, stream_of(stream)>>>(body, n);
  else
    run_kernel<1><<<num_blocks(divide_up(n, kRunThreads)), kRunThreads, 0, stream_of(stream)>>>(body, n);
  check_launch(what);
}

}  // namespace corollary::cuda
