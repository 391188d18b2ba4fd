#pragma once
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
MatmulCost measure_matmuls(const LlamaConfig& config, DType compute, std::int64_t tokens, double budget_seconds);

/// Flops per second of the best large square product: what `mfu` is measured against.
double measure_peak_flops(DType compute);

/// bf16 where the processor multiplies bf16 (AVX512-BF16 or AMX), as far as "auto" asks; f32 for "fp32" and elsewhere.
/// "bf16" asked for on a processor without it is granted: it is slow there, not wrong.
DType resolve_precision(const std::string& precision);

}  // namespace corollary
