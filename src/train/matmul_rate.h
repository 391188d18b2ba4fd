#pragma once
#include "device/device.h"
#include "device/tensor.h"
#include "model/config.h"

namespace corollary {

/// What the matrix products of one forward and backward pass cost here, when nothing else is done.
struct MatmulCost {
  double flops = 0;    ///< 6 per token and weight of a matrix, all layers and the head
  double seconds = 0;  ///< measured
  double flops_per_second() const { return flops / seconds; }
};

/// Times the three products (forward, gradient of the input, gradient of the weight) of each matrix of the model over `tokens`
/// tokens through kernels/matmul, one layer's matrices standing for all, the fastest of several rounds: about `budget_seconds` in
/// all. The head is timed over at most kHeadTokens tokens at once, as logits are made a piece at a time.
MatmulCost measure_matmuls(const LlamaConfig& config, DType compute, std::int64_t tokens, double budget_seconds,
                           Device device = Device::cpu);

/// Flops per second that `mfu` is measured against: on a GPU the datasheet's dense bf16 rate, where it is known; else those of the best
/// large square product.
double peak_flops(DType compute, Device device = Device::cpu);

/// bf16 on a GPU and where the processor multiplies bf16 (AVX512-BF16 or AMX), as far as "auto" asks; f32 for "fp32" and elsewhere.
/// "bf16" asked for on a processor without it is granted: it is slow there, not wrong.
DType resolve_precision(const std::string& precision, Device device = Device::cpu);

}  // namespace corollary
