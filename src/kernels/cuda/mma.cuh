#pragma once
#include <cuda_bf16.h>

#include <cstdint>

// Products of bf16 matrices on tensor cores, sm_80 and later: asynchronous copies into shared memory, ldmatrix, mma.sync m16n8k16.
// A warp holds fragments of a product c [16 rows, 8 columns] this way (PTX manual, "Matrix Fragments for mma.m16n8k16"), with g =
// lane / 4, e = 2 (lane % 4):
//   c (f32):  c[0], c[1] = (g, e), (g, e+1)      c[2], c[3] = (g+8, e), (g+8, e+1)
//   a [16, 16] (pairs): a[0] = (g, e)  a[1] = (g+8, e)  a[2] = (g, e+8)  a[3] = (g+8, e+8), each with its right neighbour
//   b [16, 8]  (pairs): b0 = (e, g)  b1 = (e+8, g), each with the element below
// So two neighbouring fragments c, rounded and paired, are one fragment a: a product feeds the next without leaving registers.
namespace corollary::cuda {

/// Matrices in shared memory are rows of kDim bf16, named by their address in the shared window. Chunk c (16 bytes) of row r lies
/// at chunk c ^ (r & 7): the eight rows of one column of chunks that ldmatrix reads at once lie in eight different groups of banks.
template <int kDim>
__device__ inline std::uint32_t address(std::uint32_t matrix, int row, int chunk) {
  return matrix + static_cast<std::uint32_t>((row * (kDim / 8) + (chunk ^ (row & 7))) * 16);
}
template <int kDim, int kRows>
inline constexpr int kMatrixBytes = kRows* kDim * 2;
__device__ inline std::uint32_t shared_address(const void* p) { return static_cast<std::uint32_t>(__cvta_generic_to_shared(p)); }

/// kBytes from global to shared memory, or zeros; arrives before a later wait_for_copies() returns.
template <int kBytes>
__device__ inline void copy_or_zero(std::uint32_t to, const void* from, bool has_data) {
  const int bytes = has_data ? kBytes : 0;
  if constexpr (kBytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(from), "n"(kBytes), "r"(bytes) : "memory");
}
/// Of this thread's copies; __syncthreads() after it makes everybody's visible.
__device__ inline void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/// kRows rows of `columns` bf16, `stride` elements apart, of which `rows` exist; zeros below and right of them.
template <int kDim, int kRows, int kThreads>
__device__ inline void copy_rows(std::uint32_t matrix, const __nv_bfloat16* from, std::int64_t stride, int rows, int columns) {
  constexpr int kChunks = kDim / 8, kStep = kThreads / kChunks;  // rows at once; a thread keeps its column of chunks
  static_assert(kRows % kStep == 0 && kStep % 8 == 0);           // and its place in the pattern of address()
  const int row = static_cast<int>(threadIdx.x) / kChunks, chunk = static_cast<int>(threadIdx.x) % kChunks;
  const std::uint32_t to = address<kDim>(matrix, row, chunk);
  const __nv_bfloat16* at = from + row * stride + chunk * 8;
  const int existing = chunk * 8 < columns ? rows - row : 0;
#pragma unroll
  for (int i = 0; i < kRows; i += kStep, at += kStep * stride)
    copy_or_zero<16>(to + i * kChunks * 16, i < existing ? at : from, i < existing);
}

__device__ inline void load_matrices(std::uint32_t (&r)[4], std::uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row));
}
__device__ inline void load_matrices_transposed(std::uint32_t (&r)[4], std::uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row));
}
__device__ inline void mma(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
/// `low` in the lower half: the element with the lower index.
__device__ inline std::uint32_t pair(float low, float high) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const std::uint32_t*>(&both);
}

/// A warp's fragments c of [16 kTiles, kColumns].
template <int kTiles, int kColumns>
using Fragments = float[kTiles][kColumns / 8][4];

/// c += a b^T over kDim; a: 16 kTiles rows from `row` on, b: kColumns rows, both in shared memory.
template <int kDim, int kTiles, int kColumns>
__device__ inline void add_product_transposed(Fragments<kTiles, kColumns>& c, std::uint32_t a, int row, std::uint32_t b) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int k = 0; k < kDim / 16; ++k) {
    std::uint32_t left[kTiles][4];
#pragma unroll
    for (int m = 0; m < kTiles; ++m)  // lanes name the rows: upper left, lower left, upper right, lower right 8 x 8
      load_matrices(left[m], address<kDim>(a, row + 16 * m + (lane & 15), 2 * k + (lane >> 4)));
#pragma unroll
    for (int n = 0; n < kColumns / 16; ++n) {
      std::uint32_t right[4];  // b0 and b1 of columns 16n.., b0 and b1 of columns 16n+8..
      load_matrices(right, address<kDim>(b, 16 * n + (lane & 7) + (lane >> 4) * 8, 2 * k + ((lane >> 3) & 1)));
#pragma unroll
      for (int m = 0; m < kTiles; ++m) {
        mma(c[m][2 * n], left[m], right[0], right[1]);
        mma(c[m][2 * n + 1], left[m], right[2], right[3]);
      }
    }
  }
}

/// c += p b over kInner; p in registers, rounded to bf16 here; b: kInner rows of kDim in shared memory.
template <int kDim, int kTiles, int kInner>
__device__ inline void add_product(Fragments<kTiles, kDim>& c, const Fragments<kTiles, kInner>& p, std::uint32_t b) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int k = 0; k < kInner / 16; ++k) {
    std::uint32_t left[kTiles][4];
#pragma unroll
    for (int m = 0; m < kTiles; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        left[m][2 * half] = pair(p[m][2 * k + half][0], p[m][2 * k + half][1]);
        left[m][2 * half + 1] = pair(p[m][2 * k + half][2], p[m][2 * k + half][3]);
      }
#pragma unroll
    for (int n = 0; n < kDim / 16; ++n) {
      std::uint32_t right[4];
      load_matrices_transposed(right, address<kDim>(b, 16 * k + (lane & 15), 2 * n + (lane >> 4)));
#pragma unroll
      for (int m = 0; m < kTiles; ++m) {
        mma(c[m][2 * n], left[m], right[0], right[1]);
        mma(c[m][2 * n + 1], left[m], right[2], right[3]);
      }
    }
  }
}

}  // namespace corollary::cuda
