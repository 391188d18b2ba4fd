#include "kernels/scaled_add.h"

#include "kernels/cpu/parallel.h"

namespace corollary::cpu {
namespace {

float narrowed(float value, float) { return value; }
bf16 narrowed(float value, bf16) { return to_bf16(value); }

/// f(y[t,i], x[t,i]) -> y[t,i] for all elements.
template <class T, class F>
void each_element(Tensor y, ConstTensor x, const F& f) {
  const std::int64_t n = y.dim(1);
  parallel_items(y.dim(0), 3 * n * size_of(y.dtype()), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      T* const out = y.data<T>() + t * y.row_stride();
      const T* const in = x.data<T>() + t * x.row_stride();
      for (std::int64_t i = 0; i < n; ++i) out[i] = narrowed(f(to_float(out[i]), to_float(in[i])), T{});
    }
  });
}

template <class F>
void each_element_of_any(Tensor y, ConstTensor x, const F& f) {
  if (y.dtype() == DType::f32) return each_element<float>(y, x, f);
  each_element<bf16>(y, x, f);
}

}  // namespace

void scaled_add(Stream&, Tensor y, ConstTensor x, float scale) {
  each_element_of_any(y, x, [scale](float a, float b) { return a + scale * b; });
}

void scaled(Stream&, Tensor x, float scale) {
  each_element_of_any(x, x, [scale](float a, float) { return scale * a; });
}

}  // namespace corollary::cpu
