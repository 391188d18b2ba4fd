#include "kernels/matvec.h"

#include "kernels/cuda/common.cuh"

namespace corollary::cuda {
namespace {

constexpr int kThreads = 128;

// Traffic: w once, rows * columns * sizeof(W) bytes; x comes from L1 and L2. A warp a row, four packs of it in flight.
template <class W, class X, int kWidth>
__global__ void __launch_bounds__(kThreads)
    matvec_kernel(void* y, bool y_is_bf16, Rows<const W> w, const X* x, std::int64_t rows, int n) {
  constexpr int kStep = 32 * kWidth, kAhead = 4;
  const std::int64_t row = std::int64_t{blockIdx.x} * (kThreads / 32) + threadIdx.x / 32;
  const int first = threadIdx.x % 32 * kWidth;
  if (row >= rows) return;
  const W* const of_row = w[row];
  float sum = 0;
  for (int begin = first; begin < n; begin += kAhead * kStep) {
    Pack<W, kWidth> a[kAhead];
    Pack<X, kWidth> b[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int i = begin + k * kStep;
      if (i >= n) break;
      a[k] = load<kWidth>(of_row + i);
      b[k] = load<kWidth>(x + i);
    }
#pragma unroll
    for (int k = 0; k < kAhead; ++k)
      if (begin + k * kStep < n)
#pragma unroll
        for (int j = 0; j < kWidth; ++j) sum = fmaf(a[k][j], b[k][j], sum);
  }
  sum = warp_sum(sum);
  if (threadIdx.x % 32 != 0) return;
  if (y_is_bf16)
    static_cast<bf16*>(y)[row] = narrow<bf16>(sum);
  else
    static_cast<float*>(y)[row] = sum;
}

}  // namespace

void matvec(Stream& stream, Tensor y, ConstTensor w, ConstTensor x) {
  const std::int64_t rows = w.dim(0), n = w.dim(1);
  if (rows == 0) return;
  with_element(w.dtype(), [&](auto w_element) {
    with_element(x.dtype(), [&](auto x_element) {
      using W = decltype(w_element);
      using X = decltype(x_element);
      constexpr int kVector = 16 / sizeof(W);
      with_width<W>(is_aligned(w, kVector) && is_aligned(x, kVector), [&](auto width) {
        matvec_kernel<W, X, width()><<<num_blocks(divide_up(rows, kThreads / 32)), kThreads, 0, stream_of(stream)>>>(
            y.raw(), y.dtype() == DType::bf16, rows_of<W>(w), x.data<X>(), rows, static_cast<int>(n));
      });
    });
  });
  check_launch("queueing matvec");
}

}  // namespace corollary::cuda
