#include "kernels/swiglu.h"

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/swiglu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {
namespace {

/// e^-g, at most e^87: the sigmoid of -87, 1.6e-38, stands for all below.
HWY_INLINE F32 exp_minus(F32 g) { return exp(hn::Min(zero() - g, all(87.0f))); }

template <class T>
void forward(Tensor y, ConstTensor gate_up) {
  const std::int64_t n = y.dim(1);
  for (std::int64_t t = 0; t < y.dim(0); ++t) {
    T* const out = row<T>(y, t);
    const T *const gate = row<T>(gate_up, t), *const up = gate + n;
    each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR {
      const F32 g = load(gate + i, lanes);
      store(out + i, g * reciprocal(all(1.0f) + exp_minus(g)) * load(up + i, lanes), lanes);
    });
  }
}
void swiglu_rows(Tensor y, ConstTensor gate_up) {
  with_element(y.dtype(), [&](auto element) HWY_ATTR { forward<decltype(element)>(y, gate_up); });
}

// With s = sigmoid(g):   dg = dy u s (1 + g (1 - s)),   du = dy g s.   1 - s is e^-g s, which keeps its digits where s is near 1.
// All is read before any is written, so that outputs may lie on inputs.
template <class T, bool kWithY>
void backward(Tensor d_gate_up, Tensor y, ConstTensor dy, ConstTensor gate_up) {
  const std::int64_t n = dy.dim(1);
  for (std::int64_t t = 0; t < dy.dim(0); ++t) {
    T *const d_gate = row<T>(d_gate_up, t), *const d_up = d_gate + n;
    const T *const gate = row<T>(gate_up, t), *const up = gate + n, *const d_out = row<T>(dy, t);
    T* const out = kWithY ? row<T>(y, t) : nullptr;
    each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR {
      const F32 g = load(gate + i, lanes), u = load(up + i, lanes), d = load(d_out + i, lanes);
      const F32 e = exp_minus(g), s = reciprocal(all(1.0f) + e), silu = g * s;
      store(d_gate + i, d * u * hn::MulAdd(silu, e * s, s), lanes);
      store(d_up + i, d * silu, lanes);
      if constexpr (kWithY) store(out + i, silu * u, lanes);
    });
  }
}
void swiglu_backward_rows(Tensor d_gate_up, Tensor y, ConstTensor dy, ConstTensor gate_up) {
  with_element(dy.dtype(), [&](auto element) HWY_ATTR {
    y ? backward<decltype(element), true>(d_gate_up, y, dy, gate_up)
      : backward<decltype(element), false>(d_gate_up, y, dy, gate_up);
  });
}

}  // namespace
}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {
namespace {
HWY_EXPORT(swiglu_rows);
HWY_EXPORT(swiglu_backward_rows);
}  // namespace

void swiglu_forward(Stream&, Tensor y, ConstTensor gate_up) {
  parallel_items(y.dim(0), 3 * y.dim(1) * size_of(y.dtype()), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(swiglu_rows)(y.rows(begin, end), gate_up.rows(begin, end));
  });
}

void swiglu_backward(Stream&, Tensor d_gate_up, Tensor y, ConstTensor dy, ConstTensor gate_up) {
  parallel_items(dy.dim(0), 6 * dy.dim(1) * size_of(dy.dtype()), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(swiglu_backward_rows)
    (d_gate_up.rows(begin, end), y ? y.rows(begin, end) : y, dy.rows(begin, end), gate_up.rows(begin, end));
  });
}

}  // namespace corollary::cpu
#endif  // HWY_ONCE
