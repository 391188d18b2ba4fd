#pragma once
#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// Rotary position embedding, half-split as Llama's Hugging Face layout has it (arXiv:2104.09864, eq. 34): with D = head_dim, i <
/// D/2,
///   (x[i], x[i + D/2])  ->  (x[i] c - x[i + D/2] s,  x[i + D/2] c + x[i] s),   c, s = cos, sin(position * theta^(-2i/D))
/// `inverse` rotates back, which is the gradient: the rotation is orthogonal.

/// cos then sin:  table [2, max_positions, head_dim / 2]  f32, computed in double.
void rope_table(Tensor table, double theta);

/// Rotates the first `num_rotated_heads` heads of every row in place (queries and keys lie first in a packed qkv row):
///   x          [tokens, at least num_rotated_heads * head_dim]  f32 or bf16
///   positions  [tokens]  i32, each below max_positions: Error otherwise; on a GPU the row stays as it is
/// Returns once queued on `stream`. Throws Error if a shape or dtype differs from the above.
void rope(Stream& stream, Tensor x, ConstTensor positions, ConstTensor table, std::int64_t num_rotated_heads, bool inverse);

namespace cpu {
decltype(corollary::rope) rope;
}
namespace cuda {
decltype(corollary::rope) rope;
}

}  // namespace corollary
