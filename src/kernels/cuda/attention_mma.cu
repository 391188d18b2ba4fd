#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/mma.cuh"

// FlashAttention-2 (arXiv:2307.08691) on mma.sync. Four warps a block; head_dim is padded with zeros to kDim, 64 or 128.
//   forward    a block of 128 queries, 32 a warp, walks the blocks of 64 keys it sees with a running maximum and sum
//   dk, dv     a block of 64 keys, 16 a warp, walks the blocks of 64 queries that see it, for each query head of its group in turn:
//              p^T and ds^T come out of their products as the left operands of dv += p^T do and dk += ds^T q
//   dq         a block of 64 queries, 16 a warp, walks its keys again
// p and dp are computed twice in the backward pass, 7 products instead of 5, so that nothing is added up across blocks: no atomics,
// two runs agree bit for bit. Blocks with most work start first. Scores, p, delta and all sums are f32; p and ds are rounded to
// bf16 where they enter a product. Exponentials are powers of two: log2(e) goes into the scale.
//
// Traffic at 4096 tokens of 128: a block reads 32 KB of k and v (from L2) per 64 keys and does 128 * 64 * 128 * 4 = 4.2 Mflop on
// them. The limit is ldmatrix: 512 bytes, 4 clocks of shared memory, feed 4 mma in the forward pass, which tensor cores do in as
// many.
namespace corollary::cuda {
namespace {

using Element = __nv_bfloat16;
constexpr int kWarps = 4, kThreads = 32 * kWarps;
constexpr int kKeys = 64;  // of a block of keys, both passes
constexpr int kTiles = 2;  // of 16 queries a warp, forward
constexpr int kQueries = 16 * kTiles * kWarps;
constexpr int kRows = 16 * kWarps;  // queries of a block, backward
constexpr float kLog2e = 1.44269504088896341f;

__device__ float exp2_of(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
/// Over the four lanes that share rows of fragments c.
__device__ float quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
__device__ float quad_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}
/// Fragments c of 16 rows, times `factor`: rows g and g + 8 to `to` (the row g of head_dim elements), those of `rows` that exist.
template <int kDim>
__device__ void store_rows(Element* to, std::int64_t stride, const float (&c)[kDim / 8][4], const float (&factor)[2], int rows,
                           int head_dim) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = lane / 4 + 8 * half;
    if (row >= rows) continue;
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n)
      if (8 * n < head_dim)
        *reinterpret_cast<std::uint32_t*>(to + row * stride + 8 * n + 2 * (lane % 4)) =
            pair(c[n][2 * half] * factor[half], c[n][2 * half + 1] * factor[half]);
  }
}

template <int kDim>
constexpr int kForwardBytes = kMatrixBytes<kDim, kQueries + 2 * kKeys>;

