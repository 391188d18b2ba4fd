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
#include "kernels/cpu/native_bf16.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

inline constexpr hn::ScalableTag<float> kF32;
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

using Narrow = hn::Vec<decltype(kU16)>;  ///< bf16, as they lie in memory
HWY_INLINE F32 widen(Narrow bits) { return hn::BitCast(kF32, hn::ShiftLeft<16>(hn::PromoteTo(kU32, bits))); }

/// To the nearest bf16, ties to even. A NaN with a payload in its low half may come out wrong; none has one that came from bf16 or
/// from arithmetic.
HWY_INLINE Narrow narrow(bf16, F32 v) {
  const auto bits = hn::BitCast(kU32, v), odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(kU32, 1));
  return hn::TruncateTo(kU16, hn::ShiftRight<16>(bits + odd + hn::Set(kU32, 0x7fff)));
}
/// The same for any NaN: bit for bit what to_bf16() gives.
HWY_INLINE Narrow narrow_exactly(F32 v) {
  const auto quiet = hn::ShiftRight<16>(hn::Or(hn::BitCast(kU32, v), hn::Set(kU32, 0x400000)));
  const auto is_nan = hn::RebindMask(kU32, hn::IsNaN(v));
  return hn::TruncateTo(kU16, hn::IfThenElse(is_nan, quiet, hn::PromoteTo(kU32, narrow(bf16(), v))));
}
#if HWY_TARGET == HWY_AVX3
/// bf16 where native_bf16() has an instruction for the rounding, which takes subnormals for zero: an element type of its own, so
/// that the choice is made once a call (with_element).
struct InstructionBf16 {
  std::uint16_t bits;
};
HWY_INLINE Narrow narrow(InstructionBf16, F32 v) {
  Narrow result;
  // As text: the intrinsic would want every caller compiled for AVX512-BF16, and Highway 1.0 knows no target with it.
  asm("vcvtneps2bf16 %1, %0" : "=v"(result.raw) : "v"(v.raw));
  return result;
}
#endif

/// f(T()) with the element type that stands for `dtype`.
template <class F>
HWY_INLINE void with_element(DType dtype, F f) {
  if (dtype == DType::f32) return f(float());
#if HWY_TARGET == HWY_AVX3
  if (native_bf16()) return f(InstructionBf16());
#endif
  f(bf16());
}

HWY_INLINE F32 load(const float* p, Whole = {}) { return hn::LoadU(kF32, p); }
template <class T>
HWY_INLINE F32 load(const T* p, Whole = {}) {
  return widen(hn::LoadU(kU16, reinterpret_cast<const std::uint16_t*>(p)));
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

HWY_INLINE void store(float* p, F32 v, Whole = {}) { hn::StoreU(v, kF32, p); }
HWY_INLINE void store_narrow(void* p, Narrow bits, Whole = {}) { hn::StoreU(bits, kU16, static_cast<std::uint16_t*>(p)); }
HWY_INLINE void store_narrow(void* p, Narrow bits, Part part) {
  HWY_ALIGN std::uint16_t lanes[kLanes];
  hn::StoreU(bits, kU16, lanes);
  std::memcpy(p, lanes, static_cast<std::size_t>(part.count) * sizeof(lanes[0]));
}
HWY_INLINE void store(float* p, F32 v, Part part) {
  HWY_ALIGN float lanes[kLanes];
  store(lanes, v);
  std::memcpy(p, lanes, static_cast<std::size_t>(part.count) * sizeof(float));
}
template <class T, class Lanes = Whole>
HWY_INLINE void store(T* p, F32 v, Lanes lanes = {}) {
  store_narrow(p, narrow(T(), v), lanes);
}

/// v as T holds it.
template <class T>
HWY_INLINE F32 rounded(F32 v) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return v;
  } else {
    return widen(narrow(T(), v));
  }
}

/// One element.
template <class T>
HWY_INLINE float at(const T* p) {
  return hn::GetLane(load(p, Part{1}));
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

/// e^x for x <= 88: x = n ln 2 + r, |r| <= ln(2)/2, e^x = 2^n p(r), p of degree 6 interpolating at Chebyshev nodes (its error is
/// 1e-8). Errs by about one unit in the last place near 0 and by |x| * 3e-9 beside, for n ln 2 is taken off in one rounding. Below
/// -87.3, where the result would be subnormal: 0. NaN stays NaN: the bound is a comparison it fails.
HWY_INLINE F32 exp(F32 x) {
  const F32 magic =
      all(12582912.0f + 127);  // 1.5 * 2^23: adding it rounds to an integer, which stands in the low bits, here n + 127
  const F32 shifted = hn::MulAdd(x, all(1.44269504f), magic);
  const F32 r = hn::NegMulAdd(shifted - magic, all(0.693147181f), x);
  F32 p = hn::MulAdd(all(0.0013926250394f), r, all(0.0083632329479f));
  p = hn::MulAdd(p, r, all(0.0416665524244f));
  p = hn::MulAdd(p, r, all(0.1666657626629f));
  p = hn::MulAdd(p, r, all(0.5f));
  p = hn::MulAdd(p, r, all(1.0f));
  p = hn::MulAdd(p, r, all(1.0f));
  const F32 power = hn::BitCast(kF32, hn::ShiftLeft<23>(hn::BitCast(kU32, shifted)));
  return hn::IfThenZeroElse(x < all(-87.3f), p * power);
}

/// 1 / x to about two units in the last place, for normal x whose inverse is normal: an estimate of 12 bits or more and one step of
/// Newton's (a quotient of 16 lanes takes 16 cycles, this 3).
HWY_INLINE F32 reciprocal(F32 x) {
  const F32 estimate = hn::ApproximateReciprocal(x);
  return hn::MulAdd(estimate, hn::NegMulAdd(x, estimate, all(1.0f)), estimate);
}

}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // guard, toggled per instruction set
