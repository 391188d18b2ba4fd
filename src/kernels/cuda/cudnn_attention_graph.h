#pragma once
#include "kernels/attention.h"
#include "kernels/cuda/cudnn_graph.h"

// Attention as cuDNN 9 wants it spelled: it recognises these very sequences of operations and runs one fused kernel for each
// (FlashAttention-3's schedule on Hopper). Anything left out or added in between is refused.
namespace corollary::cuda {

/// The memory that an execution binds. Scalars are host floats.
// clang-format off
enum AttentionTensor : std::int64_t {
  kQ = 1, kK, kV, kO, kLse, kDO, kDQ, kDK, kDV,  // q, k, v and their gradients are slices of qkv and d_qkv
  kScale, kMinusInfinity, kOne,                  // scalars
  kSoftmaxSum,                                   // f32 [batch, num_heads, seq_len], scratch: the rows' sums of d_o o
  kDQSum                                         // f32 [batch, num_heads, seq_len, head_dim], scratch, if not deterministic
};
// clang-format on

CudnnGraph attention_forward_graph(const AttentionShape& shape);
/// Deterministic: every dq is added up by one block of threads in one order, from a matrix ds that stands in cuDNN's workspace,
/// 2 bytes for each (head, query, key). Otherwise blocks add into kDQSum as they come, and two runs differ in the last bits.
CudnnGraph attention_backward_graph(const AttentionShape& shape, bool is_deterministic);

}  // namespace corollary::cuda
