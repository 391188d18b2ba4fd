#include "kernels/adamw.h"

#include <cmath>
#include <vector>

#include "kernels/adamw_rule.h"
#include "kernels/cpu/parallel.h"
#include "kernels/weight_bits.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/adamw.cpp"
#include <hwy/foreach_target.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {
namespace {

// Reads gradient, master, m, v and writes the last three (and the bf16 weights): memory sets the pace, the root and the quotient
// hide behind it.
template <bool kWithWeights>
void adamw_run(bf16* weights, float* master, float* m, float* v, const float* gradient, std::int64_t n, const AdamWRule& rule) {
  const F32 beta1 = all(rule.beta1), beta2 = all(rule.beta2), rest1 = all(rule.rest1), rest2 = all(rule.rest2);
  const F32 gradient_scale = all(rule.gradient_scale), eps = all(rule.eps), step_size = all(rule.step_size);
  const F32 decay = all(rule.decay), root_scale = all(rule.root_scale);
  each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR {
    const F32 g = load(gradient + i, lanes) * gradient_scale;
    const F32 new_m = hn::MulAdd(beta1, load(m + i, lanes), rest1 * g);
    const F32 new_v = hn::MulAdd(beta2, load(v + i, lanes), rest2 * g * g);
    const F32 w = load(master + i, lanes);
    const F32 update = step_size * new_m / hn::MulAdd(hn::Sqrt(new_v), root_scale, eps);
    const F32 new_w = w - hn::MulAdd(decay, w, update);
    store(m + i, new_m, lanes);
    store(v + i, new_v, lanes);
    store(master + i, new_w, lanes);
    if constexpr (kWithWeights) store_narrow(weights + i, narrow_exactly(new_w), lanes);
  });
}
void adamw_piece(bf16* weights, float* master, float* m, float* v, const float* gradient, std::int64_t n, const AdamWRule& rule) {
  weights ? adamw_run<true>(weights, master, m, v, gradient, n, rule) : adamw_run<false>(weights, master, m, v, gradient, n, rule);
}

/// adamw_run on masters that live in L1 only: master = read(i), then write(i, master).
template <class Read, class Write>
void adamw_through(Read read, Write write, float* m, float* v, const float* gradient, std::int64_t n, const AdamWRule& rule) {
  constexpr std::int64_t kStep = 1024;
  HWY_ALIGN float master[kStep];
  for (std::int64_t begin = 0; begin < n; begin += kStep) {
    const std::int64_t count = HWY_MIN(kStep, n - begin);
    for (std::int64_t i = 0; i < count; ++i) master[i] = read(begin + i);
    adamw_run<false>(nullptr, master, m + begin, v + begin, gradient + begin, count, rule);
    for (std::int64_t i = 0; i < count; ++i) write(begin + i, master[i]);
  }
}
void adamw_split_piece(bf16* weights, std::uint16_t* remainder, float* m, float* v, const float* gradient, std::int64_t n,
                       const AdamWRule& rule) {
  adamw_through(
      [&](std::int64_t i) {
        return join_float({weights[i], remainder[i]});
      },
      [&](std::int64_t i, float value) {
        const SplitFloat split = split_float(value);
        weights[i] = split.weight, remainder[i] = split.remainder;
      },
      m, v, gradient, n, rule);
}
void adamw_stochastic_piece(bf16* weights, float* m, float* v, const float* gradient, std::int64_t n, const AdamWRule& rule,
                            std::uint64_t key, std::int64_t first_index) {
  adamw_through([&](std::int64_t i) { return to_float(weights[i]); },
                [&](std::int64_t i, float value) {
                  weights[i] = round_stochastically(value, rounding_bits(key, static_cast<std::uint64_t>(first_index + i)));
                },
                m, v, gradient, n, rule);
}

double sum_of_squares_block(const float* x, std::int64_t n) {
  const hn::ScalableTag<double> f64;
  const hn::Rebind<float, decltype(f64)> half;
  const std::int64_t lanes = hn::MaxLanes(f64);
  auto sum0 = hn::Zero(f64), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto a = hn::PromoteTo(f64, hn::LoadU(half, x + i)), b = hn::PromoteTo(f64, hn::LoadU(half, x + i + lanes));
    const auto c = hn::PromoteTo(f64, hn::LoadU(half, x + i + 2 * lanes)),
               d = hn::PromoteTo(f64, hn::LoadU(half, x + i + 3 * lanes));
    sum0 = hn::MulAdd(a, a, sum0);
    sum1 = hn::MulAdd(b, b, sum1);
    sum2 = hn::MulAdd(c, c, sum2);
    sum3 = hn::MulAdd(d, d, sum3);
  }
  double total = hn::GetLane(hn::SumOfLanes(f64, (sum0 + sum1) + (sum2 + sum3)));
  for (; i < n; ++i) total += double{x[i]} * x[i];
  return total;
}

