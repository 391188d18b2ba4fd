#include "kernels/matvec.h"

#include "kernels/checks.h"

namespace corollary {

void matvec(Stream& stream, Tensor y, ConstTensor w, ConstTensor x) {
  check_matrix("matvec", "w", w);
  check_packed("matvec", "x", x, Shape{w.dim(1)});
  check_packed("matvec", "y", y, Shape{w.dim(0)});
  for (const DType dtype : {x.dtype(), y.dtype()})
    check(dtype == DType::f32 || dtype == DType::bf16, "matvec: x and y must be f32 or bf16, one is ", dtype);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::matvec(stream, y, w, x);
  cpu::matvec(stream, y, w, x);
}

}  // namespace corollary
