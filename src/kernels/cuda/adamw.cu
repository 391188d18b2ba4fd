#include "kernels/adamw.h"

#include "kernels/adamw_rule.h"
#include "kernels/cuda/common.cuh"
#include "kernels/weight_bits.h"

namespace corollary::cuda {
namespace {

constexpr int kWidth = 4;  // sixteen bytes of f32; a thread has four or more such loads in flight

// What the three have in common. Every rounding is written out, in the order of cpu/adamw.cpp: the variants agree bit for bit.
struct Moments {
  float *m, *v;
  const float* gradient;
  AdamWRule rule;

  /// w(j) for j in [0, kCount) becomes new_w[j]; m and v are brought up to date. All loads of the caller should stand before this.
  template <int kCount, class F>
  __device__ void update(std::int64_t i, F w, float (&new_w)[kCount]) const {
    const auto old_m = load<kCount>(m + i), old_v = load<kCount>(v + i), gradients = load<kCount>(gradient + i);
    float new_m[kCount], new_v[kCount];
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      const float g = __fmul_rn(gradients[j], rule.gradient_scale);
      new_m[j] = __fmaf_rn(rule.beta1, old_m[j], __fmul_rn(rule.rest1, g));
      new_v[j] = __fmaf_rn(rule.beta2, old_v[j], __fmul_rn(__fmul_rn(rule.rest2, g), g));
      const float update =
          __fdiv_rn(__fmul_rn(rule.step_size, new_m[j]), __fmaf_rn(__fsqrt_rn(new_v[j]), rule.root_scale, rule.eps));
      new_w[j] = __fsub_rn(w(j), __fmaf_rn(rule.decay, w(j), update));
    }
    store(m + i, make_pack<kCount, float>([&](int j) { return new_m[j]; }));
    store(v + i, make_pack<kCount, float>([&](int j) { return new_v[j]; }));
  }
};
Moments moments(Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step) {
  return {m.data<float>(), v.data<float>(), gradient.data<float>(), AdamWRule(step)};
}
bool begin_aligned(ConstTensor m, ConstTensor v, ConstTensor gradient) {
  return begins_aligned(m, kWidth) && begins_aligned(v, kWidth) && begins_aligned(gradient, kWidth);
}

// Traffic per parameter: 28 bytes, 30 with weights. 6.7e9 parameters: 202 GB, 42 ms at an H200's 4.8 TB/s; root and quotient, some
// 60 instructions, take a third of that beside it.
template <bool kWithWeights>
struct WithMaster {
  Moments moments;
  float* master;
  bf16* weights;

  template <int kCount>
  __device__ void run(std::int64_t i) const {
    const auto w = load<kCount>(master + i);
    float new_w[kCount];
    moments.update(
        i, [&](int j) { return w[j]; }, new_w);
    store(master + i, make_pack<kCount, float>([&](int j) { return new_w[j]; }));
    if constexpr (kWithWeights)
      store(weights + i, make_bits_pack<kCount, bf16>([&](int j) { return narrow_exactly(new_w[j]).bits; }));
  }
};

// Traffic per parameter: 28 bytes.
struct Split {
  Moments moments;
  bf16* weights;
  std::uint16_t* remainder;

  template <int kCount>
  __device__ void run(std::int64_t i) const {
    const auto high = load<kCount>(weights + i);
    const auto low = load<kCount>(remainder + i);
    float w[kCount], new_w[kCount];
#pragma unroll
    for (int j = 0; j < kCount; ++j) w[j] = join_float({{high.bits(j)}, low.bits(j)});
    moments.update(
        i, [&](int j) { return w[j]; }, new_w);
    SplitFloat split[kCount];
#pragma unroll
    for (int j = 0; j < kCount; ++j) split[j] = split_float(new_w[j]);
    store(weights + i, make_bits_pack<kCount, bf16>([&](int j) { return split[j].weight.bits; }));
    store(remainder + i, make_bits_pack<kCount, std::uint16_t>([&](int j) { return split[j].remainder; }));
  }
};

// Traffic per parameter: 24 bytes.
struct Stochastic {
  Moments moments;
  bf16* weights;
  std::uint64_t key;
  std::int64_t first_index;

  template <int kCount>
  __device__ void run(std::int64_t i) const {
    const auto w = load<kCount>(weights + i);
    float new_w[kCount];
    moments.update(
        i, [&](int j) { return w[j]; }, new_w);
    store(weights + i, make_bits_pack<kCount, bf16>([&](int j) {
            return round_stochastically(new_w[j], rounding_bits(key, static_cast<std::uint64_t>(first_index + i + j))).bits;
          }));
  }
};

}  // namespace

void adamw(Stream& stream, Tensor weights, Tensor master, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step) {
  const bool is_vector = begin_aligned(m, v, gradient) && begins_aligned(master, kWidth) && begins_aligned(weights, kWidth);
  const Moments of_all = moments(m, v, gradient, step);
  if (weights)
    launch_run<kWidth>(stream, master.count(), is_vector, WithMaster<true>{of_all, master.data<float>(), weights.data<bf16>()},
                       "queueing adamw");
  else
    launch_run<kWidth>(stream, master.count(), is_vector, WithMaster<false>{of_all, master.data<float>(), nullptr},
                       "queueing adamw");
}

void adamw_split(Stream& stream, Tensor weights, Tensor remainder, Tensor m, Tensor v, ConstTensor gradient,
                 const AdamWStep& step) {
  const bool is_vector = begin_aligned(m, v, gradient) && begins_aligned(weights, kWidth) && begins_aligned(remainder, kWidth);
  launch_run<kWidth>(stream, weights.count(), is_vector,
                     Split{moments(m, v, gradient, step), weights.data<bf16>(), remainder.data<std::uint16_t>()},
                     "queueing adamw_split");
}

void adamw_stochastic(Stream& stream, Tensor weights, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step,
                      std::uint64_t seed, std::int64_t first_index) {
  const std::uint64_t key = rounding_key(seed, static_cast<std::uint64_t>(step.step));
  launch_run<kWidth>(stream, weights.count(), begin_aligned(m, v, gradient) && begins_aligned(weights, kWidth),
                     Stochastic{moments(m, v, gradient, step), weights.data<bf16>(), key, first_index},
                     "queueing adamw_stochastic");
}

}  // namespace corollary::cuda
