#include "kernels/weight_bits.h"

#include "kernels/cuda/common.cuh"

namespace corollary::cuda {
namespace {

constexpr int kWidth = 8;

// Traffic per parameter, both ways: 8 bytes.
struct Split {
  bf16* weights;
  std::uint16_t* remainder;
  const float* master;

  template <int kCount>
  __device__ void run(std::int64_t i) const {
    const auto from = load<kCount>(master + i);
    SplitFloat split[kCount];
#pragma unroll
    for (int j = 0; j < kCount; ++j) split[j] = split_float(from[j]);
    store(weights + i, make_bits_pack<kCount, bf16>([&](int j) { return split[j].weight.bits; }));
    store(remainder + i, make_bits_pack<kCount, std::uint16_t>([&](int j) { return split[j].remainder; }));
  }
};

struct Join {
  float* master;
  const bf16* weights;
  const std::uint16_t* remainder;

  template <int kCount>
  __device__ void run(std::int64_t i) const {
    const auto high = load<kCount>(weights + i);
    const auto low = load<kCount>(remainder + i);
    store(master + i, make_pack<kCount, float>([&](int j) { return join_float({{high.bits(j)}, low.bits(j)}); }));
  }
};

bool begin_aligned(ConstTensor weights, ConstTensor remainder, ConstTensor master) {
  return begins_aligned(weights, kWidth) && begins_aligned(remainder, kWidth) && begins_aligned(master, kWidth);
}

}  // namespace

void split_master(Stream& stream, Tensor weights, Tensor remainder, ConstTensor master) {
  launch_run<kWidth>(stream, master.count(), begin_aligned(weights, remainder, master),
                     Split{weights.data<bf16>(), remainder.data<std::uint16_t>(), master.data<float>()}, "queueing split_master");
}

void join_master(Stream& stream, Tensor master, ConstTensor weights, ConstTensor remainder) {
  launch_run<kWidth>(stream, master.count(), begin_aligned(weights, remainder, master),
                     Join{master.data<float>(), weights.data<bf16>(), remainder.data<std::uint16_t>()}, "queueing join_master");
}

}  // namespace corollary::cuda
