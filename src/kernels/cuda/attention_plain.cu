#include "kernels/cuda/attention.cuh"

// Attention in plain f32 multiplications and additions, for f32 and for what tensor cores do not take. Blocks of 32 queries and 32
// keys, widened to f32 in shared memory; head_dim is padded with zeros to kDim. Eight warps, four rows of the block that stays to
// each; lanes are the rows of the block that passes by, then, to add up a product, columns:
//   forward    queries stay, keys pass by: running maximum and sum       dq   queries stay, keys pass by
//   dk, dv     keys stay, the queries of each head of the group pass by
// As in attention_mma.cu p and dp are computed twice, and nothing is added up across blocks. A lane's product takes 5 reads of
// shared memory for 4 multiplications: a fifth of the machine's f32 rate at best.
namespace corollary::cuda {
namespace {

constexpr int kTile = 32, kWarps = 8, kThreads = 32 * kWarps, kRows = kTile / kWarps;

/// A tile is kTile rows of kDim floats, one more apart, so that a column lies in 32 different banks.
template <int kDim>
inline constexpr int kStep = kDim + 1;
template <int kDim>
inline constexpr int kTileFloats = kTile* kStep<kDim>;

template <int kDim, class T>
__device__ void load_tile(float* tile, const T* from, std::int64_t stride, int rows, int head_dim) {
  for (int i = threadIdx.x; i < kTile * kDim; i += kThreads) {
    const int row = i / kDim, d = i % kDim;
    tile[row * kStep<kDim> + d] = row < rows && d < head_dim ? float(from[row * stride + d]) : 0.0f;
  }
}

/// out[i] = row first + i of a . row `lane` of b
template <int kDim>
__device__ void dots(float (&out)[kRows], const float* a, int first, const float* b, int lane) {
#pragma unroll
  for (int i = 0; i < kRows; ++i) out[i] = 0;
#pragma unroll 8
  for (int d = 0; d < kDim; ++d) {
    const float x = b[lane * kStep<kDim> + d];
#pragma unroll
    for (int i = 0; i < kRows; ++i) out[i] = fmaf(a[(first + i) * kStep<kDim> + d], x, out[i]);
  }
}

/// sums[i][j] += sum_u weight[i] of lane u * b[u][lane + 32 j]
template <int kDim>
__device__ void add_weighted(float (&sums)[kRows][kDim / 32], const float (&weight)[kRows], const float* b, int lane) {
#pragma unroll 4
  for (int u = 0; u < kTile; ++u) {
    float w[kRows];
#pragma unroll
    for (int i = 0; i < kRows; ++i) w[i] = __shfl_sync(0xffffffffu, weight[i], u);
#pragma unroll
    for (int j = 0; j < kDim / 32; ++j) {
      const float x = b[u * kStep<kDim> + lane + 32 * j];
#pragma unroll
      for (int i = 0; i < kRows; ++i) sums[i][j] = fmaf(w[i], x, sums[i][j]);
    }
  }
}

template <int kDim, class T>
__device__ void store_row(T* to, const float (&sums)[kDim / 32], float factor, int head_dim, int lane) {
#pragma unroll
  for (int j = 0; j < kDim / 32; ++j)
    if (lane + 32 * j < head_dim) store(to + lane + 32 * j, sums[j] * factor);
}

template <class T, int kDim>
__global__ void __launch_bounds__(kThreads) forward_kernel(T* o, float* lse, const T* qkv, Heads s) {
  extern __shared__ float queries[];
  float *const keys = queries + kTileFloats<kDim>, *const values = keys + kTileFloats<kDim>;
  const int lane = threadIdx.x % 32, row = threadIdx.x / 32 * kRows;
  const int first = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kTile, head = blockIdx.y, b = blockIdx.z;
  const int kv_head = head / s.group(), end = min(s.seq_len, first + kTile);
  float sums[kRows][kDim / 32] = {}, most[kRows], total[kRows];
  int starts[kRows];
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    starts[i] = s.start(b, min(first + row + i, s.seq_len - 1));
    most[i] = -INFINITY, total[i] = 0;
  }
  load_tile<kDim>(queries, qkv + s.q(b, first, head), s.width(), s.seq_len - first, s.head_dim);
  for (int key = s.start(b, first) / kTile * kTile; key < end; key += kTile) {
    __syncthreads();
    load_tile<kDim>(keys, qkv + s.k(b, key, kv_head), s.width(), s.seq_len - key, s.head_dim);
    load_tile<kDim>(values, qkv + s.v(b, key, kv_head), s.width(), s.seq_len - key, s.head_dim);
    __syncthreads();
    const int u = key + lane;
    float p[kRows];
    dots<kDim>(p, queries, row, keys, lane);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const float score = u <= first + row + i && u >= starts[i] ? p[i] * s.scale : -INFINITY;
      const float highest = fmaxf(most[i], warp_max(score));
      const float shift = highest == -INFINITY ? 0.0f : highest;  // a row that saw no key yet stays at p = 0
      const float shrink = expf(most[i] - shift);
      p[i] = expf(score - shift);
      most[i] = highest;
      total[i] = total[i] * shrink + warp_sum(p[i]);
#pragma unroll
      for (int j = 0; j < kDim / 32; ++j) sums[i][j] *= shrink;
    }
    add_weighted<kDim>(sums, p, values, lane);
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int t = first + row + i;
    if (t >= s.seq_len) break;
    store_row<kDim>(o + s.out(b, t, head), sums[i], 1.0f / total[i], s.head_dim, lane);
    if (lane == 0) lse[s.lse(b, t, head)] = most[i] + logf(total[i]);
  }
}

