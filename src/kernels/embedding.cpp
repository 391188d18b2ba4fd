#include "kernels/embedding.h"

#include "kernels/checks.h"

namespace corollary {

void embedding_forward(Stream& stream, Tensor x, ConstTensor tokens, ConstTensor table) {
  check_matrix("embedding_forward", "table", table);
  check_packed("embedding_forward", "tokens", tokens, Shape{tokens.count()});
  check_dtype("embedding_forward", "tokens", tokens, DType::i32);
  check_shape("embedding_forward", "x", x, Shape{tokens.count(), table.dim(1)});
  check_dtype("embedding_forward", "x", x, table.dtype());
  check_apart("embedding_forward", "x", x, "table", table);
  if (!stream.on_cuda()) check_range("embedding_forward", "tokens", tokens, 0, table.dim(0));
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::embedding_forward(stream, x, tokens, table);
  cpu::embedding_forward(stream, x, tokens, table);
}

void embedding_backward(Stream& stream, Tensor d_table, ConstTensor tokens, ConstTensor dx) {
  check_matrix("embedding_backward", "d_table", d_table);
  check_dtype("embedding_backward", "d_table", d_table, DType::f32);
  check_packed("embedding_backward", "tokens", tokens, Shape{tokens.count()});
  check_dtype("embedding_backward", "tokens", tokens, DType::i32);
  check_shape("embedding_backward", "dx", dx, Shape{tokens.count(), d_table.dim(1)});
  check_float("embedding_backward", "dx", dx);
  check_apart("embedding_backward", "d_table", d_table, "dx", dx);
  if (!stream.on_cuda()) check_range("embedding_backward", "tokens", tokens, 0, d_table.dim(0));
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::embedding_backward(stream, d_table, tokens, dx);
  cpu::embedding_backward(stream, d_table, tokens, dx);
}

}  // namespace corollary
