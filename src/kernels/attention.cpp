#include "kernels/attention.h"

#include <algorithm>

#include "kernels/cuda/cudnn_attention.h"

namespace corollary {
namespace {

void check_shape(const AttentionShape& s) {
  check(
      s.batch > 0 && s.seq_len > 0 && s.num_heads > 0 && s.num_kv_heads > 0 && s.head_dim > 0 && s.num_heads % s.num_kv_heads == 0,
      "attention: ", s.num_heads, " heads over ", s.num_kv_heads, " key/value heads of ", s.head_dim, ", batch ", s.batch, " of ",
      s.seq_len);
}

void check_tensor(const char* name, ConstTensor t, DType dtype, const Shape& shape) {
  check(t.shape() == shape && t.dtype() == dtype && t.is_contiguous(), "attention: ", name, " is ", t.dtype(), " ", t.shape(),
        ", want ", dtype, " ", shape);
}

void check_all(ConstTensor o, ConstTensor lse, ConstTensor qkv, const AttentionShape& s, ConstTensor document_starts) {
  check_shape(s);
  check(qkv.dtype() == DType::f32 || qkv.dtype() == DType::bf16, "attention: qkv is ", qkv.dtype(), ", want f32 or bf16");
  const std::int64_t tokens = s.batch * s.seq_len;
  check_tensor("qkv", qkv, qkv.dtype(), {tokens, s.qkv_width()});
  check_tensor("o", o, qkv.dtype(), {tokens, s.num_heads * s.head_dim});
  check_tensor("lse", lse, DType::f32, {s.batch, s.num_heads, s.seq_len});
  if (document_starts) check_tensor("document_starts", document_starts, DType::i32, {tokens});
}

/// cuDNN's kernels where they serve: on Hopper twice as fast as ours, which have document masks and every other shape.
bool is_for_cudnn(const AttentionShape& shape, DType dtype, ConstTensor document_starts) {
  if constexpr (cuda::kHasCudnn) return !document_starts && cuda::cudnn_attention_serves(shape, dtype);
  return false;
}

}  // namespace

void attention_forward(Stream& stream, Tensor o, Tensor lse, ConstTensor qkv, const AttentionShape& shape,
                       ConstTensor document_starts) {
  check_all(o, lse, qkv, shape, document_starts);
  if constexpr (cuda::kHasCudnn)
    if (stream.on_cuda() && is_for_cudnn(shape, qkv.dtype(), document_starts))
      return cuda::cudnn_attention_forward(stream, o, lse, qkv, shape);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::attention_forward(stream, o, lse, qkv, shape, document_starts);
  cpu::attention_forward(stream, o, lse, qkv, shape, document_starts);
}

void attention_backward(Stream& stream, Tensor d_qkv, ConstTensor d_o, ConstTensor o, ConstTensor lse, ConstTensor qkv,
                        const AttentionShape& shape, ConstTensor document_starts) {
  check_all(o, lse, qkv, shape, document_starts);
  check_tensor("d_o", d_o, qkv.dtype(), o.shape());
  check_tensor("d_qkv", d_qkv, qkv.dtype(), qkv.shape());
  if constexpr (cuda::kHasCudnn)
    if (stream.on_cuda() && is_for_cudnn(shape, qkv.dtype(), document_starts))
      return cuda::cudnn_attention_backward(stream, d_qkv, d_o, o, lse, qkv, shape);
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::attention_backward(stream, d_qkv, d_o, o, lse, qkv, shape, document_starts);
  cpu::attention_backward(stream, d_qkv, d_o, o, lse, qkv, shape, document_starts);
}

// Of the hungriest path, deterministic backward by cuDNN, one sequence at a time: a row's sum of d_o * o, dS whole in bf16 in its tiles, and
// with grouped queries dk and dv of every query head. Said here again because a plan may be asked for where no cuDNN is.
std::int64_t attention_workspace_bytes(const AttentionShape& s, DType dtype, bool backward) {
  constexpr std::int64_t kSmall = 1 << 20;
  if (!backward) return kSmall;
  const auto up_to = [](std::int64_t n, std::int64_t tile) { return (n + tile - 1) / tile * tile; };
  const std::int64_t row_sums = s.batch * s.num_heads * s.seq_len * 4;
  if (dtype != DType::bf16) return kSmall + row_sums;
  const std::int64_t scores = s.num_heads * up_to(s.seq_len, 64) * up_to(s.seq_len, 128) * 2;
  return kSmall + row_sums + scores + (s.num_heads != s.num_kv_heads ? 4 * s.num_heads * s.seq_len * s.head_dim : 0);
}

void attention_decode(Stream& stream, Tensor o, ConstTensor q, ConstTensor keys, ConstTensor values, const AttentionShape& s) {
  check(s.num_heads > 0 && s.num_kv_heads > 0 && s.num_heads % s.num_kv_heads == 0 && s.head_dim > 0, "attention: ", s.num_heads,
        " heads over ", s.num_kv_heads, " key/value heads");
  check_tensor("q", q, q.dtype(), {s.num_heads * s.head_dim});
  check_tensor("o", o, q.dtype(), q.shape());
  check(keys.shape().rank() == 2 && keys.shape() == values.shape() && keys.dim(1) == s.num_kv_heads * s.head_dim && keys.dim(0) > 0,
        "attention: keys ", keys.shape(), " and values ", values.shape(), " want [length, ", s.num_kv_heads * s.head_dim, "]");
  check(keys.dtype() == q.dtype() && values.dtype() == q.dtype(), "attention: q is ", q.dtype(), ", keys ", keys.dtype());
  if constexpr (kHasCuda)
    if (stream.on_cuda()) return cuda::attention_decode(stream, o, q, keys, values, s);
  cpu::attention_decode(stream, o, q, keys, values, s);
}

}  // namespace corollary
