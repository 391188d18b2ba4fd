#include "kernels/rope.h"

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rope.cpp"
#include <hwy/foreach_target.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {
namespace {

// The cosines and sines of a position serve all its heads from L1; x is read and written once.
template <class T>
void rotate(Tensor x, const std::int32_t* positions, const float* cosines, const float* sines, std::int64_t half,
            std::int64_t heads, float direction) {
  const F32 sign = all(direction);
  for (std::int64_t t = 0; t < x.dim(0); ++t) {
    const float *const cos = cosines + positions[t] * half, *const sin = sines + positions[t] * half;
    for (std::int64_t head = 0; head < heads; ++head) {
      T *const low = row<T>(x, t) + head * 2 * half, *const high = low + half;
      each_vector(half, [&](std::int64_t i, auto lanes) HWY_ATTR {
        const F32 c = load(cos + i, lanes), s = load(sin + i, lanes) * sign;
        const F32 a = load(low + i, lanes), b = load(high + i, lanes);
        store(low + i, a * c - b * s, lanes);
        store(high + i, b * c + a * s, lanes);
      });
    }
  }
}
void rope_rows(Tensor x, const std::int32_t* positions, const float* cosines, const float* sines, std::int64_t half,
               std::int64_t heads, float direction) {
  with_element(x.dtype(),
               [&](auto element) HWY_ATTR { rotate<decltype(element)>(x, positions, cosines, sines, half, heads, direction); });
}

}  // namespace
}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {
namespace {
HWY_EXPORT(rope_rows);
}  // namespace

void rope(Stream&, Tensor x, ConstTensor positions, ConstTensor table, std::int64_t num_rotated_heads, bool inverse) {
  const std::int64_t half = table.dim(2);
  const float* const cosines = table.data<float>();
  const float* const sines = cosines + table.dim(1) * half;
  parallel_items(x.dim(0), 2 * num_rotated_heads * 2 * half * size_of(x.dtype()), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(rope_rows)
    (x.rows(begin, end), positions.data<std::int32_t>() + begin, cosines, sines, half, num_rotated_heads, inverse ? -1.0f : 1.0f);
  });
}

}  // namespace corollary::cpu
#endif  // HWY_ONCE
