#pragma once
#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// Causal self-attention with grouped queries over a packed batch of sequences of equal length (docs/math/attention.md):
///   s[t,u] = scale * q[t].k[u]  for u <= t,   p = softmax over u,   o[t] = sum_u p[t,u] v[u]                  arXiv:1706.03762,
///   2305.13245
/// Query head h reads key/value head h / (num_heads / num_kv_heads).
struct AttentionShape {
  std::int64_t batch = 0, seq_len = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0;
  float scale = 0;  ///< 1 / sqrt(head_dim)
  std::int64_t qkv_width() const { return (num_heads + 2 * num_kv_heads) * head_dim; }
};

///   qkv  [batch * seq_len, qkv_width]  f32 or bf16: q of all heads, then k, then v;  rotary embedding already applied
///   o    [batch * seq_len, num_heads * head_dim]  dtype of qkv
///   lse  [batch, num_heads, seq_len]  f32: log of the sum of exp(s), kept for the backward pass
///   document_starts  [batch * seq_len]  i32, or none: where in its sequence the document of token t begins. Sequences packed from
///        several documents then attend within each: u runs from document_starts[t] to t. Never descends within a sequence, and
///        0 <= document_starts[t] <= t, which nobody checks.
/// Scores never stand whole in memory. Sums in f32. Returns once queued on `stream`. Throws Error if a shape or dtype differs.
void attention_forward(Stream& stream, Tensor o, Tensor lse, ConstTensor qkv, const AttentionShape& shape,
                       ConstTensor document_starts = {});

///   d_qkv  like qkv, overwritten      d_o  like o      o, lse, qkv, document_starts: as of the forward pass
void attention_backward(Stream& stream, Tensor d_qkv, ConstTensor d_o, ConstTensor o, ConstTensor lse, ConstTensor qkv,
                        const AttentionShape& shape, ConstTensor document_starts = {});

/// What the operations above may ask of Stream::workspace on a GPU.
std::int64_t attention_workspace_bytes(const AttentionShape& shape, DType dtype, bool backward);

/// One new query row per sequence against a cache of keys and values:
///   o, q  [num_heads * head_dim]      keys, values  [length, num_kv_heads * head_dim], rows may be strided
void attention_decode(Stream& stream, Tensor o, ConstTensor q, ConstTensor keys, ConstTensor values, const AttentionShape& shape);

namespace cpu {
decltype(corollary::attention_forward) attention_forward;
decltype(corollary::attention_backward) attention_backward;
decltype(corollary::attention_decode) attention_decode;
}  // namespace cpu
namespace cuda {
decltype(corollary::attention_forward) attention_forward;    // bit for bit the same in every run;
decltype(corollary::attention_backward) attention_backward;  // head_dim up to 256, bf16 up to 128 on tensor cores
decltype(corollary::attention_decode) attention_decode;
}  // namespace cuda

}  // namespace corollary
