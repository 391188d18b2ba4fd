#pragma once
#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// y = w x: one token's linear layer, bound by reading w once (matmul.h is for many tokens).
///   x  [I]  f32 or bf16      w  [O, I]  f32 or bf16, rows may be strided      y  [O]  f32 or bf16, may not overlap x
/// Sums in f32, in the same order for any thread count. Throws Error if a shape or dtype differs from the above.
void matvec(Stream& stream, Tensor y, ConstTensor w, ConstTensor x);

namespace cpu {
decltype(corollary::matvec) matvec;
}
namespace cuda {
decltype(corollary::matvec) matvec;
}

}  // namespace corollary
