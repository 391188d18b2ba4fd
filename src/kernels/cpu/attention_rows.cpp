#include "kernels/cpu/attention_rows.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// after highway.h:
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
const D d;
const hn::Rebind<std::uint16_t, D> d16;
const hn::RebindToUnsigned<D> d32;

HWY_INLINE V load(const float* x) { return hn::LoadU(d, x); }
HWY_INLINE V load(const bf16* x) {
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, reinterpret_cast<const std::uint16_t*>(x)))));
}
HWY_INLINE void store(V v, float* y) { hn::StoreU(v, d, y); }
HWY_INLINE void store(V v, bf16* y) {  // to nearest even; scores are finite, NaN needs no care
  const auto bits = hn::BitCast(d32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(d32, 0x7fffu)), odd));
  hn::StoreU(hn::TruncateTo(d16, rounded), d16, reinterpret_cast<std::uint16_t*>(y));
}

// Runs f(i) for whole vectors of [0, n) and tail(i) for the rest.
template <class F, class Tail>
HWY_INLINE void each_vector(std::int64_t n, F f, Tail tail) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) f(i);
  for (; i < n; ++i) tail(i);
}

HWY_INLINE void put(float* y, float x) { *y = x; }
HWY_INLINE void put(bf16* y, float x) { *y = to_bf16(x); }

template <class T>
void zero_unseen(T* p, std::int64_t seen, std::int64_t columns) {
  for (std::int64_t u = seen; u < columns; ++u) put(p + u, 0.0f);
}

template <class T>
void softmax_rows_t(T* p, float* lse, float* s, const ScoreBlock& block) {
  const V scale = hn::Set(d, block.scale);
  for (std::int64_t r = 0; r < block.rows; ++r, s += block.row_step, p += block.row_step) {
    const std::int64_t seen = std::min(block.columns, block.first + r + 1);
    V maxima = hn::Set(d, -INFINITY);
    float most = -INFINITY;
    each_vector(
        seen, [&](std::int64_t i) { maxima = hn::Max(maxima, load(s + i)); }, [&](std::int64_t i) { most = std::max(most, s[i]); });
    most = std::max(most, hn::GetLane(hn::MaxOfLanes(d, maxima))) * block.scale;
    const V shift = hn::Set(d, -most);
    V sums = hn::Zero(d);
    float sum = 0;
    each_vector(
        seen,
        [&](std::int64_t i) {
          const V e = hn::Exp(d, hn::MulAdd(load(s + i), scale, shift));
          sums = hn::Add(sums, e);
          store(e, s + i);
        },
        [&](std::int64_t i) { sum += s[i] = std::exp(s[i] * block.scale - most); });
    sum += hn::GetLane(hn::SumOfLanes(d, sums));
    lse[r] = most + std::log(sum);
    const V inverse = hn::Set(d, 1.0f / sum);
    each_vector(
        seen, [&](std::int64_t i) { store(hn::Mul(load(s + i), inverse), p + i); },
        [&](std::int64_t i) { put(p + i, s[i] / sum); });
    zero_unseen(p, seen, block.columns);
  }
}

template <class T>
void softmax_rows_again_t(T* p, const float* lse, const float* s, const ScoreBlock& block) {
  const V scale = hn::Set(d, block.scale);
  for (std::int64_t r = 0; r < block.rows; ++r, s += block.row_step, p += block.row_step) {
    const std::int64_t seen = std::min(block.columns, block.first + r + 1);
    const V shift = hn::Set(d, -lse[r]);
    each_vector(
        seen, [&](std::int64_t i) { store(hn::Exp(d, hn::MulAdd(load(s + i), scale, shift)), p + i); },
        [&](std::int64_t i) { put(p + i, std::exp(s[i] * block.scale - lse[r])); });
    zero_unseen(p, seen, block.columns);
  }
}

template <class T>
void softmax_rows_backward_t(T* ds, const T* p, const float* dp, const float* row_dot, const ScoreBlock& block) {
  for (std::int64_t r = 0; r < block.rows; ++r, ds += block.row_step, p += block.row_step, dp += block.row_step) {
    const V scale = hn::Set(d, block.scale), dot_r = hn::Set(d, row_dot[r]);
    each_vector(
        block.columns, [&](std::int64_t i) { store(hn::Mul(hn::Mul(load(p + i), scale), hn::Sub(load(dp + i), dot_r)), ds + i); },
        [&](std::int64_t i) { put(ds + i, to_float(p[i]) * block.scale * (dp[i] - row_dot[r])); });
  }
}

