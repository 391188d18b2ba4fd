#pragma once
#include "kernels/attention.h"
#include "kernels/reference/values.h"

namespace corollary::reference {

/// kernels/attention.h in double:   qkv, d_qkv  [batch * seq_len, qkv_width]      o, d_o  [batch * seq_len, num_heads * head_dim]
///   lse  [batch, num_heads, seq_len]
///   document_starts  [batch * seq_len], or empty
struct AttentionOutput {
  Values o, lse;
};
AttentionOutput attention(const Values& qkv, const AttentionShape& shape, const std::vector<std::int32_t>& document_starts = {});
Values attention_backward(const Values& d_o, const Values& qkv, const AttentionShape& shape,
                          const std::vector<std::int32_t>& document_starts = {});
/// q  [num_heads * head_dim]      keys, values  [length, num_kv_heads * head_dim]
Values attention_decode(const Values& q, const Values& keys, const Values& values, const AttentionShape& shape);

}  // namespace corollary::reference
