#include "kernels/weight_bits.h"

#include "kernels/cpu/parallel.h"

namespace corollary::cpu {

void split_master(Stream&, Tensor weights, Tensor remainder, ConstTensor master) {
  const auto* from = master.data<float>();
  auto* const high = weights.data<bf16>();
  auto* const low = remainder.data<std::uint16_t>();
  parallel_items(master.count(), 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const SplitFloat split = split_float(from[i]);
      high[i] = split.weight, low[i] = split.remainder;
    }
  });
}

void join_master(Stream&, Tensor master, ConstTensor weights, ConstTensor remainder) {
  auto* const to = master.data<float>();
  const auto* high = weights.data<bf16>();
  const auto* low = remainder.data<std::uint16_t>();
  parallel_items(master.count(), 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = join_float({high[i], low[i]});
  });
}

}  // namespace corollary::cpu
