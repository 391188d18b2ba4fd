#include "kernels/embedding.h"

#include <algorithm>

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/embedding.cpp"
#include <hwy/foreach_target.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace corollary::cpu::HWY_NAMESPACE {
namespace {

template <class T>
void add_rows_at(Tensor d_table, const std::int32_t* tokens, ConstTensor dx) {
  const std::int64_t n = dx.dim(1);
  for (std::int64_t t = 0; t < dx.dim(0); ++t) {
    if (tokens[t] < 0) continue;
    float* const total = row<float>(d_table, tokens[t]);
    const T* const added = row<T>(dx, t);
    each_vector(
        n, [&](std::int64_t i, auto lanes) HWY_ATTR { store(total + i, load(total + i, lanes) + load(added + i, lanes), lanes); });
  }
}
void embedding_backward_columns(Tensor d_table, const std::int32_t* tokens, ConstTensor dx) {
  with_element(dx.dtype(), [&](auto element) HWY_ATTR { add_rows_at<decltype(element)>(d_table, tokens, dx); });
}

}  // namespace
}  // namespace corollary::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace corollary::cpu {
namespace {
HWY_EXPORT(embedding_backward_columns);
}  // namespace

void embedding_forward(Stream&, Tensor x, ConstTensor tokens, ConstTensor table) {
  const std::int64_t row_bytes = x.dim(1) * size_of(x.dtype());
  const auto* ids = tokens.data<std::int32_t>();
  parallel_items(x.dim(0), 2 * row_bytes, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      std::byte* const to = static_cast<std::byte*>(x.raw()) + t * x.row_stride() * size_of(x.dtype());
      if (ids[t] < 0) {
        std::memset(to, 0, static_cast<std::size_t>(row_bytes));
      } else {
        std::memcpy(to, static_cast<const std::byte*>(table.raw()) + ids[t] * table.row_stride() * size_of(x.dtype()),
                    static_cast<std::size_t>(row_bytes));
      }
    }
  });
}

// Each thread owns some columns of the whole table, in cache lines of 16: the work is even however uneven the tokens, every sum
// runs in order of t, and nothing is shared.
void embedding_backward(Stream&, Tensor d_table, ConstTensor tokens, ConstTensor dx) {
  constexpr std::int64_t kStep = 16;
  const std::int64_t tokens_count = dx.dim(0), n = dx.dim(1);
  if (tokens_count == 0) return;
  parallel_items((n + kStep - 1) / kStep, tokens_count * kStep * (8 + size_of(dx.dtype())),
                 [&](std::int64_t first, std::int64_t last) {
                   const std::int64_t begin = first * kStep, end = std::min(last * kStep, n);
                   HWY_DYNAMIC_DISPATCH(embedding_backward_columns)
                   (d_table.columns(begin, end), tokens.data<std::int32_t>(), dx.columns(begin, end));
                 });
}

}  // namespace corollary::cpu
#endif  // HWY_ONCE
