#pragma once
#include "kernels/attention.h"

// Attention of kernels/attention.h by cuDNN's fused kernels: bf16, causal, training. Needs no header of cuDNN's; a build that had
// none (kHasCudnn) declares these functions and defines none of them.
namespace corollary::cuda {

#ifdef COROLLARY_HAS_CUDNN
inline constexpr bool kHasCudnn = true;
#else
inline constexpr bool kHasCudnn = false;
#endif

struct CudnnAttentionOptions {
  /// The gradient of the queries has the same bits every time, for a workspace that grows with seq_len squared.
  bool is_deterministic = true;
};

/// Whether these functions can compute it: bf16, head_dim a multiple of 8 up to 128, and a cuDNN that is present and not known to
/// be wrong. Loads cuDNN if nobody did.
bool cudnn_attention_serves(const AttentionShape& shape, DType dtype);

/// As attention_forward and attention_backward (kernels/attention.h), which check shapes; tensors on the GPU, 16-byte aligned. The
/// first call with a shape compiles it, a second or so each way; later calls only queue. Error with cuDNN's reason if it refuses.
void cudnn_attention_forward(Stream& stream, Tensor o, Tensor lse, ConstTensor qkv, const AttentionShape& shape);
void cudnn_attention_backward(Stream& stream, Tensor d_qkv, ConstTensor d_o, ConstTensor o, ConstTensor lse, ConstTensor qkv,
                              const AttentionShape& shape, CudnnAttentionOptions options = {});

/// Scratch that a call takes from the stream: for Stream::reserve_workspace() and memory plans, computed without a GPU.
/// Deterministic backward: num_heads * seq_len^2 * 2 bytes (seq_len rounded up to tiles) for any batch, whose sequences go one
/// after another, and with grouped queries 4 * num_heads * seq_len * head_dim more.
std::int64_t cudnn_attention_workspace_bytes(const AttentionShape& shape, bool backward, CudnnAttentionOptions options = {});

/// Compiles both directions now rather than in the first step.
void cudnn_attention_prepare(Stream& stream, const AttentionShape& shape, CudnnAttentionOptions options = {});

}  // namespace corollary::cuda