void round_piece(bf16* y, const float* x, std::int64_t n) {
  each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR { store_narrow(y + i, narrow_exactly(load(x + i, lanes)), lanes); });
}
void widen_piece(float* y, const bf16* x, std::int64_t n) {
  each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR { store(y + i, load(x + i, lanes), lanes); });
}
template <class T>
void accumulate_run(float* y, const T* x, std::int64_t n) {
  each_vector(n, [&](std::int64_t i, auto lanes) HWY_ATTR { store(y + i, load(y + i, lanes) + load(x + i, lanes), lanes); });
}
void accumulate_piece(float* y, const float* x, std::int64_t n) { accumulate_run(y, x, n); }
void accumulate_bf16_piece(float* y, const bf16* x, std::int64_t n) { accumulate_run(y, x, n); }

}  // namespace
}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {
namespace {

HWY_EXPORT(adamw_piece);
HWY_EXPORT(adamw_split_piece);
HWY_EXPORT(adamw_stochastic_piece);
HWY_EXPORT(sum_of_squares_block);
HWY_EXPORT(round_piece);
HWY_EXPORT(widen_piece);
HWY_EXPORT(accumulate_piece);
HWY_EXPORT(accumulate_bf16_piece);

/// f(begin, end) on parts of [0, n) that begin at multiples of 1024, so that whole cache lines fall to one thread.
template <class F>
void parallel_elements(std::int64_t n, std::int64_t bytes_each, const F& f) {
  constexpr std::int64_t kStep = 1024;
  parallel_items((n + kStep - 1) / kStep, kStep * bytes_each,
                 [&](std::int64_t begin, std::int64_t end) { f(begin * kStep, std::min(end * kStep, n)); });
}

}  // namespace

void adamw(Stream&, Tensor weights, Tensor master, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step) {
  const AdamWRule rule(step);
  bf16* const w16 = weights ? weights.data<bf16>() : nullptr;
  parallel_elements(master.count(), 30, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(adamw_piece)
    (w16 ? w16 + begin : nullptr, master.data<float>() + begin, m.data<float>() + begin, v.data<float>() + begin,
     gradient.data<float>() + begin, end - begin, rule);
  });
}

void adamw_split(Stream&, Tensor weights, Tensor remainder, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step) {
  const AdamWRule rule(step);
  parallel_elements(weights.count(), 28, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(adamw_split_piece)
    (weights.data<bf16>() + begin, remainder.data<std::uint16_t>() + begin, m.data<float>() + begin, v.data<float>() + begin,
     gradient.data<float>() + begin, end - begin, rule);
  });
}

void adamw_stochastic(Stream&, Tensor weights, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step, std::uint64_t seed,
                      std::int64_t first_index) {
  const AdamWRule rule(step);
  const std::uint64_t key = rounding_key(seed, static_cast<std::uint64_t>(step.step));
  parallel_elements(weights.count(), 24, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(adamw_stochastic_piece)
    (weights.data<bf16>() + begin, m.data<float>() + begin, v.data<float>() + begin, gradient.data<float>() + begin, end - begin,
     rule, key, first_index + begin);
  });
}

double sum_of_squares(Stream&, ConstTensor x) {
  constexpr std::int64_t kBlock = 32 << 10;
  const std::int64_t n = x.count(), blocks = (n + kBlock - 1) / kBlock;
  std::vector<double> sums(static_cast<std::size_t>(blocks));
  parallel_items(blocks, kBlock * 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block)
      sums[static_cast<std::size_t>(block)] =
          HWY_DYNAMIC_DISPATCH(sum_of_squares_block)(x.data<float>() + block * kBlock, std::min(kBlock, n - block * kBlock));
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

void cast(Stream&, Tensor y, ConstTensor x) {
  const std::int64_t n = x.count();
  if (n == 0) return;
  parallel_elements(n, size_of(x.dtype()) + size_of(y.dtype()), [&](std::int64_t begin, std::int64_t end) {
    if (x.dtype() == y.dtype())
      std::memcpy(static_cast<std::byte*>(y.raw()) + begin * size_of(x.dtype()),
                  static_cast<const std::byte*>(x.raw()) + begin * size_of(x.dtype()),
                  static_cast<std::size_t>((end - begin) * size_of(x.dtype())));
    else if (x.dtype() == DType::f32)
      HWY_DYNAMIC_DISPATCH(round_piece)(y.data<bf16>() + begin, x.data<float>() + begin, end - begin);
    else
      HWY_DYNAMIC_DISPATCH(widen_piece)(y.data<float>() + begin, x.data<bf16>() + begin, end - begin);
  });
}

void accumulate(Stream&, Tensor y, ConstTensor x) {
  parallel_elements(x.count(), 8 + size_of(x.dtype()), [&](std::int64_t begin, std::int64_t end) {
    if (x.dtype() == DType::f32)
      HWY_DYNAMIC_DISPATCH(accumulate_piece)(y.data<float>() + begin, x.data<float>() + begin, end - begin);
    else
      HWY_DYNAMIC_DISPATCH(accumulate_bf16_piece)(y.data<float>() + begin, x.data<bf16>() + begin, end - begin);
  });
}

}  // namespace corollary::cpu
#endif  // HWY_ONCE
