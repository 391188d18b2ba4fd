#pragma once
#include "kernels/attention.h"

namespace corollary::cpu {

/// attention_forward and attention_backward for bf16 where amx_available(): the same results to rounding, several times the speed.
void attention_forward_amx(Tensor o, Tensor lse, ConstTensor qkv, const AttentionShape& shape, ConstTensor document_starts);
void attention_backward_amx(Tensor d_qkv, ConstTensor d_o, ConstTensor o, ConstTensor lse, ConstTensor qkv,
                            const AttentionShape& shape, ConstTensor document_starts);

}  // namespace corollary::cpu
