#include "kernels/rmsnorm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rmsnorm.cpp"
#include <hwy/foreach_target.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {
namespace {

// Traffic per token: each argument once; a row of x stays in L1 between the sum and the scaling.
template <class T>
void scale_row(T* y, const T* x, const T* w, float r, std::int64_t n) {
  const F32 scale = all(r);
  each_vector(n,
              [&](std::int64_t i, auto lanes) HWY_ATTR { store(y + i, load(x + i, lanes) * scale * load(w + i, lanes), lanes); });
}

template <class T>
void forward(Tensor y, float* rstd, ConstTensor x, const T* w, float eps) {
  const std::int64_t n = x.dim(1);
  for (std::int64_t t = 0; t < x.dim(0); ++t) {
    const T* const in = row<T>(x, t);
    const float sum_sq = sum_over(n, [&](std::int64_t i, auto lanes, F32 sum) HWY_ATTR {
      const F32 v = load(in + i, lanes);
      return hn::MulAdd(v, v, sum);
    });
    rstd[t] = 1 / std::sqrt(sum_sq / static_cast<float>(n) + eps);
    scale_row(row<T>(y, t), in, w, rstd[t], n);
  }
}
void rmsnorm_rows(Tensor y, float* rstd, ConstTensor x, const void* w, float eps) {
  with_element(x.dtype(), [&](auto element) HWY_ATTR { forward(y, rstd, x, static_cast<const decltype(element)*>(w), eps); });
}

template <class T>
void add_forward(Tensor sum, Tensor y, float* rstd, ConstTensor x, ConstTensor delta, const T* w, float eps) {
  const std::int64_t n = sum.dim(1);
  for (std::int64_t t = 0; t < sum.dim(0); ++t) {
    T* const out = row<T>(sum, t);
    const T* const in = row<T>(x, t);
    const T* const added = row<T>(delta, t);
    const float sum_sq = sum_over(n, [&](std::int64_t i, auto lanes, F32 total) HWY_ATTR {
      const F32 v = rounded<T>(load(in + i, lanes) + load(added + i, lanes));  // the norm is of what is stored
      store(out + i, v, lanes);
      return hn::MulAdd(v, v, total);
    });
    rstd[t] = 1 / std::sqrt(sum_sq / static_cast<float>(n) + eps);
    scale_row(row<T>(y, t), static_cast<const T*>(out), w, rstd[t], n);
  }
}
void add_rmsnorm_rows(Tensor sum, Tensor y, float* rstd, ConstTensor x, ConstTensor delta, const void* w, float eps) {
  with_element(sum.dtype(),
               [&](auto element) HWY_ATTR { add_forward(sum, y, rstd, x, delta, static_cast<const decltype(element)*>(w), eps); });
}

// With r = rstd and g = dy w:   dx += r g - x r^3 mean(g x),   dw += dy x r.
template <class T>
void backward(Tensor dx, float* dw, Tensor y, ConstTensor dy, ConstTensor x, const T* w, const float* rstd) {
  const std::int64_t n = x.dim(1);
  for (std::int64_t t = 0; t < x.dim(0); ++t) {
    T* const d_in = row<T>(dx, t);
    const T *const d_out = row<T>(dy, t), *const in = row<T>(x, t);
    const float dot = sum_over(n, [&](std::int64_t i, auto lanes, F32 sum) HWY_ATTR {
      return hn::MulAdd(load(d_out + i, lanes) * load(w + i, lanes), load(in + i, lanes), sum);
    });
    const F32 r = all(rstd[t]), along_x = all(rstd[t] * rstd[t] * rstd[t] * (dot / static_cast<float>(n)));
    each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR {
      const F32 dy_r = load(d_out + i, lanes) * r, v = load(in + i, lanes);
      const F32 gradient = hn::NegMulAdd(v, along_x, dy_r * load(w + i, lanes));
      store(d_in + i, load(d_in + i, lanes) + gradient, lanes);
      store(dw + i, hn::MulAdd(dy_r, v, load(dw + i, lanes)), lanes);
    });
    if (!y) continue;
    T* const out = row<T>(y, t);
    each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR { store(out + i, load(in + i, lanes) * r * load(w + i, lanes), lanes); });
  }
}
void rmsnorm_backward_rows(Tensor dx, float* dw, Tensor y, ConstTensor dy, ConstTensor x, const void* w, const float* rstd) {
  with_element(x.dtype(), [&](auto element) HWY_ATTR { backward(dx, dw, y, dy, x, static_cast<const decltype(element)*>(w), rstd); });
}

void add_rows(float* total, const float* rows, std::int64_t num_rows, std::int64_t stride, std::int64_t n) {
  each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR {
    F32 sum = zero();
    for (std::int64_t row = 0; row < num_rows; ++row) sum = sum + load(rows + row * stride + i, lanes);
    store(total + i, load(total + i, lanes) + sum, lanes);
  });
}

}  // namespace
}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {
namespace {
HWY_EXPORT(rmsnorm_rows);
HWY_EXPORT(add_rmsnorm_rows);
HWY_EXPORT(rmsnorm_backward_rows);
HWY_EXPORT(add_rows);
}  // namespace

void rmsnorm_forward(Stream&, Tensor y, Tensor rstd, ConstTensor x, ConstTensor w, float eps) {
  parallel_items(x.dim(0), 2 * x.dim(1) * size_of(x.dtype()), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(rmsnorm_rows)(y.rows(begin, end), rstd.data<float>() + begin, x.rows(begin, end), w.raw(), eps);
  });
}

void add_rmsnorm_forward(Stream&, Tensor sum, Tensor y, Tensor rstd, ConstTensor x, ConstTensor delta, ConstTensor w, float eps) {
  parallel_items(x.dim(0), 4 * x.dim(1) * size_of(x.dtype()), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(add_rmsnorm_rows)
    (sum.rows(begin, end), y.rows(begin, end), rstd.data<float>() + begin, x.rows(begin, end), delta.rows(begin, end), w.raw(),
     eps);
  });
}

// dw is summed over blocks of 64 tokens, then over blocks: the same order, hence the same bits, for any thread count.
void rmsnorm_backward(Stream&, Tensor dx, Tensor dw, Tensor y, ConstTensor dy, ConstTensor x, ConstTensor w, ConstTensor rstd) {
  constexpr std::int64_t kBlock = 64;
  const std::int64_t tokens = x.dim(0), n = x.dim(1), blocks = (tokens + kBlock - 1) / kBlock;
  const std::int64_t stride = (n + 15) / 16 * 16;  // a cache line belongs to one block
  std::vector<float> sums(static_cast<std::size_t>(blocks * stride));
  parallel_items(blocks, 4 * kBlock * n * size_of(x.dtype()), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      const std::int64_t begin = block * kBlock, end = std::min(tokens, begin + kBlock);
      HWY_DYNAMIC_DISPATCH(rmsnorm_backward_rows)
      (dx.rows(begin, end), sums.data() + block * stride, y ? y.rows(begin, end) : y, dy.rows(begin, end), x.rows(begin, end), w.raw(),
       rstd.data<float>() + begin);
    }
  });
  parallel_items((n + 15) / 16, 16 * blocks * 4, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(add_rows)
    (dw.data<float>() + begin * 16, sums.data() + begin * 16, blocks, stride, std::min(end * 16, n) - begin * 16);
  });
}

}  // namespace corollary::cpu
#endif  // HWY_ONCE
