#include "kernels/swiglu.h"

#include "kernels/checks.h"

namespace corollary {

void swiglu_forward(Stream& stream, Tensor y, ConstTensor gate_up) {
  check_matrix("swiglu_forward", "gate_up", gate_up);
  check(gate_up.dim(1) % 2 == 0, "swiglu_forward: gate_up must have an even number of columns, is ", gate_up.shape());
  check_shape("swiglu_forward", "y", y, Shape{gate_up.dim(0), gate_up.dim(1) / 2});
  check_dtype("swiglu_forward", "y", y, gate_up.dtype());
  check_apart("swiglu_forward", "y", y, "gate_up", gate_up);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::swiglu_forward(stream, y, gate_up);
  cpu::swiglu_forward(stream, y, gate_up);
}

void swiglu_backward(Stream& stream, Tensor d_gate_up, Tensor y, ConstTensor dy, ConstTensor gate_up) {
  check_matrix("swiglu_backward", "gate_up", gate_up);
  check(gate_up.dim(1) % 2 == 0, "swiglu_backward: gate_up must have an even number of columns, is ", gate_up.shape());
  const Shape half{gate_up.dim(0), gate_up.dim(1) / 2};
  check_shape("swiglu_backward", "d_gate_up", d_gate_up, gate_up.shape());
  check_dtype("swiglu_backward", "d_gate_up", d_gate_up, gate_up.dtype());
  check_shape("swiglu_backward", "dy", dy, half);
  check_dtype("swiglu_backward", "dy", dy, gate_up.dtype());
  if (d_gate_up.raw() != gate_up.raw() || d_gate_up.row_stride() != gate_up.row_stride())
    check_apart("swiglu_backward", "d_gate_up", d_gate_up, "gate_up", gate_up);
  check_apart("swiglu_backward", "d_gate_up", d_gate_up, "dy", dy);
  if (y) {
    check_shape("swiglu_backward", "y", y, half);
    check_dtype("swiglu_backward", "y", y, gate_up.dtype());
    check_apart("swiglu_backward", "y", y, "gate_up", gate_up);
    check_apart("swiglu_backward", "y", y, "d_gate_up", d_gate_up);
    if (y.raw() != dy.raw() || y.row_stride() != dy.row_stride()) check_apart("swiglu_backward", "y", y, "dy", dy);
  }
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::swiglu_backward(stream, d_gate_up, y, dy, gate_up);
  cpu::swiglu_backward(stream, d_gate_up, y, dy, gate_up);
}

}  // namespace corollary
