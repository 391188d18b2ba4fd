#pragma once
#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// y[t,i] = silu(g[t,i]) * u[t,i],   silu(g) = g / (1 + exp(-g)),   row t of gate_up = g[t,:], u[t,:] arXiv:2002.05202
///   gate_up  [tokens, 2 * intermediate_size]  f32 or bf16      y  [tokens, intermediate_size]  dtype of gate_up
void swiglu_forward(Stream& stream, Tensor y, ConstTensor gate_up);

/// d_gate_up from dy and the kept gate_up (docs/math/swiglu.md); d_gate_up may be gate_up itself. If y is given it is written again
/// as the forward pass would: the activation is recomputed here instead of kept.
/// y may be dy; nothing else may overlap.
void swiglu_backward(Stream& stream, Tensor d_gate_up, Tensor y, ConstTensor dy, ConstTensor gate_up);

namespace cpu {
decltype(corollary::swiglu_forward) swiglu_forward;
decltype(corollary::swiglu_backward) swiglu_backward;
}  // namespace cpu
namespace cuda {
decltype(corollary::swiglu_forward) swiglu_forward;
decltype(corollary::swiglu_backward) swiglu_backward;
}  // namespace cuda

}  // namespace corollary
