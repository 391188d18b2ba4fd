#include "kernels/rmsnorm.h"

#include "kernels/checks.h"

namespace corollary {
namespace {

void check_forward(const char* operation, Tensor y, Tensor rstd, ConstTensor x, ConstTensor w, float eps) {
  check_matrix(operation, "x", x);
  check_shape(operation, "y", y, x.shape());
  check_dtype(operation, "y", y, x.dtype());
  check_packed(operation, "rstd", rstd, Shape{x.dim(0)});
  check_dtype(operation, "rstd", rstd, DType::f32);
  check_packed(operation, "w", w, Shape{x.dim(1)});
  check_dtype(operation, "w", w, x.dtype());
  check_apart(operation, "y", y, "x", x);
  check(eps > 0, operation, ": eps must be positive, is ", eps);
}

}  // namespace

void rmsnorm_forward(Stream& stream, Tensor y, Tensor rstd, ConstTensor x, ConstTensor w, float eps) {
  check_forward("rmsnorm_forward", y, rstd, x, w, eps);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::rmsnorm_forward(stream, y, rstd, x, w, eps);
  cpu::rmsnorm_forward(stream, y, rstd, x, w, eps);
}

void add_rmsnorm_forward(Stream& stream, Tensor sum, Tensor y, Tensor rstd, ConstTensor x, ConstTensor delta, ConstTensor w, float eps) {
  check_forward("add_rmsnorm_forward", y, rstd, sum, w, eps);
  check_shape("add_rmsnorm_forward", "x", x, sum.shape());
  check_dtype("add_rmsnorm_forward", "x", x, sum.dtype());
  check_shape("add_rmsnorm_forward", "delta", delta, sum.shape());
  check_dtype("add_rmsnorm_forward", "delta", delta, sum.dtype());
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::add_rmsnorm_forward(stream, sum, y, rstd, x, delta, w, eps);
  cpu::add_rmsnorm_forward(stream, sum, y, rstd, x, delta, w, eps);
}

void rmsnorm_backward(Stream& stream, Tensor dx, Tensor dw, ConstTensor dy, ConstTensor x, ConstTensor w, ConstTensor rstd) {
  check_matrix("rmsnorm_backward", "x", x);
  check_shape("rmsnorm_backward", "dx", dx, x.shape());
  check_dtype("rmsnorm_backward", "dx", dx, x.dtype());
  check_shape("rmsnorm_backward", "dy", dy, x.shape());
  check_dtype("rmsnorm_backward", "dy", dy, x.dtype());
  check_packed("rmsnorm_backward", "dw", dw, Shape{x.dim(1)});
  check_dtype("rmsnorm_backward", "dw", dw, DType::f32);
  check_packed("rmsnorm_backward", "w", w, Shape{x.dim(1)});
  check_dtype("rmsnorm_backward", "w", w, x.dtype());
  check_packed("rmsnorm_backward", "rstd", rstd, Shape{x.dim(0)});
  check_dtype("rmsnorm_backward", "rstd", rstd, DType::f32);
  check_apart("rmsnorm_backward", "dx", dx, "x", x);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::rmsnorm_backward(stream, dx, dw, dy, x, w, rstd);
  cpu::rmsnorm_backward(stream, dx, dw, dy, x, w, rstd);
}

}  // namespace corollary