template <class T, int kDim>
__global__ void __launch_bounds__(kThreads)
    dk_dv_kernel(T* d_qkv, const T* d_o, const float* lse, const float* delta, const T* qkv, Heads s) {
  extern __shared__ float keys[];
  float *const values = keys + kTileFloats<kDim>, *const queries = values + kTileFloats<kDim>,
               *const d_out = queries + kTileFloats<kDim>;
  const int lane = threadIdx.x % 32, row = threadIdx.x / 32 * kRows;
  const int first = static_cast<int>(blockIdx.x) * kTile, kv_head = blockIdx.y, b = blockIdx.z;
  float dk[kRows][kDim / 32] = {}, dv[kRows][kDim / 32] = {};
  load_tile<kDim>(keys, qkv + s.k(b, first, kv_head), s.width(), s.seq_len - first, s.head_dim);
  load_tile<kDim>(values, qkv + s.v(b, first, kv_head), s.width(), s.seq_len - first, s.head_dim);
  for (int head = kv_head * s.group(); head < (kv_head + 1) * s.group(); ++head)
    for (int query = first; query < s.seq_len; query += kTile) {
      if (s.start(b, query) > first + kTile - 1) break;  // of a document behind these keys, as all that follow
      __syncthreads();
      load_tile<kDim>(queries, qkv + s.q(b, query, head), s.width(), s.seq_len - query, s.head_dim);
      load_tile<kDim>(d_out, d_o + s.out(b, query, head), s.out_width(), s.seq_len - query, s.head_dim);
      __syncthreads();
      const int t = query + lane;
      const bool exists = t < s.seq_len;
      const float row_lse = exists ? lse[s.lse(b, t, head)] : 0, row_delta = exists ? delta[s.lse(b, t, head)] : 0;
      const int start = exists ? s.start(b, t) : 0;
      float p[kRows], ds[kRows];
      dots<kDim>(p, keys, row, queries, lane);
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        const int u = first + row + i;
        p[i] = exists && u <= t && u >= start ? expf(p[i] * s.scale - row_lse) : 0.0f;
      }
      add_weighted<kDim>(dv, p, d_out, lane);
      dots<kDim>(ds, values, row, d_out, lane);
#pragma unroll
      for (int i = 0; i < kRows; ++i) ds[i] = p[i] * (ds[i] - row_delta);
      add_weighted<kDim>(dk, ds, queries, lane);
    }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int u = first + row + i;
    if (u >= s.seq_len) break;
    store_row<kDim>(d_qkv + s.k(b, u, kv_head), dk[i], s.scale, s.head_dim, lane);
    store_row<kDim>(d_qkv + s.v(b, u, kv_head), dv[i], 1.0f, s.head_dim, lane);
  }
}

