#include <algorithm>
#include <vector>

#include "kernels/attention.h"
#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention_decode.cpp"
#include <hwy/foreach_target.h>

#include "kernels/cpu/matvec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {

/// scores[u] becomes exp(scale scores[u] - max); returns their sum.
float softmax_weights(float* scores, std::int64_t n, float scale) {
  const F32 scaling = all(scale);
  F32 most = all(-3e38f);
  each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR {
    const F32 s = load_or(static_cast<const float*>(scores) + i, lanes, 0.0f) * scaling;
    store(scores + i, s, lanes);
    most = hn::Max(most, load_or(static_cast<const float*>(scores) + i, lanes, -3e38f));
  });
  const F32 top = all(maximum(most));
  return sum_over(n, [&](std::int64_t i, auto lanes, F32 total) HWY_ATTR {
    const F32 e = exp(load_or(static_cast<const float*>(scores) + i, lanes, -3e38f) - top);
    store(scores + i, e, lanes);
    return total + e;  // lanes past the end are exp(-large) = 0
  });
}

/// o[0..kVectors * kLanes) = factor * sum_u p[u] v[u], the partial sums in registers all along.
template <int kVectors, class T, class Lanes>
HWY_INLINE void weighted_sum(T* o, const T* v, std::int64_t stride, const float* p, std::int64_t length, float factor,
                             Lanes lanes) {
  F32 sums[kVectors];
  for (F32& s : sums) s = zero();
  for (std::int64_t u = 0; u < length; ++u) {
    const F32 weight = all(p[u]);
    for (int k = 0; k < kVectors; ++k) sums[k] = hn::MulAdd(weight, load(v + u * stride + k * kLanes, lanes), sums[k]);
  }
  for (int k = 0; k < kVectors; ++k) store(o + k * kLanes, sums[k] * all(factor), lanes);
}

// Traffic: the head's keys and values once each, from cache again for the other query heads of the group.
template <class T>
void one_head(T* o, const T* q, const T* keys, std::int64_t key_stride, const T* values, std::int64_t value_stride,
              std::int64_t length, std::int64_t head_dim, float scale, float* scratch) {
  float *const query = scratch, *const p = scratch + head_dim;
  each_vector(head_dim, [&](std::int64_t i, auto lanes) HWY_ATTR { store(query + i, load(q + i, lanes), lanes); });
  row_dots(p, keys, key_stride, length, query, head_dim);
  const float factor = 1 / softmax_weights(p, length, scale);
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= head_dim; i += 4 * kLanes) weighted_sum<4>(o + i, values + i, value_stride, p, length, factor, Whole{});
  for (; i + kLanes <= head_dim; i += kLanes) weighted_sum<1>(o + i, values + i, value_stride, p, length, factor, Whole{});
  if (i < head_dim) weighted_sum<1>(o + i, values + i, value_stride, p, length, factor, Part{head_dim - i});
}

template <class T>
void heads_of(Tensor o, ConstTensor q, ConstTensor keys, ConstTensor values, const AttentionShape& s, std::int64_t begin,
              std::int64_t end, float* scratch) {
  for (std::int64_t h = begin; h < end; ++h) {
    const std::int64_t from = h / (s.num_heads / s.num_kv_heads) * s.head_dim;
    one_head(static_cast<T*>(o.raw()) + h * s.head_dim, static_cast<const T*>(q.raw()) + h * s.head_dim,
             static_cast<const T*>(keys.raw()) + from, keys.row_stride(), static_cast<const T*>(values.raw()) + from,
             values.row_stride(), keys.dim(0), s.head_dim, s.scale, scratch);
  }
}
void decode_heads(Tensor o, ConstTensor q, ConstTensor keys, ConstTensor values, const AttentionShape& s, std::int64_t begin,
                  std::int64_t end, float* scratch) {
  q.dtype() == DType::bf16 ? heads_of<bf16>(o, q, keys, values, s, begin, end, scratch)
                           : heads_of<float>(o, q, keys, values, s, begin, end, scratch);
}

}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {
namespace {
HWY_EXPORT(decode_heads);
}  // namespace

void attention_decode(Stream&, Tensor o, ConstTensor q, ConstTensor keys, ConstTensor values, const AttentionShape& s) {
  const std::int64_t length = keys.dim(0);
  parallel_items(s.num_heads, 2 * length * s.head_dim * size_of(q.dtype()), [&](std::int64_t begin, std::int64_t end) {
    thread_local std::vector<float> scratch;
    scratch.resize(static_cast<std::size_t>(length + s.head_dim));
    HWY_DYNAMIC_DISPATCH(decode_heads)(o, q, keys, values, s, begin, end, scratch.data());
  });
}

}  // namespace corollary::cpu
#endif  // HWY_ONCE