template <int kDim>
__global__ void __launch_bounds__(kThreads) forward_kernel(Element* o, float* lse, const Element* qkv, Heads s) {
  extern __shared__ __align__(128) unsigned char shared[];
  const std::uint32_t queries = shared_address(shared), keys = queries + kMatrixBytes<kDim, kQueries>,
                      values = keys + kMatrixBytes<kDim, kKeys>;
  const int lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * 16 * kTiles;
  const int first = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kQueries, head = blockIdx.y, b = blockIdx.z;
  const int kv_head = head / s.group(), end = min(s.seq_len, first + kQueries);
  const bool has_documents = s.document_starts != nullptr;
  const int key_begin = s.start(b, first) / kKeys * kKeys, last_start = s.start(b, end - 1);
  const auto copy_keys = [&](int key) {
    copy_rows<kDim, kKeys, kThreads>(keys, qkv + s.k(b, key, kv_head), s.width(), s.seq_len - key, s.head_dim);
  };
  int starts[kTiles][2] = {};
  float most[kTiles][2], sums[kTiles][2];
#pragma unroll
  for (int m = 0; m < kTiles; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int t = first + warp_row + 16 * m + lane / 4 + 8 * half;
      if (has_documents && t < s.seq_len) starts[m][half] = s.start(b, t);
      most[m][half] = -INFINITY, sums[m][half] = 0;
    }
  Fragments<kTiles, kDim> out = {};
  const float scale = s.scale * kLog2e;

  copy_rows<kDim, kQueries, kThreads>(queries, qkv + s.q(b, first, head), s.width(), s.seq_len - first, s.head_dim);
  copy_keys(key_begin);
  for (int key = key_begin; key < end; key += kKeys) {
    wait_for_copies();
    __syncthreads();  // these keys are here, and nobody reads the values of the block before any longer
    copy_rows<kDim, kKeys, kThreads>(values, qkv + s.v(b, key, kv_head), s.width(), s.seq_len - key, s.head_dim);
    Fragments<kTiles, kKeys> p = {};
    add_product_transposed<kDim, kTiles, kKeys>(p, queries, warp_row, keys);
    wait_for_copies();
    __syncthreads();  // these values are here, and nobody reads these keys any longer
    if (key + kKeys < end) copy_keys(key + kKeys);

    if (key + kKeys - 1 > first || last_start > key) {  // some query here does not see some key
#pragma unroll
      for (int m = 0; m < kTiles; ++m)
#pragma unroll
        for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const int t = first + warp_row + 16 * m + lane / 4 + 8 * (i / 2), u = key + 8 * n + 2 * (lane % 4) + i % 2;
            if (u > t || u < starts[m][i / 2]) p[m][n][i] = -INFINITY;
          }
    }
#pragma unroll
    for (int m = 0; m < kTiles; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float highest = most[m][half];
#pragma unroll
        for (int n = 0; n < kKeys / 8; ++n) highest = fmaxf(highest, fmaxf(p[m][n][2 * half], p[m][n][2 * half + 1]));
        highest = quad_max(highest);
        const float shift = highest == -INFINITY ? 0.0f : highest * scale;  // a row that saw no key yet stays at p = 0
        const float shrink = exp2_of(most[m][half] * scale - shift);
        most[m][half] = highest;
        float sum = 0;
#pragma unroll
        for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; ++i) {
            p[m][n][i] = exp2_of(fmaf(p[m][n][i], scale, -shift));
            sum += p[m][n][i];
          }
        sums[m][half] = sums[m][half] * shrink + sum;
#pragma unroll
        for (int n = 0; n < kDim / 8; ++n) out[m][n][2 * half] *= shrink, out[m][n][2 * half + 1] *= shrink;
      }
    add_product<kDim, kTiles, kKeys>(out, p, values);
  }

#pragma unroll
  for (int m = 0; m < kTiles; ++m) {
    const int row = first + warp_row + 16 * m;
    float factor[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float sum = quad_sum(sums[m][half]);
      const int t = row + lane / 4 + 8 * half;
      factor[half] = 1.0f / sum;
      if (lane % 4 == 0 && t < s.seq_len) lse[s.lse(b, t, head)] = most[m][half] * s.scale + logf(sum);
    }
    store_rows<kDim>(o + s.out(b, row, head), s.out_width(), out[m], factor, s.seq_len - row, s.head_dim);
  }
}

/// Two blocks of 64 rows that stay, and two buffers of two that pass by, with lse, delta and document start of 64 queries each.
template <int kDim>
constexpr int kBackwardBytes = kMatrixBytes<kDim, 6 * kRows> + 2 * 3 * kRows * 4;

