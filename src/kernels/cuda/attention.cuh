#pragma once
#include <cuda_bf16.h>

#include "device/cuda/check.h"
#include "kernels/attention.h"

// What the attention kernels for CUDA share: sizes and places as kernels take them, launching, and the two ways to compute.
namespace corollary::cuda {

/// Where the heads of a packed batch lie. T = seq_len, D = head_dim.
struct Heads {
  int seq_len, num_heads, num_kv_heads, head_dim;
  float scale;
  const std::int32_t* document_starts;  ///< [batch, T], or null: one document a sequence

  explicit Heads(const AttentionShape& s, ConstTensor starts)
      : seq_len(static_cast<int>(s.seq_len)),
        num_heads(static_cast<int>(s.num_heads)),
        num_kv_heads(static_cast<int>(s.num_kv_heads)),
        head_dim(static_cast<int>(s.head_dim)),
        scale(s.scale),
        document_starts(starts ? starts.data<std::int32_t>() : nullptr) {}
  __host__ __device__ int group() const { return num_heads / num_kv_heads; }
  __host__ __device__ std::int64_t width() const { return std::int64_t{num_heads + 2 * num_kv_heads} * head_dim; }
  __host__ __device__ std::int64_t out_width() const { return std::int64_t{num_heads} * head_dim; }
  /// Offsets of the rows from token t of sequence b on: in qkv and d_qkv, in o and d_o, in lse and delta.
  __device__ std::int64_t q(int b, int t, int head) const { return row(b, t) * width() + head * head_dim; }
  __device__ std::int64_t k(int b, int t, int kv_head) const { return row(b, t) * width() + (num_heads + kv_head) * head_dim; }
  __device__ std::int64_t v(int b, int t, int kv_head) const {
    return row(b, t) * width() + (num_heads + num_kv_heads + kv_head) * head_dim;
  }
  __device__ std::int64_t out(int b, int t, int head) const { return row(b, t) * out_width() + head * head_dim; }
  __device__ std::int64_t lse(int b, int t, int head) const { return (std::int64_t{b} * num_heads + head) * seq_len + t; }
  /// The first key that query t sees.
  __device__ int start(int b, int t) const { return document_starts == nullptr ? 0 : document_starts[row(b, t)]; }

 private:
  __device__ std::int64_t row(int b, int t) const { return std::int64_t{b} * seq_len + t; }
};

/// Queues kernel<<<grid, threads, shared_bytes>>>(arguments...), raising the limit on shared memory as needed.
template <class... Parameters, class... Arguments>
void launch(Stream& stream, void (*kernel)(Parameters...), dim3 grid, int threads, int shared_bytes, Arguments... arguments) {
  if (shared_bytes > 48 * 1024)
    check_cuda(
        cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes),
        "attention: asking for shared memory");
  kernel<<<grid, threads, static_cast<std::size_t>(shared_bytes), static_cast<cudaStream_t>(stream.native())>>>(arguments...);
  check_cuda(cudaGetLastError(), "attention: queueing a kernel");
}
inline int blocks_of(std::int64_t n, int size) { return static_cast<int>((n + size - 1) / size); }

/// The arguments of corollary::attention_backward, and delta [batch, num_heads, seq_len]: d_o . o of each row.
struct BackwardTensors {
  Tensor d_qkv;
  ConstTensor d_o, lse, qkv;
  const float* delta;
};

/// bf16, on tensor cores (attention_mma.cu): head_dim a multiple of 8 up to kMmaHeadDim, every tensor at a multiple of 16 bytes.
inline constexpr int kMmaHeadDim = 128;
void attention_forward_mma(Stream& stream, Tensor o, Tensor lse, ConstTensor qkv, const Heads& heads, int batch);
void attention_backward_mma(Stream& stream, const BackwardTensors& t, const Heads& heads, int batch);

/// f32 or bf16 in plain f32 arithmetic (attention_plain.cu): any head_dim up to kPlainHeadDim.
inline constexpr int kPlainHeadDim = 256;
void attention_forward_plain(Stream& stream, Tensor o, Tensor lse, ConstTensor qkv, const Heads& heads, int batch);
void attention_backward_plain(Stream& stream, const BackwardTensors& t, const Heads& heads, int batch);

/// f(a null pointer to float or __nv_bfloat16): the type a kernel is instantiated for.
template <class F>
void with_element_of(DType dtype, F f) {
  dtype == DType::bf16 ? f(static_cast<__nv_bfloat16*>(nullptr)) : f(static_cast<float*>(nullptr));
}
__device__ inline void store(float* to, float x) { *to = x; }
__device__ inline void store(__nv_bfloat16* to, float x) { *to = __float2bfloat16_rn(x); }

// Every lane gets the same bits: a butterfly adds the same pairs in every lane.
__device__ inline float warp_sum(float x) {
  for (int step = 16; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}
__device__ inline float warp_max(float x) {
  for (int step = 16; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, step));
  return x;
}

}  // namespace corollary::cuda