template <class T>
float dot_t(const T* a, const T* b, std::int64_t n) {
  V sums = hn::Zero(d);
  float sum = 0;
  each_vector(
      n, [&](std::int64_t i) { sums = hn::MulAdd(load(a + i), load(b + i), sums); },
      [&](std::int64_t i) { sum += to_float(a[i]) * to_float(b[i]); });
  return sum + hn::GetLane(hn::SumOfLanes(d, sums));
}

template <class T>
void store_rounded_t(T* y, const float* x, std::int64_t n) {
  each_vector(
      n, [&](std::int64_t i) { store(load(x + i), y + i); }, [&](std::int64_t i) { put(y + i, x[i]); });
}

// One entry a function and dtype: the names HWY_EXPORT can see.
void softmax_f32(void* p, float* lse, float* s, const ScoreBlock& b) { softmax_rows_t(static_cast<float*>(p), lse, s, b); }
void softmax_bf16(void* p, float* lse, float* s, const ScoreBlock& b) { softmax_rows_t(static_cast<bf16*>(p), lse, s, b); }
void again_f32(void* p, const float* lse, const float* s, const ScoreBlock& b) {
  softmax_rows_again_t(static_cast<float*>(p), lse, s, b);
}
void again_bf16(void* p, const float* lse, const float* s, const ScoreBlock& b) {
  softmax_rows_again_t(static_cast<bf16*>(p), lse, s, b);
}
void backward_f32(void* ds, const void* p, const float* dp, const float* dots, const ScoreBlock& b) {
  softmax_rows_backward_t(static_cast<float*>(ds), static_cast<const float*>(p), dp, dots, b);
}
void backward_bf16(void* ds, const void* p, const float* dp, const float* dots, const ScoreBlock& b) {
  softmax_rows_backward_t(static_cast<bf16*>(ds), static_cast<const bf16*>(p), dp, dots, b);
}
float dot_f32(const void* a, const void* b, std::int64_t n) {
  return dot_t(static_cast<const float*>(a), static_cast<const float*>(b), n);
}
float dot_bf16(const void* a, const void* b, std::int64_t n) {
  return dot_t(static_cast<const bf16*>(a), static_cast<const bf16*>(b), n);
}
void round_f32(void* y, const float* x, std::int64_t n) { store_rounded_t(static_cast<float*>(y), x, n); }
void round_bf16(void* y, const float* x, std::int64_t n) { store_rounded_t(static_cast<bf16*>(y), x, n); }

}  // namespace HWY_NAMESPACE
}  // namespace corollary::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {

HWY_EXPORT(softmax_f32);
HWY_EXPORT(softmax_bf16);
HWY_EXPORT(again_f32);
HWY_EXPORT(again_bf16);
HWY_EXPORT(backward_f32);
HWY_EXPORT(backward_bf16);
HWY_EXPORT(dot_f32);
HWY_EXPORT(dot_bf16);
HWY_EXPORT(round_f32);
HWY_EXPORT(round_bf16);

void softmax_rows(void* p, float* lse, float* s, const ScoreBlock& block) {
  return block.dtype == DType::bf16 ? HWY_DYNAMIC_DISPATCH(softmax_bf16)(p, lse, s, block)
                                    : HWY_DYNAMIC_DISPATCH(softmax_f32)(p, lse, s, block);
}
void softmax_rows_again(void* p, const float* lse, const float* s, const ScoreBlock& block) {
  return block.dtype == DType::bf16 ? HWY_DYNAMIC_DISPATCH(again_bf16)(p, lse, s, block)
                                    : HWY_DYNAMIC_DISPATCH(again_f32)(p, lse, s, block);
}
void softmax_rows_backward(void* ds, const void* p, const float* dp, const float* dots, const ScoreBlock& block) {
  return block.dtype == DType::bf16 ? HWY_DYNAMIC_DISPATCH(backward_bf16)(ds, p, dp, dots, block)
                                    : HWY_DYNAMIC_DISPATCH(backward_f32)(ds, p, dp, dots, block);
}
float dot(const void* a, const void* b, std::int64_t n, DType dtype) {
  return dtype == DType::bf16 ? HWY_DYNAMIC_DISPATCH(dot_bf16)(a, b, n) : HWY_DYNAMIC_DISPATCH(dot_f32)(a, b, n);
}
void store_rounded(void* y, const float* x, std::int64_t n, DType dtype) {
  return dtype == DType::bf16 ? HWY_DYNAMIC_DISPATCH(round_bf16)(y, x, n) : HWY_DYNAMIC_DISPATCH(round_f32)(y, x, n);
}

}  // namespace corollary::cpu
#endif