template <int kDim>
__global__ void __launch_bounds__(kThreads)
    dk_dv_kernel(Element* d_qkv, const Element* d_o, const float* lse, const float* delta, const Element* qkv, Heads s) {
  static_assert(kKeys == kRows);
  extern __shared__ __align__(128) unsigned char shared[];
  constexpr int kMatrix = kMatrixBytes<kDim, kRows>;
  const std::uint32_t keys = shared_address(shared), values = keys + kMatrix, passing = values + kMatrix;
  float* const scalars = reinterpret_cast<float*>(shared + 6 * kMatrix);  // [2 buffers][lse, delta, start][kRows]
  __shared__ int shared_end;
  const int lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * 16;
  const int first = static_cast<int>(blockIdx.x) * kKeys, kv_head = blockIdx.y, b = blockIdx.z;
  const bool has_documents = s.document_starts != nullptr;

  if (threadIdx.x == 0) shared_end = s.seq_len;
  __syncthreads();
  if (has_documents)  // queries from the first block on that lies behind all documents with keys here see none of them
    for (int t = first + kRows * static_cast<int>(threadIdx.x); t < s.seq_len; t += kRows * kThreads)
      if (s.start(b, t) > first + kKeys - 1) atomicMin(&shared_end, t);
  __syncthreads();
  const int blocks = (shared_end - first + kRows - 1) / kRows, steps = s.group() * blocks;

  const auto copy_queries = [&](int step) {
    const int head = kv_head * s.group() + step / blocks, t = first + step % blocks * kRows;
    const std::uint32_t to = passing + step % 2 * 2 * kMatrix;
    copy_rows<kDim, kRows, kThreads>(to, qkv + s.q(b, t, head), s.width(), s.seq_len - t, s.head_dim);
    copy_rows<kDim, kRows, kThreads>(to + kMatrix, d_o + s.out(b, t, head), s.out_width(), s.seq_len - t, s.head_dim);
    const int row = threadIdx.x;
    if (row < kRows) {
      const bool exists = t + row < s.seq_len;
      const std::int64_t from = exists ? s.lse(b, t + row, head) : 0;
      const std::uint32_t scalar = shared_address(scalars + step % 2 * 3 * kRows + row);
      copy_or_zero<4>(scalar, lse + from, exists);
      copy_or_zero<4>(scalar + 4 * kRows, delta + from, exists);
      if (has_documents)
        copy_or_zero<4>(scalar + 8 * kRows, s.document_starts + (exists ? std::int64_t{b} * s.seq_len + t + row : 0), exists);
    }
  };
  copy_rows<kDim, kKeys, kThreads>(keys, qkv + s.k(b, first, kv_head), s.width(), s.seq_len - first, s.head_dim);
  copy_rows<kDim, kKeys, kThreads>(values, qkv + s.v(b, first, kv_head), s.width(), s.seq_len - first, s.head_dim);
  copy_queries(0);

  Fragments<1, kDim> dk = {}, dv = {};
  const float scale = s.scale * kLog2e;
  for (int step = 0; step < steps; ++step) {
    wait_for_copies();
    __syncthreads();  // this step's queries are here, and nobody reads those of the step before any longer
    if (step + 1 < steps) copy_queries(step + 1);
    const std::uint32_t queries = passing + step % 2 * 2 * kMatrix, d_out = queries + kMatrix;
    const float* const row_lse = scalars + step % 2 * 3 * kRows;
    const float* const row_delta = row_lse + kRows;
    const int* const row_start = reinterpret_cast<const int*>(row_delta + kRows);
    const int query = first + step % blocks * kRows;
    const bool sees_all = query > first && query + kRows <= s.seq_len && !has_documents;

    Fragments<1, kRows> p = {}, ds = {};  // p^T, ds^T: rows are keys, columns queries
    add_product_transposed<kDim, 1, kRows>(p, keys, warp_row, queries);
#pragma unroll
    for (int n = 0; n < kRows / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int column = 8 * n + 2 * (lane % 4) + i % 2, t = query + column, u = first + warp_row + lane / 4 + 8 * (i / 2);
        const bool sees = sees_all || (u <= t && t < s.seq_len && (!has_documents || row_start[column] <= u));
        p[0][n][i] = sees ? exp2_of(fmaf(p[0][n][i], scale, -kLog2e * row_lse[column])) : 0.0f;
      }
    add_product<kDim, 1, kRows>(dv, p, d_out);
    add_product_transposed<kDim, 1, kRows>(ds, values, warp_row, d_out);
#pragma unroll
    for (int n = 0; n < kRows / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) ds[0][n][i] = p[0][n][i] * (ds[0][n][i] - row_delta[8 * n + 2 * (lane % 4) + i % 2]);
    add_product<kDim, 1, kRows>(dk, ds, queries);
  }

  const int row = first + warp_row;
  store_rows<kDim>(d_qkv + s.k(b, row, kv_head), s.width(), dk[0], {s.scale, s.scale}, s.seq_len - row, s.head_dim);
  store_rows<kDim>(d_qkv + s.v(b, row, kv_head), s.width(), dv[0], {1.0f, 1.0f}, s.seq_len - row, s.head_dim);
}

