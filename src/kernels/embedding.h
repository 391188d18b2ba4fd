#pragma once
#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// x[t] = table[tokens[t]]      tokens [T] i32, each in [0, V)      table [V, hidden_size]      x [T, hidden_size]  dtype of table
/// Throws Error if a token is out of range; a GPU, where looking would mean waiting, gives it a row of zeros and no gradient.
void embedding_forward(Stream& stream, Tensor x, ConstTensor tokens, ConstTensor table);

/// d_table[tokens[t]] += dx[t], rows in order of t whatever the thread count      d_table [V, hidden_size] f32      dx f32 or bf16
void embedding_backward(Stream& stream, Tensor d_table, ConstTensor tokens, ConstTensor dx);

namespace cpu {
decltype(corollary::embedding_forward) embedding_forward;
decltype(corollary::embedding_backward) embedding_backward;
}  // namespace cpu
namespace cuda {
decltype(corollary::embedding_forward) embedding_forward;
decltype(corollary::embedding_backward) embedding_backward;
}  // namespace cuda

}  // namespace corollary
