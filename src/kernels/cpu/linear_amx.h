#pragma once
#include "device/tensor.h"

namespace corollary::cpu {

/// The three products of kernels/matmul.h for bf16 inputs where amx_available(). They take shapes of whole tiles:
bool linear_amx_takes(ConstTensor x, ConstTensor y);  ///< bf16, all three sizes multiples of 32, 64 tokens or more

void linear_forward_amx(Tensor y, ConstTensor x, ConstTensor w);
void linear_backward_input_amx(Tensor dx, ConstTensor dy, ConstTensor w);
void linear_backward_weight_amx(Tensor dw, ConstTensor dy, ConstTensor x, bool accumulate);

}  // namespace corollary::cpu
