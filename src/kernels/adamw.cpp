#include "kernels/adamw.h"

#include "kernels/checks.h"

namespace corollary {
namespace {

void check_run(const char* operation, const char* name, ConstTensor x, DType dtype, const Shape& shape) {
  check_packed(operation, name, x, shape);
  check_dtype(operation, name, x, dtype);
}

void check_moments(const char* operation, const Shape& shape, ConstTensor m, ConstTensor v, ConstTensor gradient,
                   const AdamWStep& step) {
  check_run(operation, "m", m, DType::f32, shape);
  check_run(operation, "v", v, DType::f32, shape);
  check_run(operation, "gradient", gradient, DType::f32, shape);
  check(step.step >= 1, operation, ": steps count from 1, this is ", step.step);
  check(step.beta1 >= 0 && step.beta1 < 1 && step.beta2 >= 0 && step.beta2 < 1, operation,
        ": beta1 and beta2 must lie in [0, 1), are ", step.beta1, " and ", step.beta2);
}

}  // namespace

void adamw(Stream& stream, Tensor weights, Tensor master, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step) {
  check(master.shape().rank() == 1, "adamw: master must have rank 1, is ", master.shape());
  check_run("adamw", "master", master, DType::f32, master.shape());
  if (weights) check_run("adamw", "weights", weights, DType::bf16, master.shape());
  check_moments("adamw", master.shape(), m, v, gradient, step);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::adamw(stream, weights, master, m, v, gradient, step);
  cpu::adamw(stream, weights, master, m, v, gradient, step);
}

void adamw_split(Stream& stream, Tensor weights, Tensor remainder, Tensor m, Tensor v, ConstTensor gradient,
                 const AdamWStep& step) {
  check(weights.shape().rank() == 1, "adamw_split: weights must have rank 1, are ", weights.shape());
  check_run("adamw_split", "weights", weights, DType::bf16, weights.shape());
  check_run("adamw_split", "remainder", remainder, DType::u16, weights.shape());
  check_moments("adamw_split", weights.shape(), m, v, gradient, step);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::adamw_split(stream, weights, remainder, m, v, gradient, step);
  cpu::adamw_split(stream, weights, remainder, m, v, gradient, step);
}

void adamw_stochastic(Stream& stream, Tensor weights, Tensor m, Tensor v, ConstTensor gradient, const AdamWStep& step,
                      std::uint64_t seed, std::int64_t first_index) {
  check(weights.shape().rank() == 1, "adamw_stochastic: weights must have rank 1, are ", weights.shape());
  check_run("adamw_stochastic", "weights", weights, DType::bf16, weights.shape());
  check_moments("adamw_stochastic", weights.shape(), m, v, gradient, step);
  check(first_index >= 0, "adamw_stochastic: first_index is ", first_index);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::adamw_stochastic(stream, weights, m, v, gradient, step, seed, first_index);
  cpu::adamw_stochastic(stream, weights, m, v, gradient, step, seed, first_index);
}

double sum_of_squares(Stream& stream, ConstTensor x) {
  check_packed("sum_of_squares", "x", x, x.shape());
  check_dtype("sum_of_squares", "x", x, DType::f32);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::sum_of_squares(stream, x);
  return cpu::sum_of_squares(stream, x);
}

void cast(Stream& stream, Tensor y, ConstTensor x) {
  check_packed("cast", "x", x, x.shape());
  check_packed("cast", "y", y, x.shape());
  check_float("cast", "x", x);
  check_float("cast", "y", y);
  if (y.raw() == x.raw() && y.dtype() == x.dtype()) return;
  check_apart("cast", "y", y, "x", x);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::cast(stream, y, x);
  cpu::cast(stream, y, x);
}

void accumulate(Stream& stream, Tensor y, ConstTensor x) {
  check_packed("accumulate", "x", x, x.shape());
  check_packed("accumulate", "y", y, x.shape());
  check_float("accumulate", "x", x);
  check_dtype("accumulate", "y", y, DType::f32);
  if (y.raw() != x.raw() || x.dtype() != DType::f32) check_apart("accumulate", "y", y, "x", x);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::accumulate(stream, y, x);
  cpu::accumulate(stream, y, x);
}

}  // namespace corollary
