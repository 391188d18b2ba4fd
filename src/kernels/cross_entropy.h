#pragma once
#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// loss[t] = log sum_v exp(logits[t,v]) - logits[t,targets[t]]                                      (docs/math/cross_entropy.md)
///   logits  [tokens, vocab_size]  f32 or bf16      targets  [tokens] i32; -1: no loss, no gradient      loss  [tokens] f32, nats
/// Maxima and sums in f32; a logit of -infinity has probability 0; a NaN makes the loss and the row NaN. Throws Error if a target
/// is out of range; a GPU, where looking would mean waiting, takes it for -1.
void cross_entropy_forward(Stream& stream, Tensor loss, ConstTensor logits, ConstTensor targets);

/// The same loss, and logits overwritten by their gradient:  grad_scale * (softmax(logits)[t,v] - [v = targets[t]])
void cross_entropy_backward(Stream& stream, Tensor logits, Tensor loss, ConstTensor targets, float grad_scale);

namespace cpu {
decltype(corollary::cross_entropy_forward) cross_entropy_forward;
decltype(corollary::cross_entropy_backward) cross_entropy_backward;
}  // namespace cpu
namespace cuda {
decltype(corollary::cross_entropy_forward) cross_entropy_forward;
decltype(corollary::cross_entropy_backward) cross_entropy_backward;
}  // namespace cuda

}  // namespace corollary
