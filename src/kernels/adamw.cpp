#include "kernels/adamw.h"

#include "kernels/checks.h"

namespace corollary {

void adamw(Stream& stream, Tensor weights, Tensor master, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step) {
  check(master.shape().rank() == 1, "adamw: master must have rank 1, is ", master.shape());
  const Shape shape = master.shape();
  check_packed("adamw", "master", master, shape);
  check_packed("adamw", "m", m, shape);
  check_packed("adamw", "v", v, shape);
  check_packed("adamw", "gradient", gradient, shape);
  check_dtype("adamw", "master", master, DType::f32);
  check_dtype("adamw", "m", m, DType::f32);
  check_dtype("adamw", "v", v, DType::f32);
  check_dtype("adamw", "gradient", gradient, DType::f32);
  if (weights) {
    check_packed("adamw", "weights", weights, shape);
    check_dtype("adamw", "weights", weights, DType::bf16);
  }
  check(step.step >= 1, "adamw: steps count from 1, this is ", step.step);
  check(step.beta1 >= 0 && step.beta1 < 1 && step.beta2 >= 0 && step.beta2 < 1, "adamw: beta1 and beta2 must lie in [0, 1), are ",
        step.beta1, " and ", step.beta2);
  cpu::adamw(stream, weights, master, m, v, gradient, step);
}

double sum_of_squares(Stream& stream, ConstTensor x) {
  check_packed("sum_of_squares", "x", x, x.shape());
  check_dtype("sum_of_squares", "x", x, DType::f32);
  return cpu::sum_of_squares(stream, x);
}

void cast(Stream& stream, Tensor y, ConstTensor x) {
  check_packed("cast", "x", x, x.shape());
  check_packed("cast", "y", y, x.shape());
  check_float("cast", "x", x);
  check_float("cast", "y", y);
  if (y.raw() == x.raw() && y.dtype() == x.dtype()) return;
  check_apart("cast", "y", y, "x", x);
  cpu::cast(stream, y, x);
}

}  // namespace corollary
