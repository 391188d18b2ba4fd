#pragma once
#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// y[t,i] = x[t,i] * w[i] * rstd[t],   rstd[t] = 1 / sqrt(mean_i x[t,i]^2 + eps)                           arXiv:1910.07467, eq. 4
///   x, y  [tokens, hidden_size]  f32 or bf16; y may not overlap x      w  [hidden_size]  dtype of x
///   rstd  [tokens]  f32, written for rmsnorm_backward                  eps  inside the root; Llama 2: 1e-5
/// Sums in f32. Returns once queued on `stream`. Throws Error if a shape or dtype differs from the above.
void rmsnorm_forward(Stream& stream, Tensor y, Tensor rstd, ConstTensor x, ConstTensor w, float eps);

/// sum = x + delta (rounded to its dtype), then y and rstd of the sum as above: a residual addition and the next norm in one pass.
///   sum, x, delta  [tokens, hidden_size]; sum may be x
void add_rmsnorm_forward(Stream& stream, Tensor sum, Tensor y, Tensor rstd, ConstTensor x, ConstTensor delta, ConstTensor w,
                         float eps);

/// Gradient through y = rmsnorm(x), added to the gradient that came past the norm on the residual path (docs/math/rmsnorm.md):
///   dx  [tokens, hidden_size]  dtype of x: dx += gradient      dw  [hidden_size]  f32: dw += gradient, in a fixed order
///   dy, x  like x      rstd  as the forward pass wrote it
void rmsnorm_backward(Stream& stream, Tensor dx, Tensor dw, ConstTensor dy, ConstTensor x, ConstTensor w, ConstTensor rstd);

namespace cpu {
decltype(corollary::rmsnorm_forward) rmsnorm_forward;
decltype(corollary::add_rmsnorm_forward) add_rmsnorm_forward;
decltype(corollary::rmsnorm_backward) rmsnorm_backward;
}  // namespace cpu
namespace cuda {
decltype(corollary::rmsnorm_forward) rmsnorm_forward;
decltype(corollary::add_rmsnorm_forward) add_rmsnorm_forward;
decltype(corollary::rmsnorm_backward) rmsnorm_backward;
}  // namespace cuda

}  // namespace corollary
