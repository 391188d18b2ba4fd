#include "kernels/cpu/attention_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention_rows.cpp"
#include <hwy/foreach_target.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {
namespace {

constexpr float kUnseen = -3e38f;  // e^kUnseen is 0

template <class T>
void clear(T* p, std::int64_t from, std::int64_t to) {
  if (from < to) std::memset(static_cast<void*>(p + from), 0, static_cast<std::size_t>(to - from) * sizeof(T));
}

/// The columns that row r sees.
struct Seen {
  std::int64_t begin, end;
  Seen(const ScoreBlock& block, std::int64_t r)
      : begin(block.starts == nullptr ? 0 : block.starts[r] - block.first_key),
        end(std::min(block.columns, block.first - block.first_key + r + 1)) {}
  std::int64_t count() const { return end - begin; }
};

template <class T>
void softmax(T* p, float* lse, float* s, const ScoreBlock& block) {
  const F32 scale = all(block.scale);
  for (std::int64_t r = 0; r < block.rows; ++r, s += block.row_step, p += block.row_step) {
    const Seen seen(block, r);
    float* const weights = s + seen.begin;
    const float* const scores = weights;
    F32 most = all(kUnseen);
    each_vector(seen.count(),
                [&](std::int64_t i, auto lanes) HWY_ATTR { most = hn::Max(most, load_or(scores + i, lanes, kUnseen)); });
    const float top = maximum(most) * block.scale;
    const float total = sum_over(seen.count(), [&](std::int64_t i, auto lanes, F32 sum) HWY_ATTR {
      const F32 e = exp(hn::MulSub(load_or(scores + i, lanes, kUnseen), scale, all(top)));
      store(weights + i, e, lanes);
      return sum + e;
    });
    lse[r] = top + std::log(total);
    const F32 factor = all(1.0f / total);
    T* const out = p + seen.begin;
    each_vector(seen.count(),
                [&](std::int64_t i, auto lanes) HWY_ATTR { store(out + i, load(scores + i, lanes) * factor, lanes); });
    clear(p, 0, seen.begin);
    clear(p, seen.end, block.columns);
  }
}
void softmax_block(void* p, float* lse, float* s, const ScoreBlock& block) {
  with_element(block.dtype, [&](auto element) HWY_ATTR { softmax(static_cast<decltype(element)*>(p), lse, s, block); });
}

template <class T>
void softmax_again(T* p, const float* lse, const float* s, const ScoreBlock& block) {
  const F32 scale = all(block.scale);
  for (std::int64_t r = 0; r < block.rows; ++r, s += block.row_step, p += block.row_step) {
    const Seen seen(block, r);
    const float* const scores = s + seen.begin;
    T* const out = p + seen.begin;
    each_vector(seen.count(), [&](std::int64_t i, auto lanes) HWY_ATTR {
      store(out + i, exp(hn::MulSub(load(scores + i, lanes), scale, all(lse[r]))), lanes);
    });
    clear(p, 0, seen.begin);
    clear(p, seen.end, block.columns);
  }
}
void softmax_again_block(void* p, const float* lse, const float* s, const ScoreBlock& block) {
  with_element(block.dtype, [&](auto element) HWY_ATTR { softmax_again(static_cast<decltype(element)*>(p), lse, s, block); });
}

template <class T>
void softmax_backward(T* ds, const T* p, const float* dp, const float* d, const ScoreBlock& block) {
  const F32 scale = all(block.scale);
  for (std::int64_t r = 0; r < block.rows; ++r, ds += block.row_step, p += block.row_step, dp += block.row_step)
    each_vector(block.columns, [&](std::int64_t i, auto lanes) HWY_ATTR {
      store(ds + i, load(p + i, lanes) * scale * (load(dp + i, lanes) - all(d[r])), lanes);
    });
}
void softmax_backward_block(void* ds, const void* p, const float* dp, const float* d, const ScoreBlock& block) {
  with_element(block.dtype, [&](auto element) HWY_ATTR {
    using T = decltype(element);
    softmax_backward(static_cast<T*>(ds), static_cast<const T*>(p), dp, d, block);
  });
}

template <class T>
float dot_row(const T* a, const T* b, std::int64_t n) {
  return sum_over(
      n, [&](std::int64_t i, auto lanes, F32 sum) HWY_ATTR { return hn::MulAdd(load(a + i, lanes), load(b + i, lanes), sum); });
}
float dot_elements(const void* a, const void* b, std::int64_t n, DType dtype) {
  float result = 0;
  with_element(dtype, [&](auto element) HWY_ATTR {
    using T = decltype(element);
    result = dot_row(static_cast<const T*>(a), static_cast<const T*>(b), n);
  });
  return result;
}

void round_elements(void* y, const float* x, std::int64_t n, DType dtype) {
  with_element(dtype, [&](auto element) HWY_ATTR {
    auto* const to = static_cast<decltype(element)*>(y);
    each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR { store(to + i, load(x + i, lanes), lanes); });
  });
}

}  // namespace
}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {
namespace {
HWY_EXPORT(softmax_block);
HWY_EXPORT(softmax_again_block);
HWY_EXPORT(softmax_backward_block);
HWY_EXPORT(dot_elements);
HWY_EXPORT(round_elements);
}  // namespace

void softmax_rows(void* p, float* lse, float* s, const ScoreBlock& block) { HWY_DYNAMIC_DISPATCH(softmax_block)(p, lse, s, block); }
void softmax_rows_again(void* p, const float* lse, const float* s, const ScoreBlock& block) {
  HWY_DYNAMIC_DISPATCH(softmax_again_block)(p, lse, s, block);
}
void softmax_rows_backward(void* ds, const void* p, const float* dp, const float* d, const ScoreBlock& block) {
  HWY_DYNAMIC_DISPATCH(softmax_backward_block)(ds, p, dp, d, block);
}
float dot(const void* a, const void* b, std::int64_t n, DType dtype) { return HWY_DYNAMIC_DISPATCH(dot_elements)(a, b, n, dtype); }
void store_rounded(void* y, const float* x, std::int64_t n, DType dtype) { HWY_DYNAMIC_DISPATCH(round_elements)(y, x, n, dtype); }

}  // namespace corollary::cpu
#endif  // HWY_ONCE
