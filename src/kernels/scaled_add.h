#pragma once
#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// y[t,i] += scale * x[t,i]      y, x  [tokens, n]  both f32 or both bf16, rows may be strided; no byte in common
/// In f32, rounded once. Returns once queued on `stream`. Throws Error if a shape or dtype differs from the above.
void scaled_add(Stream& stream, Tensor y, ConstTensor x, float scale);
/// x[t,i] *= scale, likewise
void scaled(Stream& stream, Tensor x, float scale);

namespace cpu {
decltype(corollary::scaled_add) scaled_add;
decltype(corollary::scaled) scaled;
}  // namespace cpu
namespace cuda {
decltype(corollary::scaled_add) scaled_add;
decltype(corollary::scaled) scaled;
}  // namespace cuda

}  // namespace corollary
