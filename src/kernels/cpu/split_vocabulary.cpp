#include "kernels/split_vocabulary.h"

#include <cmath>
#include <limits>

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/split_vocabulary.cpp"
#include <hwy/foreach_target.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {
namespace {

constexpr float kLow = -std::numeric_limits<float>::infinity();

template <class T>
void maxima_of(float* maxima, ConstTensor logits) {
  for (std::int64_t t = 0; t < logits.dim(0); ++t) {
    const T* const x = row<T>(logits, t);
    F32 highest = all(kLow);
    each_vector(logits.dim(1), [&](std::int64_t i, auto lanes) HWY_ATTR { highest = hn::Max(highest, load_or(x + i, lanes, kLow)); });
    maxima[t] = maximum(highest);
  }
}
void maxima_rows(float* maxima, ConstTensor logits) {
  with_element(logits.dtype(), [&](auto element) HWY_ATTR { maxima_of<decltype(element)>(maxima, logits); });
}

template <class T>
void sums_of(float* exponentials, float* of_targets, ConstTensor logits, const float* maxima, const std::int32_t* targets) {
  for (std::int64_t t = 0; t < logits.dim(0); ++t) {
    const T* const x = row<T>(logits, t);
    const F32 shift = all(maxima[t]);
    exponentials[t] = sum_over(
        logits.dim(1), [&](std::int64_t i, auto lanes, F32 sum) HWY_ATTR { return sum + exp(load_or(x + i, lanes, kLow) - shift); });
    of_targets[t] = targets[t] < 0 ? 0 : at(x + targets[t]) - maxima[t];
  }
}
void sums_rows(float* exponentials, float* of_targets, ConstTensor logits, const float* maxima, const std::int32_t* targets) {
  with_element(logits.dtype(),
               [&](auto element) HWY_ATTR { sums_of<decltype(element)>(exponentials, of_targets, logits, maxima, targets); });
}

template <class T>
void gradient_of(Tensor logits, const float* maxima, const float* sums, const std::int32_t* targets, const std::int32_t* part_targets,
                 float grad_scale) {
  for (std::int64_t t = 0; t < logits.dim(0); ++t) {
    T* const x = row<T>(logits, t);
    const F32 shift = all(maxima[t]), scale = all(targets[t] < 0 ? 0 : grad_scale / sums[t]);
    const float of_target = part_targets[t] < 0 ? 0 : at(x + part_targets[t]);
    each_vector(logits.dim(1), [&](std::int64_t i, auto lanes) HWY_ATTR {
      store(x + i, targets[t] < 0 ? zero() : exp(load_or(x + i, lanes, kLow) - shift) * scale, lanes);
    });
    if (part_targets[t] < 0 || targets[t] < 0) continue;
    const F32 corrected = (exp(all(of_target) - shift) - all(sums[t])) * scale;
    store(x + part_targets[t], corrected, Part{1});
  }
}
void gradient_rows(Tensor logits, const float* maxima, const float* sums, const std::int32_t* targets, const std::int32_t* part_targets,
                   float grad_scale) {
  with_element(logits.dtype(), [&](auto element) HWY_ATTR {
    gradient_of<decltype(element)>(logits, maxima, sums, targets, part_targets, grad_scale);
  });
}

}  // namespace
}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {
namespace {
HWY_EXPORT(maxima_rows);
HWY_EXPORT(sums_rows);
HWY_EXPORT(gradient_rows);

std::int64_t row_bytes(ConstTensor logits) { return logits.dim(1) * size_of(logits.dtype()); }

}  // namespace

void ids_within(Stream&, Tensor part, ConstTensor ids, std::int64_t begin, std::int64_t end) {
  const std::int32_t* const from = ids.data<std::int32_t>();
  std::int32_t* const to = part.data<std::int32_t>();
  for (std::int64_t t = 0; t < ids.count(); ++t)
    to[t] = begin <= from[t] && from[t] < end ? static_cast<std::int32_t>(from[t] - begin) : -1;
}

void split_maxima(Stream&, Tensor maxima, ConstTensor logits) {
  parallel_items(logits.dim(0), row_bytes(logits), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(maxima_rows)(maxima.data<float>() + begin, logits.rows(begin, end));
  });
}

void split_sums(Stream&, Tensor sums, ConstTensor logits, ConstTensor maxima, ConstTensor part_targets) {
  float* const of_targets = sums.data<float>() + logits.dim(0);
  parallel_items(logits.dim(0), row_bytes(logits), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(sums_rows)
    (sums.data<float>() + begin, of_targets + begin, logits.rows(begin, end), maxima.data<float>() + begin,
     part_targets.data<std::int32_t>() + begin);
  });
}

void split_losses(Stream&, Tensor losses, ConstTensor sums, ConstTensor targets) {
  const std::int64_t tokens = targets.count();
  const float* const s = sums.data<float>();
  for (std::int64_t t = 0; t < tokens; ++t)
    losses.data<float>()[t] = targets.data<std::int32_t>()[t] < 0 ? 0 : std::log(s[t]) - s[tokens + t];
}

void split_gradient(Stream&, Tensor logits, ConstTensor maxima, ConstTensor sums, ConstTensor targets, ConstTensor part_targets,
                    float grad_scale) {
  parallel_items(logits.dim(0), 2 * row_bytes(logits), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gradient_rows)
    (logits.rows(begin, end), maxima.data<float>() + begin, sums.data<float>() + begin, targets.data<std::int32_t>() + begin,
     part_targets.data<std::int32_t>() + begin, grad_scale);
  });
}

}  // namespace corollary::cpu
#endif  // HWY_ONCE
