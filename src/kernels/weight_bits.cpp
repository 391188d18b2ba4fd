#include "kernels/weight_bits.h"

#include "kernels/checks.h"

namespace corollary {
namespace {

void check_arguments(const char* operation, ConstTensor master, ConstTensor weights, ConstTensor remainder) {
  check(master.shape().rank() == 1, operation, ": master must have rank 1, is ", master.shape());
  check_packed(operation, "master", master, master.shape());
  check_packed(operation, "weights", weights, master.shape());
  check_packed(operation, "remainder", remainder, master.shape());
  check_dtype(operation, "master", master, DType::f32);
  check_dtype(operation, "weights", weights, DType::bf16);
  check_dtype(operation, "remainder", remainder, DType::u16);
  check_apart(operation, "weights", weights, "master", master);
  check_apart(operation, "remainder", remainder, "master", master);
  check_apart(operation, "remainder", remainder, "weights", weights);
}

}  // namespace

void split_master(Stream& stream, Tensor weights, Tensor remainder, ConstTensor master) {
  check_arguments("split_master", master, weights, remainder);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::split_master(stream, weights, remainder, master);
  cpu::split_master(stream, weights, remainder, master);
}

void join_master(Stream& stream, Tensor master, ConstTensor weights, ConstTensor remainder) {
  check_arguments("join_master", master, weights, remainder);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::join_master(stream, master, weights, remainder);
  cpu::join_master(stream, master, weights, remainder);
}

}  // namespace corollary
