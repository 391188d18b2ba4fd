#pragma once
#include <cstdint>
#include <string>

#include "device/stream.h"
#include "device/tensor.h"

namespace corollary {

/// The three products of a linear layer y = x w^T (docs/math/linear.md). Each is 2 T I O flops.
///   x [T, I]   y [T, O]   w [O, I], as a Hugging Face checkpoint stores it   dx, dy, dw: their gradients
/// x, y, w, dx, dy: all f32 or all bf16 (y and dx may be f32 beside bf16 inputs); rows may be strided. Products of bf16 are summed
/// in f32. Return once queued on `stream`. Throw Error if a shape or dtype differs from the above.

/// y = x w^T
void linear_forward(Stream& stream, Tensor y, ConstTensor x, ConstTensor w);
/// dx = dy w
void linear_backward_input(Stream& stream, Tensor dx, ConstTensor dy, ConstTensor w);
/// dw = dy^T x, or dw += dy^T x if `accumulate`;   dw is f32, or an empty view: the matrix is frozen, nothing is computed
void linear_backward_weight(Stream& stream, Tensor dw, ConstTensor dy, ConstTensor x, bool accumulate);

/// What a product may ask of Stream::workspace on a GPU.
constexpr std::int64_t matmul_workspace_bytes() { return std::int64_t{64} << 20; }
/// What computes products on the GPU, with version: "cuBLASLt 130002"; empty in a build without CUDA.
std::string matmul_library();

namespace cpu {
decltype(corollary::linear_forward) linear_forward;
decltype(corollary::linear_backward_input) linear_backward_input;
decltype(corollary::linear_backward_weight) linear_backward_weight;
}  // namespace cpu

namespace cuda {
decltype(corollary::linear_forward) linear_forward;
decltype(corollary::linear_backward_input) linear_backward_input;
decltype(corollary::linear_backward_weight) linear_backward_weight;
decltype(corollary::matmul_library) matmul_library;
}  // namespace cuda

}  // namespace corollary