template <class T, int kDim>
__global__ void __launch_bounds__(kThreads)
    dq_kernel(T* d_qkv, const T* d_o, const float* lse, const float* delta, const T* qkv, Heads s) {
  extern __shared__ float queries[];
  float *const d_out = queries + kTileFloats<kDim>, *const keys = d_out + kTileFloats<kDim>,
               *const values = keys + kTileFloats<kDim>;
  const int lane = threadIdx.x % 32, row = threadIdx.x / 32 * kRows;
  const int first = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kTile, head = blockIdx.y, b = blockIdx.z;
  const int kv_head = head / s.group(), end = min(s.seq_len, first + kTile);
  float dq[kRows][kDim / 32] = {}, row_lse[kRows], row_delta[kRows];
  int starts[kRows];
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int t = min(first + row + i, s.seq_len - 1);
    row_lse[i] = lse[s.lse(b, t, head)], row_delta[i] = delta[s.lse(b, t, head)], starts[i] = s.start(b, t);
  }
  load_tile<kDim>(queries, qkv + s.q(b, first, head), s.width(), s.seq_len - first, s.head_dim);
  load_tile<kDim>(d_out, d_o + s.out(b, first, head), s.out_width(), s.seq_len - first, s.head_dim);
  for (int key = s.start(b, first) / kTile * kTile; key < end; key += kTile) {
    __syncthreads();
    load_tile<kDim>(keys, qkv + s.k(b, key, kv_head), s.width(), s.seq_len - key, s.head_dim);
    load_tile<kDim>(values, qkv + s.v(b, key, kv_head), s.width(), s.seq_len - key, s.head_dim);
    __syncthreads();
    const int u = key + lane;
    float p[kRows], ds[kRows];
    dots<kDim>(p, queries, row, keys, lane);
    dots<kDim>(ds, d_out, row, values, lane);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const bool sees = u <= first + row + i && u >= starts[i];
      ds[i] = sees ? expf(p[i] * s.scale - row_lse[i]) * (ds[i] - row_delta[i]) : 0.0f;
    }
    add_weighted<kDim>(dq, ds, keys, lane);
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int t = first + row + i;
    if (t >= s.seq_len) break;
    store_row<kDim>(d_qkv + s.q(b, t, head), dq[i], s.scale, s.head_dim, lane);
  }
}

dim3 grid_of(const Heads& s, int heads, int batch) {
  return {static_cast<unsigned>(blocks_of(s.seq_len, kTile)), static_cast<unsigned>(heads), static_cast<unsigned>(batch)};
}

/// f(type, head_dim) with a null pointer to the element's type and the padded head_dim as std::integral_constant.
template <class F>
void with_type_and_dim(DType dtype, int head_dim, F f) {
  with_element_of(dtype, [&](auto* type) {
    if (head_dim <= 64)
      f(type, std::integral_constant<int, 64>{});
    else if (head_dim <= 128)
      f(type, std::integral_constant<int, 128>{});
    else
      f(type, std::integral_constant<int, kPlainHeadDim>{});
  });
}

}  // namespace

void attention_forward_plain(Stream& stream, Tensor o, Tensor lse, ConstTensor qkv, const Heads& s, int batch) {
  with_type_and_dim(qkv.dtype(), s.head_dim, [&](auto* type, auto dim) {
    using T = std::remove_pointer_t<decltype(type)>;
    constexpr int kDim = decltype(dim)::value;
    launch(stream, forward_kernel<T, kDim>, grid_of(s, s.num_heads, batch), kThreads, 3 * kTileFloats<kDim> * 4,
           static_cast<T*>(o.raw()), lse.data<float>(), static_cast<const T*>(qkv.raw()), s);
  });
}

void attention_backward_plain(Stream& stream, const BackwardTensors& t, const Heads& s, int batch) {
  with_type_and_dim(t.qkv.dtype(), s.head_dim, [&](auto* type, auto dim) {
    using T = std::remove_pointer_t<decltype(type)>;
    constexpr int kDim = decltype(dim)::value;
    auto* const d_qkv = static_cast<T*>(t.d_qkv.raw());
    const auto* const d_o = static_cast<const T*>(t.d_o.raw());
    const auto* const qkv = static_cast<const T*>(t.qkv.raw());
    const auto* const lse = t.lse.data<float>();
    constexpr int kBytes = 4 * kTileFloats<kDim> * 4;
    launch(stream, dk_dv_kernel<T, kDim>, grid_of(s, s.num_kv_heads, batch), kThreads, kBytes, d_qkv, d_o, lse, t.delta, qkv, s);
    launch(stream, dq_kernel<T, kDim>, grid_of(s, s.num_heads, batch), kThreads, kBytes, d_qkv, d_o, lse, t.delta, qkv, s);
  });
}

}  // namespace corollary::cuda
