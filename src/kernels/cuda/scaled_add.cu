#include "kernels/scaled_add.h"

#include <cuda_runtime.h>

#include "device/cuda/check.h"

// Traffic: two reads and a write an element (scaled: one and one). A thread an element; rows over blockIdx.y. Adapters' matrices are
// narrow or few, so this is a thousandth of a step and nothing here is tuned.
namespace corollary::cuda {
namespace {

__device__ float widen(float x) { return x; }
__device__ float widen(bf16 x) { return __uint_as_float(std::uint32_t{x.bits} << 16); }
template <class T>
__device__ T narrow(float x);
template <>
__device__ float narrow<float>(float x) {
  return x;
}
template <>
__device__ bf16 narrow<bf16>(float x) {  // to nearest, ties to even; NaN stays NaN
  const std::uint32_t bits = __float_as_uint(x);
  if (isnan(x)) return {static_cast<std::uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}

template <class T>
__global__ void kernel(T* y, std::int64_t y_stride, const T* x, std::int64_t x_stride, std::int64_t rows, std::int64_t columns,
                       float keep, float scale) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= columns) return;
  for (std::int64_t t = blockIdx.y; t < rows; t += gridDim.y) {
    T& out = y[t * y_stride + i];
    out = narrow<T>(keep * widen(out) + scale * widen(x[t * x_stride + i]));
  }
}

template <class T>
void launch(Stream& stream, Tensor y, ConstTensor x, float keep, float scale) {
  constexpr unsigned kThreads = 256, kMostRows = 65'535;
  const std::int64_t rows = y.dim(0), columns = y.dim(1);
  if (rows == 0 || columns == 0) return;
  const dim3 grid(static_cast<unsigned>((columns + kThreads - 1) / kThreads), static_cast<unsigned>(rows < kMostRows ? rows : kMostRows));
  kernel<T><<<grid, kThreads, 0, static_cast<cudaStream_t>(stream.native())>>>(y.data<T>(), y.row_stride(), x.data<T>(), x.row_stride(),
                                                                               rows, columns, keep, scale);
  check_cuda(cudaGetLastError(), "scaled_add");
}

}  // namespace

void scaled_add(Stream& stream, Tensor y, ConstTensor x, float scale) {
  y.dtype() == DType::f32 ? launch<float>(stream, y, x, 1, scale) : launch<bf16>(stream, y, x, 1, scale);
}

void scaled(Stream& stream, Tensor x, float scale) {
  x.dtype() == DType::f32 ? launch<float>(stream, x, x, 0, scale) : launch<bf16>(stream, x, x, 0, scale);
}

}  // namespace corollary::cuda
