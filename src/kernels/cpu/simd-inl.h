// The vector vocabulary of the CPU kernels, on Highway: a kernel is written once with these and compiled for every instruction set,
// the best of which is chosen at run time. Included by each cpu/X.cpp after <hwy/foreach_target.h>, once per instruction set; hence
// the unusual guard and the namespace that names the set. Nothing here may be called from outside such a namespace.
#if defined(COROLLARY_KERNELS_CPU_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COROLLARY_KERNELS_CPU_SIMD_INL_H_
#undef COROLLARY_KERNELS_CPU_SIMD_INL_H_
#else
#define COROLLARY_KERNELS_CPU_SIMD_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "device/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

inline constexpr hn::ScalableTag<float> kF32;
inline constexpr hn::Rebind<std::int32_t, decltype(kF32)> kI32;
inline constexpr hn::Rebind<std::uint32_t, decltype(kF32)> kU32;
inline constexpr hn::Rebind<std::uint16_t, decltype(kF32)> kU16;  // as many lanes, half the bytes: bf16 in memory
using F32 = hn::Vec<decltype(kF32)>;
inline constexpr std::int64_t kLanes = hn::MaxLanes(kF32);

HWY_INLINE F32 all(float value) { return hn::Set(kF32, value); }
HWY_INLINE F32 zero() { return hn::Zero(kF32); }

// ---- memory: f32 or bf16 outside, f32 inside ----

struct Whole {};  ///< all lanes
struct Part {     ///< the first `count` lanes; the others read as zero and are not written
  std::int64_t count;
};

HWY_INLINE F32 load(const float* p, Whole = {}) { return hn::LoadU(kF32, p); }
HWY_INLINE F32 load(const bf16* p, Whole = {}) {
  const auto bits = hn::LoadU(kU16, reinterpret_cast<const std::uint16_t*>(p));
  return hn::BitCast(kF32, hn::ShiftLeft<16>(hn::PromoteTo(kU32, bits)));
}
HWY_INLINE void store(float* p, F32 v, Whole = {}) { hn::StoreU(v, kF32, p); }
/// Rounds as to_bf16() does: to nearest, ties to even, NaN stays NaN.
HWY_INLINE void store(bf16* p, F32 v, Whole = {}) {
  const auto bits = hn::BitCast(kU32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(kU32, 1));
  const auto rounded = bits + odd + hn::Set(kU32, 0x7fff);
  const auto quiet = hn::Or(bits, hn::Set(kU32, 0x400000));
  const auto result = hn::IfThenElse(hn::RebindMask(kU32, hn::IsNaN(v)), quiet, rounded);
  hn::StoreU(hn::TruncateTo(kU16, hn::ShiftRight<16>(result)), kU16, reinterpret_cast<std::uint16_t*>(p));
}

template <class T>
HWY_INLINE F32 load(const T* p, Part part) {
  HWY_ALIGN T lanes[kLanes] = {};
  std::memcpy(lanes, p, static_cast<std::size_t>(part.count) * sizeof(T));
  return load(lanes);
}
/// As load, but lanes past the end hold `fill`: what a maximum or a sum of exponentials does not notice.
template <class T>
HWY_INLINE F32 load_or(const T* p, Whole, float) {
  return load(p);
}
template <class T>
HWY_INLINE F32 load_or(const T* p, Part part, float fill) {
  return hn::IfThenElse(hn::FirstN(kF32, static_cast<std::size_t>(part.count)), load(p, part), all(fill));
}
template <class T>
HWY_INLINE void store(T* p, F32 v, Part part) {
  HWY_ALIGN T lanes[kLanes];
  store(lanes, v);
  std::memcpy(p, lanes, static_cast<std::size_t>(part.count) * sizeof(T));
}

/// Row t of a matrix.
template <class T>
HWY_INLINE T* row(const Tensor& x, std::int64_t t) {
  return static_cast<T*>(x.raw()) + t * x.row_stride();
}
template <class T>
HWY_INLINE const T* row(const ConstTensor& x, std::int64_t t) {
  return static_cast<const T*>(x.raw()) + t * x.row_stride();
}

/// body(i, lanes) at every kLanes-th i of [0, n), the last time with Part if n is no multiple.
template <class Body>
HWY_INLINE void each_vector(std::int64_t n, Body body) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, Whole{});
  if (i < n) body(i, Part{n - i});
}

// ---- arithmetic ----

HWY_INLINE float sum(F32 v) { return hn::GetLane(hn::SumOfLanes(kF32, v)); }
HWY_INLINE float maximum(F32 v) { return hn::GetLane(hn::MaxOfLanes(kF32, v)); }

/// The sum of all lanes after  sum = body(i, lanes, sum)  along [0, n), kept in four vectors in turn so that additions do not wait
/// for each other.
template <class Body>
HWY_INLINE float sum_over(std::int64_t n, Body body) {
  F32 sum0 = zero(), sum1 = zero(), sum2 = zero(), sum3 = zero();
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    sum0 = body(i, Whole{}, sum0);
    sum1 = body(i + kLanes, Whole{}, sum1);
    sum2 = body(i + 2 * kLanes, Whole{}, sum2);
    sum3 = body(i + 3 * kLanes, Whole{}, sum3);
  }
  for (; i + kLanes <= n; i += kLanes) sum0 = body(i, Whole{}, sum0);
  if (i < n) sum1 = body(i, Part{n - i}, sum1);
  return sum((sum0 + sum1) + (sum2 + sum3));
}

/// e^x to about one unit in the last place: x = n ln 2 + r, |r| <= ln(2)/2, e^x = 2^n (1 + r + r^2 q(r)) with q of degree 4
/// interpolating at Chebyshev nodes (its error is 1e-8). Below -87.3, where the result would be subnormal: 0. Above 88.3: e^88.3.
/// NaN stays NaN: both bounds are comparisons it fails.
HWY_INLINE F32 exp(F32 x) {
  const F32 low = all(-87.3f), high = all(88.3f);
  const F32 clamped = hn::IfThenElse(x > high, high, x);
  const auto n = hn::NearestInt(clamped * all(1.44269504f));
  const F32 nf = hn::ConvertTo(kF32, n);
  const F32 r = hn::NegMulAdd(nf, all(-2.12194440e-4f), hn::NegMulAdd(nf, all(0.693359375f), clamped));
  F32 q = hn::MulAdd(all(0.0013926250394f), r, all(0.0083632329479f));
  q = hn::MulAdd(q, r, all(0.0416665524244f));
  q = hn::MulAdd(q, r, all(0.1666657626629f));
  q = hn::MulAdd(q, r, all(0.5f));
  const F32 e_r = hn::MulAdd(r * r, q, r) + all(1.0f);
  const F32 power = hn::BitCast(kF32, hn::ShiftLeft<23>(n + hn::Set(kI32, 127)));
  return hn::IfThenZeroElse(x < low, e_r * power);
}

}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // guard, toggled per instruction set
