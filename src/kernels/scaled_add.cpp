#include "kernels/scaled_add.h"

#include "device/device.h"
#include "kernels/checks.h"

namespace corollary {

void scaled_add(Stream& stream, Tensor y, ConstTensor x, float scale) {
  check_matrix("scaled_add", "y", y);
  check_shape("scaled_add", "x", x, y.shape());
  check_dtype("scaled_add", "x", x, y.dtype());
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::scaled_add(stream, y, x, scale);
  cpu::scaled_add(stream, y, x, scale);
}

void scaled(Stream& stream, Tensor x, float scale) {
  check_matrix("scaled", "x", x);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::scaled(stream, x, scale);
  cpu::scaled(stream, x, scale);
}

}  // namespace corollary