template <int kDim>
__global__ void __launch_bounds__(kThreads)
    dq_kernel(Element* d_qkv, const Element* d_o, const float* lse, const float* delta, const Element* qkv, Heads s) {
  extern __shared__ __align__(128) unsigned char shared[];
  constexpr int kMatrix = kMatrixBytes<kDim, kRows>;
  const std::uint32_t queries = shared_address(shared), d_out = queries + kMatrix, passing = d_out + kMatrix;
  const int lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * 16;
  const int first = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kRows, head = blockIdx.y, b = blockIdx.z;
  const int kv_head = head / s.group(), end = min(s.seq_len, first + kRows);
  const int key_begin = s.start(b, first) / kKeys * kKeys, last_start = s.start(b, end - 1);
  float row_lse[2] = {}, row_delta[2] = {};  // of log2; rows g and g + 8 of the warp's 16
  int starts[2] = {};
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int t = first + warp_row + lane / 4 + 8 * half;
    if (t >= s.seq_len) continue;
    row_lse[half] = lse[s.lse(b, t, head)] * kLog2e;
    row_delta[half] = delta[s.lse(b, t, head)];
    starts[half] = s.start(b, t);
  }
  const auto copy_keys = [&](int key) {
    const std::uint32_t to = passing + key / kKeys % 2 * 2 * kMatrix;
    copy_rows<kDim, kKeys, kThreads>(to, qkv + s.k(b, key, kv_head), s.width(), s.seq_len - key, s.head_dim);
    copy_rows<kDim, kKeys, kThreads>(to + kMatrix, qkv + s.v(b, key, kv_head), s.width(), s.seq_len - key, s.head_dim);
  };
  copy_rows<kDim, kRows, kThreads>(queries, qkv + s.q(b, first, head), s.width(), s.seq_len - first, s.head_dim);
  copy_rows<kDim, kRows, kThreads>(d_out, d_o + s.out(b, first, head), s.out_width(), s.seq_len - first, s.head_dim);
  copy_keys(key_begin);

  Fragments<1, kDim> dq = {};
  const float scale = s.scale * kLog2e;
  for (int key = key_begin; key < end; key += kKeys) {
    wait_for_copies();
    __syncthreads();  // these keys are here, and nobody reads those before any longer
    if (key + kKeys < end) copy_keys(key + kKeys);
    const std::uint32_t keys = passing + key / kKeys % 2 * 2 * kMatrix, values = keys + kMatrix;
    const bool sees_all = key + kKeys - 1 <= first && last_start <= key;
    Fragments<1, kKeys> p = {}, ds = {};
    add_product_transposed<kDim, 1, kKeys>(p, queries, warp_row, keys);
    add_product_transposed<kDim, 1, kKeys>(ds, d_out, warp_row, values);
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int t = first + warp_row + lane / 4 + 8 * (i / 2), u = key + 8 * n + 2 * (lane % 4) + i % 2;
        const bool sees = sees_all || (u <= t && u >= starts[i / 2]);
        const float weight = sees ? exp2_of(fmaf(p[0][n][i], scale, -row_lse[i / 2])) : 0.0f;
        ds[0][n][i] = weight * (ds[0][n][i] - row_delta[i / 2]);
      }
    add_product<kDim, 1, kKeys>(dq, ds, keys);
  }
  const int row = first + warp_row;
  store_rows<kDim>(d_qkv + s.q(b, row, head), s.width(), dq[0], {s.scale, s.scale}, s.seq_len - row, s.head_dim);
}

const Element* elements(ConstTensor x) { return static_cast<const Element*>(x.raw()); }
Element* elements(Tensor x) { return static_cast<Element*>(x.raw()); }
dim3 grid_of(const Heads& s, int rows, int heads, int batch) {
  return {static_cast<unsigned>(blocks_of(s.seq_len, rows)), static_cast<unsigned>(heads), static_cast<unsigned>(batch)};
}

template <int kDim>
void forward(Stream& stream, Tensor o, Tensor lse, ConstTensor qkv, const Heads& s, int batch) {
  launch(stream, forward_kernel<kDim>, grid_of(s, kQueries, s.num_heads, batch), kThreads, kForwardBytes<kDim>, elements(o),
         lse.data<float>(), elements(qkv), s);
}
template <int kDim>
void backward(Stream& stream, const BackwardTensors& t, const Heads& s, int batch) {
  launch(stream, dk_dv_kernel<kDim>, grid_of(s, kKeys, s.num_kv_heads, batch), kThreads, kBackwardBytes<kDim>, elements(t.d_qkv),
         elements(t.d_o), t.lse.data<float>(), t.delta, elements(t.qkv), s);
  launch(stream, dq_kernel<kDim>, grid_of(s, kRows, s.num_heads, batch), kThreads, kBackwardBytes<kDim>, elements(t.d_qkv),
         elements(t.d_o), t.lse.data<float>(), t.delta, elements(t.qkv), s);
}

}  // namespace

void attention_forward_mma(Stream& stream, Tensor o, Tensor lse, ConstTensor qkv, const Heads& heads, int batch) {
  heads.head_dim <= 64 ? forward<64>(stream, o, lse, qkv, heads, batch) : forward<kMmaHeadDim>(stream, o, lse, qkv, heads, batch);
}
void attention_backward_mma(Stream& stream, const BackwardTensors& t, const Heads& heads, int batch) {
  heads.head_dim <= 64 ? backward<64>(stream, t, heads, batch) : backward<kMmaHeadDim>(stream, t, heads, batch);
}

}  // namespace corollary::cuda
