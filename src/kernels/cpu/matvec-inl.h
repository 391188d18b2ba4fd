// Products of matrix rows with one vector, for the kernels of a single token. Included like simd-inl.h, once per instruction set.
#if defined(COROLLARY_KERNELS_CPU_MATVEC_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COROLLARY_KERNELS_CPU_MATVEC_INL_H_
#undef COROLLARY_KERNELS_CPU_MATVEC_INL_H_
#else
#define COROLLARY_KERNELS_CPU_MATVEC_INL_H_
#endif

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {

// Four rows at once share the loads of x and hide the latency of one another's additions. Each row has one vector of partial sums,
// so its result does not depend on which rows stand beside it.
template <int kRows, class W>
HWY_INLINE void some_dots(float* y, const W* w, std::int64_t row_stride, const float* x, std::int64_t n) {
  F32 sums[kRows];
  for (F32& s : sums) s = zero();
  each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR {
    const F32 v = load(x + i, lanes);
    for (int r = 0; r < kRows; ++r) sums[r] = hn::MulAdd(load(w + r * row_stride + i, lanes), v, sums[r]);
  });
  for (int r = 0; r < kRows; ++r) y[r] = sum(sums[r]);
}

/// y[r] = w[r,:] . x      w [rows, n], rows `row_stride` apart
template <class W>
HWY_INLINE void row_dots(float* y, const W* w, std::int64_t row_stride, std::int64_t rows, const float* x, std::int64_t n) {
  std::int64_t r = 0;
  for (; r + 4 <= rows; r += 4) some_dots<4>(y + r, w + r * row_stride, row_stride, x, n);
  for (; r < rows; ++r) some_dots<1>(y + r, w + r * row_stride, row_stride, x, n);
}

}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // guard, toggled per instruction set
