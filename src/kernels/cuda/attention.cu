#include "kernels/cuda/attention.cuh"

// Chooses how to compute: bf16 goes to tensor cores where its shape allows, all else to plain f32 arithmetic. Neither uses atomic
// additions: two runs agree bit for bit.
namespace corollary::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;

/// delta[b,h,t] = d_o[b,t,h] . o[b,t,h]: one warp a row. Traffic: d_o and o once.
template <class T>
__global__ void delta_kernel(float* delta, const T* d_o, const T* o, int rows, Heads s) {
  const int lane = threadIdx.x % 32, row = blockIdx.x * kWarps + threadIdx.x / 32;  // [batch, T, H]
  if (row >= rows) return;
  const std::int64_t from = std::int64_t{row} * s.head_dim;
  float sum = 0;
  for (int d = lane; d < s.head_dim; d += 32) sum += float(d_o[from + d]) * float(o[from + d]);
  sum = warp_sum(sum);
  const int head = row % s.num_heads, token = row / s.num_heads;
  if (lane == 0) delta[s.lse(token / s.seq_len, token % s.seq_len, head)] = sum;
}

bool is_aligned(ConstTensor x) { return reinterpret_cast<std::uintptr_t>(x.raw()) % 16 == 0; }
bool suits_tensor_cores(ConstTensor qkv, ConstTensor o, const AttentionShape& s) {
  return qkv.dtype() == DType::bf16 && s.head_dim % 8 == 0 && s.head_dim <= kMmaHeadDim && is_aligned(qkv) && is_aligned(o);
}

void check_sizes(const AttentionShape& s) {
  check(s.head_dim <= kPlainHeadDim, "attention: head_dim ", s.head_dim, " on a GPU, at most ", kPlainHeadDim);
  check(s.batch <= 65535 && s.num_heads <= 65535, "attention: batch ", s.batch, " of ", s.num_heads,
        " heads, at most 65535 of each");
  check(s.batch * s.seq_len * s.num_heads < (std::int64_t{1} << 31), "attention: ", s.batch * s.seq_len, " tokens of ", s.num_heads,
        " heads: lower micro_batch_size");
}

}  // namespace

void attention_forward(Stream& stream, Tensor o, Tensor lse, ConstTensor qkv, const AttentionShape& s,
                       ConstTensor document_starts) {
  check_sizes(s);
  const Heads heads(s, document_starts);
  const int batch = static_cast<int>(s.batch);
  if (suits_tensor_cores(qkv, o, s)) return attention_forward_mma(stream, o, lse, qkv, heads, batch);
  attention_forward_plain(stream, o, lse, qkv, heads, batch);
}

void attention_backward(Stream& stream, Tensor d_qkv, ConstTensor d_o, ConstTensor o, ConstTensor lse, ConstTensor qkv,
                        const AttentionShape& s, ConstTensor document_starts) {
  check_sizes(s);
  const Heads heads(s, document_starts);
  const int batch = static_cast<int>(s.batch), rows = static_cast<int>(s.batch * s.seq_len * s.num_heads);
  auto* const delta = static_cast<float*>(stream.workspace(std::int64_t{rows} * 4));
  with_element_of(qkv.dtype(), [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    launch(stream, delta_kernel<T>, blocks_of(rows, kWarps), kThreads, 0, delta, static_cast<const T*>(d_o.raw()),
           static_cast<const T*>(o.raw()), rows, heads);
  });
  const BackwardTensors tensors{d_qkv, d_o, lse, qkv, delta};
  if (suits_tensor_cores(qkv, d_o, s) && is_aligned(d_qkv)) return attention_backward_mma(stream, tensors, heads, batch);
  attention_backward_plain(stream, tensors, heads, batch);
}

}  // namespace corollary::cuda
