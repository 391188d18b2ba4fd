#include "kernels/cuda/cudnn_attention_graph.h"

namespace corollary::cuda {
namespace {

/// The tensors in memory, by strides. `W` is a row of qkv; H heads of queries, G of keys and values.
struct Layout {
  std::int64_t B, T, H, G, D, W;
  explicit Layout(const AttentionShape& s)
      : B(s.batch), T(s.seq_len), H(s.num_heads), G(s.num_kv_heads), D(s.head_dim), W(s.qkv_width()) {}

  CudnnTensor queries(CudnnGraph& g, std::int64_t id) const {
    return g.tensor(id, {B, H, T, D}, {T * W, D, W, 1}, CUDNN_DATA_BFLOAT16);
  }
  CudnnTensor keys(CudnnGraph& g, std::int64_t id) const {
    return g.tensor(id, {B, G, T, D}, {T * W, D, W, 1}, CUDNN_DATA_BFLOAT16);
  }
  CudnnTensor keys_transposed(CudnnGraph& g, std::int64_t id) const {
    return g.tensor(id, {B, G, D, T}, {T * W, D, 1, W}, CUDNN_DATA_BFLOAT16);
  }
  CudnnTensor outputs(CudnnGraph& g, std::int64_t id) const {
    return g.tensor(id, {B, H, T, D}, {T * H * D, D, H * D, 1}, CUDNN_DATA_BFLOAT16);
  }
  CudnnTensor per_row(CudnnGraph& g, std::int64_t id) const {
    return g.tensor(id, {B, H, T, 1}, {H * T, T, 1, 1}, CUDNN_DATA_FLOAT);
  }
};

CudnnTensor causal(CudnnGraph& g, const CudnnTensor& scores) {
  const CudnnTensor rows = g.index(scores, 2), columns = g.index(scores, 3);
  const CudnnTensor mask = g.pointwise(CUDNN_POINTWISE_CMP_GE, rows, columns, CUDNN_DATA_BOOLEAN);
  return g.select(mask, scores, g.scalar(kMinusInfinity));
}

}  // namespace

CudnnGraph attention_forward_graph(const AttentionShape& shape) {
  const Layout in(shape);
  CudnnGraph g;
  const CudnnTensor q = in.queries(g, kQ), kt = in.keys_transposed(g, kK), v = in.keys(g, kV);
  const CudnnTensor o = in.outputs(g, kO), lse = in.per_row(g, kLse), scale = g.scalar(kScale);

  const CudnnTensor qk = g.matmul(q, kt);                                                                    // [B, H, T, T]
  const CudnnTensor s = causal(g, g.pointwise(CUDNN_POINTWISE_MUL, qk, scale));                              // [B, H, T, T]
  const CudnnTensor highest = g.reduce_columns(CUDNN_REDUCE_TENSOR_MAX, s);                                  // [B, H, T, 1]
  const CudnnTensor exp_s = g.pointwise(CUDNN_POINTWISE_EXP, g.pointwise(CUDNN_POINTWISE_SUB, s, highest));  // [B, H, T, T]
  const CudnnTensor sum = g.reduce_columns(CUDNN_REDUCE_TENSOR_ADD, exp_s);                                  // [B, H, T, 1]
  g.pointwise_into(CUDNN_POINTWISE_ADD, highest, g.pointwise(CUDNN_POINTWISE_LOG, sum), lse);                // [B, H, T, 1]
  const CudnnTensor p = g.pointwise(CUDNN_POINTWISE_DIV, exp_s, sum, CUDNN_DATA_BFLOAT16);                   // [B, H, T, T]
  g.matmul(p, v, o);                                                                                         // [B, H, T, D]
  return g;
}

CudnnGraph attention_backward_graph(const AttentionShape& shape, bool is_deterministic) {
  const Layout in(shape);
  CudnnGraph g;
  const CudnnTensor q = in.queries(g, kQ), kt = in.keys_transposed(g, kK), vt = in.keys_transposed(g, kV);
  const CudnnTensor o = in.outputs(g, kO), lse = in.per_row(g, kLse), d_o = in.outputs(g, kDO);
  const CudnnTensor dq = in.queries(g, kDQ), dk = in.keys(g, kDK), dv = in.keys(g, kDV);
  const CudnnTensor scale = g.scalar(kScale), softmax_sum = in.per_row(g, kSoftmaxSum);
  // y = a b, the heads of a group added up
  const auto sum_over_group = [&](const CudnnTensor& a, const CudnnTensor& b, const CudnnTensor& y) {
    if (in.H == in.G) return g.matmul(a, b, y);
    g.reduce(CUDNN_REDUCE_TENSOR_ADD, g.matmul(a, b, CUDNN_DATA_BFLOAT16), y);
  };

  const CudnnTensor do_o = g.reduce_columns(CUDNN_REDUCE_TENSOR_ADD, g.pointwise(CUDNN_POINTWISE_MUL, d_o, o));  // [B, H, T, 1]
  g.pointwise_into(CUDNN_POINTWISE_MUL, do_o, g.scalar(kOne), softmax_sum);                                      // [B, H, T, 1]

  const CudnnTensor qk = g.matmul(q, kt);                                                                        // [B, H, T, T]
  const CudnnTensor log_p = g.pointwise(CUDNN_POINTWISE_SUB, g.pointwise(CUDNN_POINTWISE_MUL, qk, scale), lse);  // [B, H, T, T]
  const CudnnTensor p = g.pointwise(CUDNN_POINTWISE_EXP, causal(g, log_p));                                      // [B, H, T, T]
  sum_over_group(g.transposed(p, CUDNN_DATA_BFLOAT16), d_o, dv);                                                 // [B, G, T, D]

  const CudnnTensor dp = g.pointwise(CUDNN_POINTWISE_SUB, g.matmul(d_o, vt), softmax_sum);                       // [B, H, T, T]
  const CudnnTensor p_dp = g.pointwise(CUDNN_POINTWISE_MUL, dp, p);                                              // [B, H, T, T]
  const CudnnTensor ds = g.pointwise(CUDNN_POINTWISE_MUL, p_dp, scale, CUDNN_DATA_BFLOAT16);                     // [B, H, T, T]
  sum_over_group(g.transposed(ds, CUDNN_DATA_BFLOAT16), q, dk);                                                  // [B, G, T, D]

  const CudnnTensor k = g.transposed(kt, CUDNN_DATA_BFLOAT16);                                                   // [B, G, T, D]
  if (is_deterministic) {
    g.matmul(ds, k, dq);                                                                                         // [B, H, T, D]
  } else {
    const CudnnTensor dq_sum = g.tensor(kDQSum, dq.dims, {in.H * in.T * in.D, in.T * in.D, in.D, 1}, CUDNN_DATA_FLOAT);
    g.matmul(ds, k, dq_sum);                                                                                     // [B, H, T, D]
    g.pointwise_into(CUDNN_POINTWISE_IDENTITY, dq_sum, dq);
  }
  return g;
}

}  // namespace corollary::cuda
