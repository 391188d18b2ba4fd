#include "kernels/split_vocabulary.h"

#include "kernels/cuda/common.cuh"

namespace corollary::cuda {
namespace {

constexpr int kThreads = 512;
constexpr int kAhead = 4;  // packs of a row that a thread loads before it needs the first of them

/// take(pack, its first column) for those packs of a row that are this thread's, in order.
template <int kWidth, class T, class Take>
__device__ void each_pack(T* row, int n, Take take) {
  constexpr int kStep = kThreads * kWidth;
  for (int begin = threadIdx.x * kWidth; begin < n; begin += kAhead * kStep) {
    Pack<std::remove_const_t<T>, kWidth> packs[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k)
      if (begin + k * kStep < n) packs[k] = load<kWidth>(row + begin + k * kStep);
#pragma unroll
    for (int k = 0; k < kAhead; ++k)
      if (begin + k * kStep < n) take(packs[k], begin + k * kStep);
  }
}

// Each of the three reads a token's row once, the last also writes it: one block a token. What a whole row's cross entropy does in one
// reading takes two here, because all ranks' maxima lie between them. 4096 tokens of 4002 bf16: 33 MB, 7 us at an H200's 4.8 TB/s.
template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads) maxima_kernel(float* maxima, Rows<const T> logits, int n) {
  const std::int64_t t = blockIdx.x;
  float highest = -INFINITY;
  each_pack<kWidth>(logits[t], n, [&](const auto& pack, int) {
#pragma unroll
    for (int j = 0; j < kWidth; ++j) highest = fmaxf(highest, pack[j]);
  });
  highest = block_max<kThreads>(highest);
  if (threadIdx.x == 0) maxima[t] = highest;
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads)
    sums_kernel(float* exponentials, float* of_targets, Rows<const T> logits, const float* maxima, const std::int32_t* part_targets, int n) {
  const std::int64_t t = blockIdx.x;
  const float shift = maxima[t];
  float sum = 0;
  each_pack<kWidth>(logits[t], n, [&](const auto& pack, int) {
#pragma unroll
    for (int j = 0; j < kWidth; ++j) sum += __expf(pack[j] - shift);
  });
  sum = block_sum<kThreads>(sum);
  if (threadIdx.x != 0) return;
  const int target = part_targets[t];
  exponentials[t] = sum;
  of_targets[t] = target < 0 || target >= n ? 0 : widen(logits[t][target]) - shift;
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads) gradient_kernel(Rows<T> logits, const float* maxima, const float* sums, const std::int32_t* targets,
                                                            const std::int32_t* part_targets, int n, float grad_scale) {
  const std::int64_t t = blockIdx.x;
  const bool counts = targets[t] >= 0;
  const int target = part_targets[t];
  const float shift = maxima[t], total = sums[t], scale = grad_scale / total;
  T* const row = logits[t];
  each_pack<kWidth>(row, n, [&](const auto& pack, int first) {
    store(row + first, make_pack<kWidth, T>([&](int j) {
            const float e = __expf(pack[j] - shift);
            return counts ? (first + j == target ? e - total : e) * scale : 0;
          }));
  });
}

/// kernel(grid, T(), width) for a matrix of logits.
template <class Launch>
void with_rows(ConstTensor logits, Message what, Launch launch) {
  if (logits.dim(0) == 0) return;
  with_element(logits.dtype(), [&](auto element) {
    with_width<decltype(element)>(is_aligned(logits, 16 / sizeof(element)), [&](auto width) { launch(num_blocks(logits.dim(0)), element, width); });
  });
  check_launch(what);
}

struct Within {
  std::int32_t* part;
  const std::int32_t* ids;
  std::int64_t begin, end;
  template <int kWidth>
  __device__ void run(std::int64_t t) const {
    const std::int64_t id = ids[t];
    part[t] = begin <= id && id < end ? static_cast<std::int32_t>(id - begin) : -1;
  }
};

struct Losses {
  float* losses;
  const float *exponentials, *of_targets;
  const std::int32_t* targets;
  template <int kWidth>
  __device__ void run(std::int64_t t) const {
    losses[t] = targets[t] < 0 ? 0 : logf(exponentials[t]) - of_targets[t];
  }
};

}  // namespace

void ids_within(Stream& stream, Tensor part, ConstTensor ids, std::int64_t begin, std::int64_t end) {
  launch_run<1>(stream, ids.count(), true, Within{part.data<std::int32_t>(), ids.data<std::int32_t>(), begin, end}, "queueing ids_within");
}

void split_maxima(Stream& stream, Tensor maxima, ConstTensor logits) {
  with_rows(logits, "queueing split_maxima", [&](unsigned blocks, auto element, auto width) {
    using T = decltype(element);
    maxima_kernel<T, width()>
        <<<blocks, kThreads, 0, stream_of(stream)>>>(maxima.data<float>(), rows_of<T>(logits), static_cast<int>(logits.dim(1)));
  });
}

void split_sums(Stream& stream, Tensor sums, ConstTensor logits, ConstTensor maxima, ConstTensor part_targets) {
  with_rows(logits, "queueing split_sums", [&](unsigned blocks, auto element, auto width) {
    using T = decltype(element);
    sums_kernel<T, width()><<<blocks, kThreads, 0, stream_of(stream)>>>(
        sums.data<float>(), sums.data<float>() + logits.dim(0), rows_of<T>(logits), maxima.data<float>(),
        part_targets.data<std::int32_t>(), static_cast<int>(logits.dim(1)));
  });
}

void split_losses(Stream& stream, Tensor losses, ConstTensor sums, ConstTensor targets) {
  const std::int64_t tokens = targets.count();
  launch_run<1>(stream, tokens, true,
                Losses{losses.data<float>(), sums.data<float>(), sums.data<float>() + tokens, targets.data<std::int32_t>()},
                "queueing split_losses");
}

void split_gradient(Stream& stream, Tensor logits, ConstTensor maxima, ConstTensor sums, ConstTensor targets, ConstTensor part_targets,
                    float grad_scale) {
  with_rows(logits, "queueing split_gradient", [&](unsigned blocks, auto element, auto width) {
    using T = decltype(element);
    gradient_kernel<T, width()><<<blocks, kThreads, 0, stream_of(stream)>>>(
        rows_of<T>(logits), maxima.data<float>(), sums.data<float>(), targets.data<std::int32_t>(), part_targets.data<std::int32_t>(),
        static_cast<int>(logits.dim(1)), grad_scale);
  });
}

}  // namespace corollary::cuda
