#include "kernels/cross_entropy.h"

#include "kernels/checks.h"

namespace corollary {
namespace {

void check_arguments(const char* operation, const Stream& stream, Tensor loss, ConstTensor logits, ConstTensor targets) {
  check_matrix(operation, "logits", logits);
  check(logits.dim(1) > 0, operation, ": logits have no columns: ", logits.shape());
  check_packed(operation, "loss", loss, Shape{logits.dim(0)});
  check_dtype(operation, "loss", loss, DType::f32);
  check_packed(operation, "targets", targets, Shape{logits.dim(0)});
  check_dtype(operation, "targets", targets, DType::i32);
  if (!stream.on_cuda()) check_range(operation, "targets", targets, -1, logits.dim(1));
}

}  // namespace

void cross_entropy_forward(Stream& stream, Tensor loss, ConstTensor logits, ConstTensor targets) {
  check_arguments("cross_entropy_forward", stream, loss, logits, targets);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::cross_entropy_forward(stream, loss, logits, targets);
  cpu::cross_entropy_forward(stream, loss, logits, targets);
}

void cross_entropy_backward(Stream& stream, Tensor logits, Tensor loss, ConstTensor targets, float grad_scale) {
  check_arguments("cross_entropy_backward", stream, loss, logits, targets);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::cross_entropy_backward(stream, logits, loss, targets, grad_scale);
  cpu::cross_entropy_backward(stream, logits, loss, targets, grad_scale);
}

}  // namespace corollary
