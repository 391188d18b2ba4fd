#include "kernels/matmul.h"

#include "device/profile.h"

namespace corollary {
namespace {

void check_linear(const char* name, const Shape& x, const Shape& y, const Shape& w) {
  check(x.rank() == 2 && y.rank() == 2 && w.rank() == 2 && x[0] == y[0] && x[1] == w[1] && y[1] == w[0],
        "linear: shapes do not fit: ", name, ": x ", x, ", y ", y, ", w ", w, "; want [T,I], [T,O], [O,I]");
}

void check_inputs(ConstTensor a, ConstTensor b) {
  check(a.dtype() == b.dtype() && (a.dtype() == DType::f32 || a.dtype() == DType::bf16), "linear: inputs are ", a.dtype(), " and ",
        b.dtype(), "; want both f32 or both bf16");
}

void check_output(ConstTensor out, ConstTensor in) {
  check(out.dtype() == in.dtype() || out.dtype() == DType::f32, "linear: output is ", out.dtype(), " beside ", in.dtype(),
        " inputs");
}

}  // namespace

void linear_forward(Stream& stream, Tensor y, ConstTensor x, ConstTensor w) {
  check_linear("forward", x.shape(), y.shape(), w.shape());
  check_inputs(x, w);
  check_output(y, x);
  const Timed timed(stream, "linear_forward", {y.dim(0), y.dim(1), x.dim(1)});
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::linear_forward(stream, y, x, w);
  cpu::linear_forward(stream, y, x, w);
}

void linear_backward_input(Stream& stream, Tensor dx, ConstTensor dy, ConstTensor w) {
  check_linear("backward_input", dx.shape(), dy.shape(), w.shape());
  check_inputs(dy, w);
  check_output(dx, dy);
  const Timed timed(stream, "linear_backward_input", {dx.dim(0), dx.dim(1), dy.dim(1)});
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::linear_backward_input(stream, dx, dy, w);
  cpu::linear_backward_input(stream, dx, dy, w);
}

void linear_backward_weight(Stream& stream, Tensor dw, ConstTensor dy, ConstTensor x, bool accumulate) {
  if (!dw) return;
  check_linear("backward_weight", x.shape(), dy.shape(), dw.shape());
  check_inputs(dy, x);
  check(dw.dtype() == DType::f32, "linear: dw must be f32, is ", dw.dtype());
  const Timed timed(stream, "linear_backward_weight", {dw.dim(0), dw.dim(1), dy.dim(0)});
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::linear_backward_weight(stream, dw, dy, x, accumulate);
  cpu::linear_backward_weight(stream, dw, dy, x, accumulate);
}

std::string matmul_library() {
  if constexpr (kHasCuda) return cuda::matmul_library();
  return "";
}

}  // namespace corollary
