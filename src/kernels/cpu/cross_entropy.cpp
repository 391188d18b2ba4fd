#include "kernels/cross_entropy.h"

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/cross_entropy.cpp"
#include <hwy/foreach_target.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {
namespace {

template <class T>
float row_maximum(const T* x, std::int64_t n) {
  constexpr float kLow = -std::numeric_limits<float>::infinity();
  F32 max0 = all(kLow), max1 = max0, max2 = max0, max3 = max0;
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    max0 = hn::Max(max0, load(x + i));
    max1 = hn::Max(max1, load(x + i + kLanes));
    max2 = hn::Max(max2, load(x + i + 2 * kLanes));
    max3 = hn::Max(max3, load(x + i + 3 * kLanes));
  }
  each_vector(n - i, [&](std::int64_t j, auto lanes) HWY_ATTR { max0 = hn::Max(max0, load_or(x + i + j, lanes, kLow)); });
  return maximum(hn::Max(hn::Max(max0, max1), hn::Max(max2, max3)));
}

// A row is read from memory once: its maximum, then the sum of exponentials, both while it lies in L1 or L2.
template <class T>
void forward(float* loss, ConstTensor logits, const std::int32_t* targets) {
  const std::int64_t n = logits.dim(1);
  for (std::int64_t t = 0; t < logits.dim(0); ++t) {
    loss[t] = 0;
    if (targets[t] < 0) continue;
    const T* const x = row<T>(logits, t);
    const float highest = row_maximum(x, n);
    const F32 shift = all(highest);
    const float total = sum_over(n, [&](std::int64_t i, auto lanes, F32 sum) HWY_ATTR {
      return sum + exp(load_or(x + i, lanes, -std::numeric_limits<float>::infinity()) - shift);
    });
    loss[t] = std::log(total) + (highest - at(x + targets[t]));
  }
}
void cross_entropy_rows(float* loss, ConstTensor logits, const std::int32_t* targets) {
  with_element(logits.dtype(), [&](auto element) HWY_ATTR { forward<decltype(element)>(loss, logits, targets); });
}

// As above, and the exponentials are kept in `e` [vocab_size], to be scaled once their sum is known: one exponential a logit.
template <class T>
void backward(Tensor logits, float* loss, const std::int32_t* targets, float grad_scale, float* e) {
  const std::int64_t n = logits.dim(1);
  for (std::int64_t t = 0; t < logits.dim(0); ++t) {
    T* const x = row<T>(logits, t);
    loss[t] = 0;
    if (targets[t] < 0) {
      each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR { store(x + i, zero(), lanes); });
      continue;
    }
    const float highest = row_maximum(x, n);
    const F32 shift = all(highest);
    const float total = sum_over(n, [&](std::int64_t i, auto lanes, F32 sum) HWY_ATTR {
      const F32 e_i = exp(load_or(x + i, lanes, -std::numeric_limits<float>::infinity()) - shift);
      store(e + i, e_i, lanes);
      return sum + e_i;
    });
    loss[t] = std::log(total) + (highest - at(x + targets[t]));
    e[targets[t]] -= total;
    const F32 scale = all(grad_scale / total);
    each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR { store(x + i, load(e + i, lanes) * scale, lanes); });
  }
}
void cross_entropy_backward_rows(Tensor logits, float* loss, const std::int32_t* targets, float grad_scale, float* e) {
  with_element(logits.dtype(), [&](auto element) HWY_ATTR { backward<decltype(element)>(logits, loss, targets, grad_scale, e); });
}

}  // namespace
}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {
namespace {
HWY_EXPORT(cross_entropy_rows);
HWY_EXPORT(cross_entropy_backward_rows);
}  // namespace

void cross_entropy_forward(Stream&, Tensor loss, ConstTensor logits, ConstTensor targets) {
  parallel_items(logits.dim(0), logits.dim(1) * size_of(logits.dtype()), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(cross_entropy_rows)
    (loss.data<float>() + begin, logits.rows(begin, end), targets.data<std::int32_t>() + begin);
  });
}

void cross_entropy_backward(Stream&, Tensor logits, Tensor loss, ConstTensor targets, float grad_scale) {
  parallel_items(logits.dim(0), 2 * logits.dim(1) * size_of(logits.dtype()), [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> exponentials(static_cast<std::size_t>(logits.dim(1)));
    HWY_DYNAMIC_DISPATCH(cross_entropy_backward_rows)
    (logits.rows(begin, end), loss.data<float>() + begin, targets.data<std::int32_t>() + begin, grad_scale, exponentials.data());
  });
}

}  // namespace corollary::cpu
#endif  // HWY_ONCE
